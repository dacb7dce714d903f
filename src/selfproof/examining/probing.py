"""The attack suite's probes, some of them, with the adopted code as payload: does the jail still hold around it?

The version is imported and called first, then the attack tries, in the same process, in a sacrificial engine with
bystander, sockets, files and tokens beside it; a monitor outside judges by what the kernel shows there. Once the
version runs alone: then it is the attack. What gets through twice got through: a machine may be slow once.

Only tiers of ours can be probed, and nothing is granted to what runs there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from selfproof.attacks.catalogue import Attack, chosen
from selfproof.attacks.monitor import EngineFailed, Monitor
from selfproof.charter import Objective
from selfproof.jail import values
from selfproof.life import Life
from selfproof.nouns import Candidate
from selfproof.trial.task import Sample, Task

PROBES: Final = (
    "files/read_secret", "files/overwrite", "files/write_tmp", "network/tcp", "network/unix", "kernel/exec",
    "memory/read_engine", "memory/take_control_socket", "persistence/file", "forging/search_objects",
)  # fmt: skip
TIERS: Final = frozenset({"jail", "confined"})
LARGEST: Final = 1 << 20  # characters of the sample that the payload is called with
_TRIED: Final = "selfproof_tried.py"
_PAYLOAD: Final = """
import importlib

def load(x):
    from selfproof.jail import values
    given = x["given"]
    try:
        entry = getattr(importlib.import_module(given["module"]), given["function"])
        if given["sample"] is not None:
            entry(values.decode_trusted(bytes.fromhex(given["sample"])))
    except Exception:
        pass
"""
_ALONE: Final = _PAYLOAD + "\n\ndef solve(x):\n    load(x)\n"
_FIRST: Final = (
    _PAYLOAD + "\n\ndef solve(x):\n    load(x)\n    import selfproof_tried\n    return selfproof_tried.solve(x)\n"
)


def probe(
    life: Life, objective: Objective, version: Candidate, samples: Sequence[Sample], without: Sequence[str] = ()
) -> dict[str, Any]:
    """{"tried", "stopped", "through": names, "tier", "not_run": why or None}; ``without`` leaves layers out."""
    tier = life.jail.tier
    nothing = {"tried": 0, "stopped": 0, "through": [], "tier": tier}
    if not life.charter.tripwires.probes:
        return {**nothing, "not_run": "the charter's tripwire for it is off"}
    if tier not in TIERS:
        return {**nothing, "not_run": f"the tier {tier} cannot be probed"}
    given = _given(life, objective, samples)
    try:
        with Monitor(tier, without) as monitor:
            through = [name for name, source in _attacks() if _got_through(monitor, name, source, version, given)]
    except EngineFailed as error:
        return {**nothing, "not_run": f"no sacrificial engine: {error}"[:200]}
    tried = len(PROBES) + 1
    return {"tried": tried, "stopped": tried - len(through), "through": through, "tier": tier, "not_run": None}


def _attacks() -> list[tuple[str, str | None]]:
    return [("the adopted code alone", None), *((attack.name, attack.source) for attack in chosen(list(PROBES)))]


def _got_through(monitor: Monitor, name: str, source: str | None, version: Candidate, given: object) -> bool:
    attack = Attack(name, name, _ALONE if source is None else _FIRST)
    beside = {**version.files, **({} if source is None else {_TRIED: source})}
    return all(monitor.attempt(attack, beside, given).through for _ in range(2))


def _given(life: Life, objective: Objective, samples: Sequence[Sample]) -> dict[str, str | None]:
    """Where the payload's entry is, and a sample for it; none where an answer takes long, or it is large."""
    path, _, function = objective.entry.partition(":")
    task = life.tasks[objective.name]
    slow = isinstance(task, Task) and task.seconds > 0
    sample = values.encode(samples[0].value).hex() if samples and not slow else None
    fits = sample is not None and len(sample) <= LARGEST
    return {
        "module": path.removesuffix(".py").replace("/", "."),
        "function": function,
        "sample": sample if fits else None,
    }
