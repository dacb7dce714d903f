"""Exchanges: messages in lock-step with one process, each made from the answers before it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from selfproof.jail import Job, Limits, Outcome, Pool, values
from selfproof.jail.limits import Reply

Run = Callable[..., Outcome]

COUNTS = """
seen = []
def f(x):
    seen.append(x)
    return [len(seen), x]
"""


def doubling(most: int, heard: list[object]) -> Callable[[int], Reply]:
    """Asks for twice the last answer's number until it is over `most`; comes to the number of answers."""

    def begin(position: int) -> Reply:
        turns: list[object] = []

        def reply(output: bytes) -> tuple[bool, bytes]:
            answer = values.decode(output)
            turns.append(answer)
            heard.append((position, answer))
            number = 2 * answer[1]  # type: ignore[index]
            return (True, values.encode(["turns", len(turns)])) if number > most else (False, values.encode(number))

        return reply

    return begin


@pytest.fixture
def exchanged(pool: Pool) -> Run:
    """Run source with one exchange for each input."""

    def exchanged(
        source: str, begin: Callable[[int], Reply], *inputs: object, screening: bool = False, **limits: float
    ) -> Outcome:
        ceilings = Limits(**{"wall_s": 5.0} | limits)  # type: ignore[arg-type]
        encoded = [values.encode(value) for value in inputs]
        job = Job({"m.py": source}, "m.py:f", encoded, limits=ceilings, exchange=begin, screening=screening)
        return pool.submit(job).result(timeout=30)

    return exchanged


def test_each_message_follows_from_the_answer_before(exchanged: Run) -> None:
    heard: list[object] = []
    outcome = exchanged(COUNTS, doubling(20, heard), 3, 7)
    assert outcome.status == "ok" and len(outcome.seconds) == 2
    assert [values.decode(output) for output in outcome.outputs] == [["turns", 3], ["turns", 2]]
    assert heard == [(0, [1, 3]), (0, [2, 6]), (0, [3, 12]), (1, [4, 7]), (1, [5, 14])], "one process, in order"


def test_an_exchange_begins_anew_in_a_fresh_process(exchanged: Run) -> None:
    """A program that fails where others ran before it is run again; its exchange knows nothing of the first try."""
    exchanged("def f(x): return [0, x]", doubling(1, []), 1, screening=True)
    source = "import os\npid = os.getpid()\nseen = []\ndef f(x):\n    seen.append(x)\n    return [len(seen), x]"
    outcome = exchanged(source + "\nif not hasattr(os, 'first'): os.first = 1", doubling(9, []), 1, screening=True)
    assert [values.decode(output) for output in outcome.outputs] == [["turns", 4]]
    heard: list[object] = []
    leaves = (
        "import os\nn = 0\ndef f(x):\n    global n\n    n += 1\n    if n == 2 and hasattr(os, 'first'): os._exit(1)\n"
    )
    outcome = exchanged(leaves + "    return [n, x]", doubling(9, heard), 1, screening=True)
    assert outcome.status == "ok" and [values.decode(output) for output in outcome.outputs] == [["turns", 4]]
    assert heard[0] == heard[1] == (0, [1, 1]), "the first try said one word"


def test_a_failure_in_the_middle_keeps_what_was_over(exchanged: Run) -> None:
    outcome = exchanged("def f(x):\n    return [1 // (x - 12), x]", doubling(20, []), 10, 3)
    assert outcome.status == "error" and "ZeroDivisionError" in (outcome.message or "")
    assert [values.decode(output) for output in outcome.outputs] == [["turns", 2]]


def test_one_deadline_covers_all_messages(exchanged: Run) -> None:
    source = "import time\ndef f(x):\n    time.sleep(0.2)\n    return [1, x]"
    outcome = exchanged(source, doubling(1 << 30, []), 1, wall_s=1.0)
    assert outcome.status == "timeout" and outcome.outputs == ()


def test_the_room_for_output_is_that_of_one_message(exchanged: Run) -> None:
    source = "def f(x):\n    return [b'a' * 600, x]"
    assert exchanged(source, doubling(1000, []), 1, output_bytes=1000).status == "ok"
    outcome = exchanged(source.replace("600", "600 * x"), doubling(1000, []), 1, output_bytes=1000)
    assert outcome.status == "invalid_output" and "1000" in (outcome.message or "")
    flood = "import os, struct\ndef f(x):\n    os.write(4, struct.pack('<IB', 1 << 30, 18))\n    return [1, x]"
    assert exchanged(flood, doubling(1000, []), 1, output_bytes=1000).status == "protocol_error"


def test_a_word_out_of_turn_is_refused(exchanged: Run) -> None:
    source = """
import os, struct
from selfproof.jail import values
def f(x):
    answer = values.encode([1, x])
    os.write(4, struct.pack("<IB", len(answer) + 1, 18) + answer)
    return [1, x]
"""
    assert exchanged(source, doubling(20, []), 1).status == "protocol_error"
