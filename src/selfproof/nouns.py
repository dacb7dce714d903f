"""The words that every part of selfproof shares: frozen values without behaviour.

An *edit* is a proposed change, a *candidate* the incumbent's files with the edit applied, a *trial* one run of one
candidate on one sample, a *certificate* the evidence of one confirmation and a *decision* what was done with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Better = Literal["lower", "higher"]
Kind = Literal["quality", "speed"]
Split = Literal["explore", "confirm", "report"]
Files = Mapping[str, str]
"""A program's text: relative POSIX path -> source."""

Event = dict[str, Any]
"""What the loop yields: one JSON object with the key "event"; screens, logs and tests all read the same stream."""


IMPROVER = "improver"
"""The proposer that is a part of the program; every other one has a name of its own."""


class Blobs(Protocol):
    """Whoever keeps bytes by their SHA-256: a ledger, or a reader of one."""

    def get_blob(self, digest: str) -> bytes:
        """The bytes with this hash (hex)."""
        ...


class SelfproofError(Exception):
    """Root of the errors that a user can act on: ``exit_code`` for the shell and a line of advice."""

    exit_code = 1

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.advice_text = advice

    def advice(self) -> str:
        """What the reader should do, or an empty string."""
        return self.advice_text


class UsageError(SelfproofError):
    """A wrong argument, file or charter: exit code 2."""

    exit_code = 2


class SelfCheckFailed(SelfproofError):
    """The ledger or a control experiment contradicts what must hold: exit code 4."""

    exit_code = 4


@dataclass(frozen=True)
class Edit:
    """A proposed change: the new text of each file that it touches, and who suggested it from which parent.

    Edits of one ``family`` are one idea with other constants, of which a race may keep only the best. ``dollars`` is
    what asking for it cost;
    ``prediction`` is the effect that its proposer expects, in the unit that effects are shown in (a gain above 0, for
    speed a ratio above 1); it decides nothing and is scored afterwards; ``improver`` is the version whose improver
    suggested it.
    """

    objective: str
    files: Files
    title: str
    operator: str
    parent: str
    proposer: str = IMPROVER
    prediction: float | None = None
    dollars: float = 0.0
    improver: int | None = None
    family: str = ""


@dataclass(frozen=True)
class Objection:
    """Why an edit is turned away before it is run: a rule's id, which is counted, and words for a person.

    Whoever proposed it is told neither.
    """

    rule: str
    reason: str


@dataclass(frozen=True)
class Candidate:
    """A version that could be adopted. ``id`` is the SHA-256 of the files within the objective's scope."""

    id: str
    objective: str
    files: Files
    edit: Edit | None = None


@dataclass(frozen=True)
class Trial:
    """One run of one candidate on one sample.

    ``draws`` are the metric's values of the single draws in the sample (one for a plain sample), ``score`` their
    mean in the metric's unit, None when the run gave no valid answer; ``seconds`` is the engine's clock.
    """

    status: str
    score: float | None
    draws: tuple[float, ...]
    seconds: float
    cpu_seconds: float
    tier: str
    message: str | None = None
    granted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What a gate's verdict rests on, as it is logged with the verdict."""

    claim: str
    objective: str
    candidate: str
    incumbent: str
    answer: str
    reason: str
    k: int
    alpha_k: float
    pairs: int
    log_wealth: float
    log_mean_wealth: float | None
    log_threshold: float
    log_loss_wealth: float | None
    losses: int
    test: str
    scale: float
    minimum: float
    margin: float | None
    span: float
    blind_spot: float
    tier: str
    layers: tuple[str, ...]
    seeds: str
    signer: str
    pool: Mapping[str, Any]
    not_covered: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Certificate(Evidence):
    """The evidence of one confirmation and what became of it; page, JSON and ledger leaf are this object.

    ``spent`` and ``left`` are error budget of the whole life; ``effect`` and ``canary`` come from pairs that no
    decision has seen; ``cost`` is {"trials", "seconds", "cpu_seconds", "dollars"}; ``pairing`` is what common random
    numbers saved, ``machine`` how busy it was while pairs were timed, ``prediction`` what the edit said beforehand
    and what was measured.
    """

    confirmation: int
    decision: str
    step: str
    decided_because: str
    version: int | None
    anchor: int
    spent: float
    left: float
    effect: Mapping[str, Any]
    canary: Mapping[str, Any]
    guards: tuple[Mapping[str, Any], ...]
    cost: Mapping[str, Any]
    pairing: Mapping[str, Any]
    machine: Mapping[str, Any]
    prediction: Mapping[str, Any]


@dataclass(frozen=True)
class Decision:
    """What was done with a candidate: ``adopted`` with its version number, or ``refused`` and in which step."""

    verdict: Literal["adopted", "refused"]
    step: str
    reason: str
    candidate: Candidate
    version: int | None = None
    effect: Mapping[str, Any] = field(default_factory=dict)
