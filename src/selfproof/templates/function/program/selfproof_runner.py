"""Makes the recorded calls of your function, one after the other. Protected: no edit may change it."""

from target_module import target_function


def run(calls):
    """calls: a list of argument lists -> how many of them gave an answer."""
    answered = 0
    for args in calls:
        try:
            target_function(*args)
            answered += 1
        except Exception:
            pass
    return answered
