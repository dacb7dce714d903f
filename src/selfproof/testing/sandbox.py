"""What the engine relies on in a provider of isolation (`selfproof.jail.providers`), as one check.

    from selfproof.testing.sandbox import check_provider

    def test_ours():
        check_provider(our_provider)

It shows that jobs are answered, bounded and ended as promised. It does not show that the provider isolates: for
that, run `selfproof.attacks` against it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields

from selfproof.grants import NOTHING
from selfproof.jail import Job, Limits, Outcome, values
from selfproof.jail.providers import Isolated, Provider

LATE_S = 2.0  # seconds that ending a job may take beyond its deadline


class BrokenPromise(AssertionError):
    """A provider does not do what the engine relies on; the message says what."""


def check_provider(provider: Provider, promises: Sequence[Callable[[Isolated], None]] = ()) -> None:
    """Start workers of a provider and hold each to a promise of `Isolated`, or of these. Raises BrokenPromise."""
    for promise in promises or PROMISES:
        with _worker(provider) as worker:
            try:
                promise(worker)
            except BrokenPromise:
                raise
            except Exception as error:
                raise BrokenPromise(f"{_words(promise)}: run raised {type(error).__name__}: {error}") from error


@contextmanager
def _worker(provider: Provider) -> Iterator[Isolated]:
    worker = provider([], NOTHING)
    try:
        yield worker
    finally:
        worker.kill()
        worker.kill()  # twice does no harm


def _words(promise: Callable[[Isolated], None]) -> str:
    return (promise.__doc__ or "").rstrip(".")


def _run(worker: Isolated, source: str, *given: object, **rest: object) -> Outcome:
    limits = Limits(**{"wall_s": 5.0} | {k: rest.pop(k) for k in list(rest) if k in _LIMITS})  # type: ignore[arg-type]
    job = Job({"m.py": source}, "m.py:f", [values.encode(value) for value in given], limits=limits, **rest)  # type: ignore[arg-type]
    return worker.run(job)


_LIMITS = frozenset(field.name for field in fields(Limits))


def _must(promise: Callable[[Isolated], None], held: object, outcome: object) -> None:
    if not held:
        raise BrokenPromise(f"{_words(promise)}: {outcome}")


def answers_in_order(worker: Isolated) -> None:
    """Each input is answered, in order, with the seconds it took, the tier and the layers."""
    outcome = _run(worker, "import time\ndef f(x):\n    time.sleep(x / 100)\n    return [x]", 3, 1, 2)
    held = [values.decode(data) for data in outcome.outputs] == [[3], [1], [2]] and outcome.status == "ok"
    _must(answers_in_order, held and len(outcome.seconds) == 3, outcome)
    _must(answers_in_order, all(s >= n / 100 for s, n in zip(outcome.seconds, (3, 1, 2), strict=True)), outcome)
    _must(answers_in_order, (outcome.tier, outcome.layers) == (worker.tier, worker.layers), outcome)


def every_job_starts_anew(worker: Isolated) -> None:
    """No job finds what an earlier one left in its process."""
    poison = "import sys, builtins\ndef f(x):\n    sys.modules['left'] = sys\n    builtins.len = None\n    return x"
    _run(worker, poison, 1)
    outcome = _run(worker, "def f(x):\n    import sys\n    return ['left' in sys.modules, len([x])]", 1)
    held = outcome.status == "ok" and values.decode(outcome.outputs[0]) == [False, 1]
    _must(every_job_starts_anew, held, outcome)


def trouble_has_a_name(worker: Isolated) -> None:
    """What a program does wrong is a status, never an exception, and the answers before it stay."""
    for source, status in {
        "def f(x):\n    if x: raise ValueError('no')\n    return x": "error",
        "def f(x):\n    while x: pass\n    return x": "timeout",
        "import os\ndef f(x):\n    if x: os._exit(3)\n    return x": "crashed",
        "def f(x): return object() if x else x": "invalid_output",
        "def f(x): return b'x' * 100_000 * x": "invalid_output",
    }.items():
        outcome = _run(worker, source, 0, 1, wall_s=1.0, output_bytes=50_000)
        over = {"protocol_error", "invalid_output"} if status == "invalid_output" else {status}
        _must(trouble_has_a_name, outcome.status in over and len(outcome.outputs) == 1, (status, outcome))


def deadlines_hold(worker: Isolated) -> None:
    """A job ends soon after its deadline, whatever it ignores, and prints no more than its limit."""
    source = (
        "import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n    except OSError: pass\n"
    )
    began = time.monotonic()
    outcome = _run(worker, source + "def f(x):\n    while True: print('\\x1b[31m' + 'y' * 999)", 1, wall_s=0.5)
    _must(deadlines_hold, outcome.status == "timeout" and time.monotonic() - began < 0.5 + LATE_S, outcome.status)
    _must(deadlines_hold, 0 < len(outcome.log) <= Limits().log_bytes and "\x1b" not in outcome.log, len(outcome.log))


def jobs_can_be_cut_short(worker: Isolated) -> None:
    """`go_on` ends a job after the answer that it is told of."""
    seen: list[tuple[int, bytes]] = []

    def go_on(position: int, output: bytes) -> bool:
        seen.append((position, output))
        return position < 1

    outcome = _run(worker, "def f(x): return x", 5, 6, 7, go_on=go_on)
    held = outcome.status == "ok" and [*enumerate(outcome.outputs)] == seen and len(seen) == 2
    _must(jobs_can_be_cut_short, held, (outcome, seen))


def interrupting_is_not_the_programs_fault(worker: Isolated) -> None:
    """`interrupt` from another thread ends the running job at once, as `jail_failed`."""
    timer = threading.Timer(0.3, worker.interrupt)
    timer.start()
    began = time.monotonic()
    outcome = _run(worker, "def f(x):\n    while True: pass", 1, wall_s=30.0, cpu_s=30)
    timer.join()
    held = outcome.status == "jail_failed" and time.monotonic() - began < 0.3 + LATE_S
    _must(interrupting_is_not_the_programs_fault, held, outcome)


def rest_does_no_harm(worker: Isolated) -> None:
    """`rest` may come at any time between jobs."""
    for screening in (True, False):
        worker.rest()
        outcome = _run(worker, "def f(x): return x", 1, screening=screening)
        worker.rest()
        _must(rest_does_no_harm, outcome.status == "ok", outcome)


def jobs_are_counted(worker: Isolated) -> None:
    """`served` grows by one with each job."""
    before = worker.served
    _run(worker, "def f(x): return x", 1)
    _must(jobs_are_counted, worker.served == before + 1, worker.served)


PROMISES: tuple[Callable[[Isolated], None], ...] = (
    answers_in_order, every_job_starts_anew, trouble_has_a_name, deadlines_hold, jobs_can_be_cut_short,
    interrupting_is_not_the_programs_fault, rest_does_no_harm, jobs_are_counted,
)  # fmt: skip
