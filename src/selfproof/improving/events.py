"""What happens in a run, as frozen values: one class for each kind of event, all fields of the event kept.

An event of a kind that is not known here, or that lacks a field, is a plain `Happened`: whoever reads a newer engine's
events loses nothing. ``raw`` is the event as it came, and what ``selfproof run --json`` prints.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, get_type_hints

from selfproof.nouns import Event


@dataclass(frozen=True)
class Happened:
    """Any event; ``kind`` is its name."""

    kind: str
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    def __getitem__(self, name: str) -> Any:
        """A field of the event by its name, whether or not its class has an attribute for it."""
        return self.raw[name]


@dataclass(frozen=True)
class Preparing(Happened):
    """What is being done before a new program's folder can be written, in words."""

    words: str


@dataclass(frozen=True)
class Made(Happened):
    """A new program's folder was written."""

    program: str
    folder: str


@dataclass(frozen=True)
class Started(Happened):
    """A run began: ``seconds`` it may take, the tier that isolates its trials."""

    program: str
    folder: str
    seconds: float
    version: int
    objectives: list[str]
    tier: str


@dataclass(frozen=True)
class Looked(Happened):
    """An objective was looked at: what its next edits are about, in a sentence."""

    objective: str
    focus: str


@dataclass(frozen=True)
class Suggested(Happened):
    """A model or an agent suggested something or failed; amounts are those of the run so far."""

    name: str
    objective: str
    status: str
    tokens_in: int
    tokens_out: int
    dollars: float


@dataclass(frozen=True)
class Screened(Happened):
    """The rules turned an edit away."""

    objective: str
    title: str
    reason: str


@dataclass(frozen=True)
class Tried(Happened):
    """A candidate's race is over: "raced" (kept), "worse", "slow", "equal", "invalid"."""

    objective: str
    title: str
    outcome: str


@dataclass(frozen=True)
class Raced(Happened):
    """A batch was raced: how many were tried, how many stay."""

    objective: str
    batch: int
    candidates: int
    kept: int


@dataclass(frozen=True)
class Confirming(Happened):
    """A confirmation has so many pairs."""

    id: int
    objective: str
    title: str
    pairs: int
    answer: str


@dataclass(frozen=True)
class Judged(Happened):
    """The gate has decided: "certified" or "refused" ("uncertified" by a test that proves nothing)."""

    id: int
    objective: str
    answer: str
    reason: str
    pairs: int
    title: str


@dataclass(frozen=True)
class Decided(Happened):
    """A candidate was adopted or refused, in which step, and why."""

    id: int
    objective: str
    verdict: str
    step: str
    reason: str
    title: str

    @property
    def adopted(self) -> bool:
        """Whether it is the program now."""
        return self.verdict == "adopted"

    @property
    def effect(self) -> Mapping[str, Any]:
        """The measured effect of an adopted change: ``value`` and ``interval``; empty for a refused one."""
        return dict(self.raw.get("effect") or {})


@dataclass(frozen=True)
class Controlled(Happened):
    """A control experiment ended."""

    objective: str
    name: str
    answer: str
    why: str


@dataclass(frozen=True)
class RolledBack(Happened):
    """The canary took a change back."""

    objective: str
    version: int
    to: int


@dataclass(frozen=True)
class Retired(Happened):
    """An objective's samples are used up."""

    objective: str
    reason: str


@dataclass(frozen=True)
class Stands(Happened):
    """Where the run stands: ``left`` seconds, the version, how many changes were certified and refused."""

    left: float
    version: int
    trials: int
    certified: int
    refused: int


@dataclass(frozen=True)
class Closing(Happened):
    """The closing table is being measured."""

    objective: str


@dataclass(frozen=True)
class Ended(Happened):
    """The last event: the summary, a machine contract (docs/design.md)."""

    seconds: float
    trials: int
    certified: int
    refused: int
    ended: str
    version: int
    folder: str


KINDS: Final[Mapping[str, type[Happened]]] = MappingProxyType(
    {
        "preparing": Preparing,
        "init": Made,
        "start": Started,
        "observe": Looked,
        "proposer": Suggested,
        "screened": Screened,
        "candidate": Tried,
        "race": Raced,
        "confirm": Confirming,
        "verdict": Judged,
        "decision": Decided,
        "control": Controlled,
        "rollback": RolledBack,
        "retired": Retired,
        "status": Stands,
        "closing": Closing,
        "summary": Ended,
    }
)
"""Which class an event of a kind is."""


def typed(event: Event) -> Happened:
    """The event as a value of its class, or as a plain `Happened` where it does not fit one."""
    raw = MappingProxyType(dict(event))
    kind = str(event.get("event", ""))
    known = KINDS.get(kind)
    if known is None:
        return Happened(kind, raw)
    hints = get_type_hints(known)
    values = {}
    for spec in dataclasses.fields(known)[2:]:
        value = event.get(spec.name)
        if not _fits(value, hints[spec.name]):
            return Happened(kind, raw)
        values[spec.name] = float(value) if hints[spec.name] is float else value  # type: ignore[arg-type]
    return known(kind, raw, **values)


def _fits(value: object, hint: object) -> bool:
    if isinstance(value, bool):
        return False
    if hint == list[str]:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, int | float) if hint is float else isinstance(value, hint)  # type: ignore[arg-type]
