"""The sacrificial engine: one worker, attacks by name over stdin, what came of them as JSON lines on stdout.

`python -m selfproof.attacks.engine` reads one line {"tier", "without"}, then orders {"source", "x"}, perhaps with files
"beside"; for each order it answers with a row for the attack, waits for an empty line while the monitor looks around,
and answers with a row for the honest program after it. It is trusted no more than any engine: the monitor watches it
from outside.

Two layers are left out here, as they are no part of the operating system: "fresh" (programs then share a process) and
"protocol" (answers, scorer and clock then lie in the program's own process, and the engine unpickles and believes what
comes back, with all of its own limits lifted far: what most tools do).
"""

from __future__ import annotations

import ctypes
import io
import json
import pickle
import re
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from selfproof.attacks.catalogue import source_of
from selfproof.jail import Job, Limits, Outcome, ladder, values, verdict
from selfproof.jail.worker import Worker, WorkerFailed

OWN_LAYERS: Final = frozenset({"fresh", "protocol"})
DEADLINE_S: Final = 1.0
HONEST_S: Final = 8.0
WORDS: Final = ("went through", "worked")
TOKEN: Final = re.compile(rb"tok-[a-z]+-[0-9a-f]{16}")
_MEMORY_MB: Final = 512
_OUTPUT_BYTES: Final = Limits().output_bytes
_FAR: Final = Limits(wall_s=4.0, cpu_s=1, memory_mb=_MEMORY_MB, output_bytes=1 << 30, log_bytes=1 << 30)
_SUBREAPER: Final = 36


class _Engine:
    """One worker of a tier with layers left out."""

    def __init__(self, tier: str, without: frozenset[str]) -> None:
        self.screening, self.naive = "fresh" in without, "protocol" in without
        self._tier, self._without = tier, without - OWN_LAYERS
        self.memory = "-".join(("tok", "memory", secrets.token_hex(8)))  # for attacks to find in here
        self._record = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        self.worker = self._start()

    def _start(self) -> Worker:
        return ladder.start(self._tier, ["numpy"], without=self._without)

    def restart(self) -> bool:
        """Replace the worker if it may have come to harm, as a pool does; tell whether."""
        if not self.worker.suspect:
            return False
        self.worker.kill()
        self.worker = self._start()
        return True

    def run(
        self, source: str, x: dict[str, object], wall_s: float, beside: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Run one program and say what this engine believes of it; ``beside`` are files that it may import."""
        answer = secrets.randbelow(1 << 62)
        files, entry = {**(beside or {}), "attack.py": source}, "attack.py:solve"
        limits = Limits(wall_s=wall_s, cpu_s=1, memory_mb=_MEMORY_MB, output_bytes=_OUTPUT_BYTES)
        if self.naive:
            files |= {"evaluate.py": source_of("evaluate"), "answers.py": f"ANSWER = {answer}\n"}
            entry, limits = "evaluate.py:evaluate", _FAR
        job = Job(files, entry, [values.encode(x)], limits=limits, screening=self.screening)
        began = time.perf_counter()
        outcome = self.worker.run(job)
        elapsed = time.perf_counter() - began
        belief = (self._believe if self.naive else _judge)(outcome, answer)
        told = outcome.log + (outcome.message or "")
        found = TOKEN.findall(b"".join(outcome.outputs)) + TOKEN.findall(told.encode(errors="replace"))
        return {
            "status": outcome.status, "message": (outcome.message or "")[:200], "elapsed": elapsed,
            "tokens": sorted({token.decode() for token in found}), "escape": "\x1b" in told,
            "perfect": belief.perfect, "seconds": belief.seconds, "worker_died": outcome.status == "jail_failed",
            "said": belief.output if belief.output in WORDS else None, "output": _leftovers(belief.output),
        }  # fmt: skip

    def forget(self, x: dict[str, object]) -> None:
        """End a process that was kept for screening, so that attacks cannot help each other."""
        if self.screening:
            self.worker.run(Job({"attack.py": "def solve(x): pass"}, "attack.py:solve", [values.encode(x)]))

    def _believe(self, outcome: Outcome, answer: int) -> _Belief:
        """Take the word of a naive evaluator: unpickle it, record it, compare it with the best."""
        body = values.decode(outcome.outputs[0]) if outcome.outputs else None
        if not isinstance(body, bytes):
            return _Belief()
        try:
            claim = pickle.loads(body)  # noqa: S301  this is what the protocol is for
        except (pickle.UnpicklingError, AttributeError, ImportError):
            return _Belief()
        self._record.write(json.dumps(claim, default=str, ensure_ascii=False))
        self._record.flush()
        if not isinstance(claim, dict):
            return _Belief()
        return _Belief(not claim["score"] < 1.0, float(claim["seconds"]), claim["output"])


@dataclass(frozen=True)
class _Belief:
    """What an engine makes of an outcome; `seconds` is None where the program gave no answer."""

    perfect: bool = False
    seconds: float | None = None
    output: object = None


def _judge(outcome: Outcome, answer: int) -> _Belief:
    """Score outside, on what came back as data, with the engine's own clock: what the product does."""
    if not outcome.outputs:
        return _Belief()
    output = values.decode(outcome.outputs[0])
    return _Belief(type(output) is int and output == answer, sum(outcome.seconds), output)


def _leftovers(output: object) -> object:
    """The answer of the honest program, or what is safe to show of any other."""
    if type(output) is list and len(output) == 2 and type(output[0]) is int and type(output[1]) is list:
        return [output[0], [str(item)[:80] for item in output[1][:8]]]
    return None


def main() -> None:
    """Serve orders until stdin ends."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)  # so that what outlives its parent stays below this process
    settings = json.loads(sys.stdin.readline())
    try:
        engine = _Engine(settings["tier"], frozenset(settings["without"]))
    except (WorkerFailed, OSError, ValueError) as error:
        _say({"failed": str(error)})
        return
    if engine.naive:  # nor does it clean what it shows
        verdict.clean = lambda text: text
        verdict.printable = lambda log: log.decode(errors="replace")
    held = Path(settings["held"]).open()  # noqa: SIM115  for attacks that take over open files
    _say({"memory": engine.memory, "fork_server": engine.worker.pid})
    for line in sys.stdin:
        order = json.loads(line)
        engine.forget(order["x"])
        _say(engine.run(order["source"], order["x"], DEADLINE_S, order.get("beside")))
        sys.stdin.readline()
        restarted = engine.restart()
        # A kept process goes on only under the same limits, so there the honest program has those of the attack.
        wall_s = DEADLINE_S if engine.screening else HONEST_S
        _say(
            engine.run(source_of("honest"), order["x"], wall_s)
            | {"restarted": restarted, "fork_server": engine.worker.pid}
        )
    held.close()
    engine.worker.kill()


def _say(row: dict[str, Any]) -> None:
    print(json.dumps(row), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
