"""Your function as one that takes and gives plain data. Protected: no edit may change it."""

import inspect
from collections.abc import Iterator
from itertools import islice

import target_module as module
from selfproof_objects import from_plain, holds_objects, to_plain

MOST_ITEMS = 1_000_000  # of an iterator, which may have no end


def target(arguments, keywords):
    """Call it with what plain data stands for -> its answer, and its objects as they are afterwards."""
    args = [from_plain(item) for item in arguments]
    named = {name: from_plain(item) for name, item in keywords.items()}
    answer = module.target_function(*args, **named)
    if inspect.iscoroutine(answer):
        answer = finished(answer)
    if isinstance(answer, Iterator):
        answer = list(islice(answer, MOST_ITEMS))
    answer = to_plain(answer)
    if holds_objects(arguments) or holds_objects(keywords):
        return [answer, to_plain(args), to_plain(named)]
    return answer


def finished(coroutine):
    """What a coroutine returns that waits for nothing but its own."""
    try:
        while True:
            if coroutine.send(None) is not None:
                raise TypeError("it waits for something outside, which is not there")
    except StopIteration as end:
        return end.value
