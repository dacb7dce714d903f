"""Makes the recorded calls of your function, one after the other. Protected: no edit may change it."""

import target_module as module


def run(calls):
    """calls: a list of argument lists -> how many of them gave an answer."""
    answered = 0
    for args in calls:
        try:
            module.target_function(*args)
            answered += 1
        except Exception:
            pass
    return answered
