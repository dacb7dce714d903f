"""Asks the user's own function one question. Protected: no edit reaches it."""

import importlib
import inspect

MODULE, FUNCTION = "solver_module", "solver_function"


def solve(question):
    """{"input": text or messages, "choices": list of texts, if there are any} -> the function's answer, a text.

    The function gets the input, and the choices too if there are some and it takes two arguments.
    """
    function = getattr(importlib.import_module(MODULE), FUNCTION)
    given = [question["input"]]
    if question.get("choices") and len(inspect.signature(function).parameters) > 1:
        given.append(question["choices"])
    answer = function(*given)
    return answer if isinstance(answer, str) else str(answer)
