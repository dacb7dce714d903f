"""What the ledger says of oversight: who stopped a life, and whatever else people and the trusted side did to watch it.

A part of the fold (``state.State.overseen``): nothing here reads a clock or a disk, and no leaf, no change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class LeafLike(Protocol):
    """What the fold reads of a ledger leaf."""

    @property
    def index(self) -> int: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def body(self) -> dict[str, Any]: ...  # noqa: D102
    @property
    def time(self) -> str: ...  # noqa: D102
    @property
    def commits(self) -> tuple[tuple[str, str], ...]: ...  # noqa: D102


TOKEN_ROLES = ("auditor", "operator")
"""What somebody else may be given a token as."""


@dataclass(frozen=True)
class Halted:
    """A halt that keeps a life stopped until a `resume`: its entry's number, who ordered it, why, and when."""

    entry: int
    by: str
    reason: str
    at: str


@dataclass
class Incident:
    """Something that went wrong, as its entries tell it; ``now`` is what they say last."""

    index: int
    now: dict[str, Any]
    notes: list[dict[str, Any]] = field(default_factory=list)
    closed: dict[str, Any] | None = None


@dataclass
class Overseen:
    """Everything that entries of oversight say so far."""

    halts: list[tuple[str, str]] = field(default_factory=list)
    """(time, by) of every run that was ended before its time."""
    incidents: dict[int, Incident] = field(default_factory=dict)
    alarms: dict[int, tuple[str, str, dict[str, Any]]] = field(default_factory=dict)
    """(kind, time, body) of the entries that may call for an incident, by their number."""
    retired: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Versions that must not run again, with the entry that says so."""
    examined: dict[int, dict[str, Any]] = field(default_factory=dict)
    """By version, what was seen of it after its adoption."""
    tripped: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By tripwire and subject, the last finding under the charter in force."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    """Every finding of a tripwire so far, each with its ``time``."""
    asking: str = ""
    """Why certified changes wait for people whatever the charter says: words of a tripwire; a new charter ends it."""
    halted: Halted | None = None
    """The newest halt that nothing has lifted."""
    orders: set[str] = field(default_factory=set)
    """Orders that an entry tells of, by the time of their file."""
    spent: list[tuple[str, str, float]] = field(default_factory=list)
    """(time, ceiling, level) of every ceiling that came near, or was reached."""
    paused: int | None = None
    """The entry of a pause that goes on."""
    moved: int | None = None
    """The entry that says that the program leaves this place, until it is somewhere."""
    places: list[tuple[str, str, str]] = field(default_factory=list)
    """(time, by, what) of each of its moves: out, in (restored from a backup), back."""
    committed: dict[tuple[int, str], str] = field(default_factory=dict)
    """Commitments to texts that may be taken out, by entry and field."""
    redacted: dict[tuple[int, str], str] = field(default_factory=dict)
    """Those whose text was taken out."""
    let_go: dict[str, str] = field(default_factory=dict)
    """Blobs of candidates' texts that were let go, and for each the blob with what stays of it."""
    retained: str = ""
    """When that was done last."""
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    """(time, by, words) of what people wrote down."""
    screened: list[tuple[str, str, dict[str, int]]] = field(default_factory=list)
    """(time, objective, how many by rule) of every batch of edits of which some were turned away before they were
    run."""
    policies: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The newest entry of what the charter's rules said of a certified change, by its confirmation."""
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Tokens for others by their id: "role", "until", "by", "at", "revoked" (when, or None). No secret."""


def _token(overseen: Overseen, entry: LeafLike) -> None:
    body = entry.body
    if body["what"] == "new":
        told = {name: body[name] for name in ("role", "until", "by")}
        overseen.tokens[body["id"]] = {**told, "at": entry.time, "revoked": None}
    else:
        overseen.tokens[body["id"]]["revoked"] = entry.time


def _policy(overseen: Overseen, entry: LeafLike) -> None:
    overseen.policies[entry.body["confirmation"]] = entry.body


def apply(overseen: Overseen, entry: LeafLike) -> None:
    """Take one entry in; other kinds are none of its business."""
    for name, digest in entry.commits:
        overseen.committed[entry.index, name] = digest
    if entry.kind in ALARMING:
        overseen.alarms[entry.index] = (entry.kind, entry.time, entry.body)
    handler = HANDLERS.get(entry.kind)
    if handler is not None:
        handler(overseen, entry)


def _halt(overseen: Overseen, entry: LeafLike) -> None:
    body = entry.body
    overseen.halts.append((entry.time, body["by"]))
    if body.get("latched"):
        overseen.halted = Halted(entry.index, body["by"], body["reason"], body["at"])
        overseen.orders.add(body["order"])


def _budget(overseen: Overseen, entry: LeafLike) -> None:
    overseen.spent.append((entry.time, entry.body["ceiling"], entry.body["level"]))


def _pause(overseen: Overseen, entry: LeafLike) -> None:
    overseen.paused = entry.index


def _resume(overseen: Overseen, entry: LeafLike) -> None:
    if entry.body["what"] == "halt":
        overseen.halted = None
    else:
        overseen.paused = None


def _move(overseen: Overseen, entry: LeafLike) -> None:
    overseen.moved = entry.index if entry.body["what"] == "out" else None
    overseen.places.append((entry.time, entry.body["by"], entry.body["what"]))


def _incident(overseen: Overseen, entry: LeafLike) -> None:
    overseen.incidents[entry.index] = Incident(entry.index, dict(entry.body))


def _incident_update(overseen: Overseen, entry: LeafLike) -> None:
    incident = overseen.incidents[entry.body["incident"]]
    incident.notes.append(entry.body)
    incident.now |= {key: entry.body[key] for key in ("severity", "aware_at", "due_at")}


def _incident_close(overseen: Overseen, entry: LeafLike) -> None:
    overseen.incidents[entry.body["incident"]].closed = entry.body


def _retire(overseen: Overseen, entry: LeafLike) -> None:
    overseen.retired[entry.body["version"]] = entry.body


def _note(overseen: Overseen, entry: LeafLike) -> None:
    overseen.notes.append((entry.time, entry.body["by"], entry.body["words"]))


def _redact(overseen: Overseen, entry: LeafLike) -> None:
    overseen.redacted[entry.body["entry"], entry.body["field"]] = entry.body["commit"]


def _retention(overseen: Overseen, entry: LeafLike) -> None:
    stays = entry.body["rows"]["$blob"]
    overseen.let_go |= {row["blob"]: stays for row in entry.body["batches"]}
    overseen.retained = entry.time


def _screened(overseen: Overseen, entry: LeafLike) -> None:
    overseen.screened.append((entry.time, entry.body["objective"], entry.body["rules"]))


def _examined(overseen: Overseen, entry: LeafLike) -> None:
    overseen.examined[entry.body["version"]] = entry.body


def _tripwire(overseen: Overseen, entry: LeafLike) -> None:
    body = entry.body
    overseen.findings.append({**body, "time": entry.time})
    overseen.tripped[body["name"], body["subject"]] = body
    if body["answer"] == "ask":
        overseen.asking = body["words"]


def _charter(overseen: Overseen, entry: LeafLike) -> None:
    """A person has looked, and said what goes from here on."""
    del entry
    overseen.tripped.clear()
    overseen.asking = ""


ALARMING = frozenset({"control", "rollback", "halt"})
"""Kinds of which some entries call for an incident."""
HANDLERS: dict[str, Callable[[Overseen, LeafLike], None]] = {
    "halt": _halt,
    "examined": _examined,
    "tripwire": _tripwire,
    "charter": _charter,
    "incident": _incident,
    "incident-update": _incident_update,
    "incident-close": _incident_close,
    "budget": _budget,
    "pause": _pause,
    "resume": _resume,
    "move": _move,
    "note": _note,
    "redact": _redact,
    "retire": _retire,
    "retention": _retention,
    "screened": _screened,
    "policy": _policy,
    "token": _token,
}
SUBMITTED = frozenset(
    {
        "incident",
        "incident-close",
        "incident-update",
        "note",
        "redact",
        "token",
        "retire",
    }
)
"""Kinds that people may write from beside a run (`submitting`)."""
ERASABLE: Mapping[str, tuple[str, ...]] = {
    "incident": ("title", "what", "by"),
    "incident-update": ("note", "by"),
    "incident-close": ("note", "by"),
    "note": ("words", "by"),
    "retire": ("reason", "by"),
}
"""Texts of people's that entries hold as commitments, so that they can be taken out (`selfproof ledger redact`)."""
