"""What an external proposer (a language model, a coding agent, a person's script) may know, and what it gives back.

A brief holds the program's text and words about it. It has no field for a score, a seed, a hidden answer, a key or
the reason of a refusal, so that none of them can reach a proposer by way of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from selfproof.archive.tree import matches
from selfproof.nouns import Better, Files, Kind, SelfproofError

LessonOutcome = Literal["kept", "worse", "invalid", "equal", "slow", "refused", "adopted"]
"""What became of an edit, in one word: a proposer learns no more of a trial than this."""


@dataclass(frozen=True)
class Lesson:
    """One earlier edit of this objective: what it was and what became of it."""

    title: str
    outcome: LessonOutcome


@dataclass(frozen=True)
class Brief:
    """What any external proposer may know.

    ``instructions`` are the charter's words about the objective (editable files, minimum gain, limits), ``files`` all
    text of the program that may be seen, ``editable`` the paths that an edit may change or add, as globs, ``protected``
    those of them that it may not (`may` joins the two), ``focus`` the functions that matter, "FILE.py:function", most
    important first. ``profile`` has one line for each function seen, ``failures`` one text for each explore sample that
    went badly (its input and the program's answer), ``guidance`` is the user's program.md or AGENTS.md, ``parent`` the
    tree id of ``files`` and ``prompt`` the text of the program's own prompt file, "" for the built-in one. ``number``
    counts the questions of a run: what is to differ between two answers to the same brief, and be the same in two runs,
    follows from it.
    """

    objective: str
    kind: Kind
    metric: str
    better: Better
    instructions: str
    files: Mapping[str, str]
    editable: tuple[str, ...]
    protected: tuple[str, ...] = ()
    focus: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    guidance: str = ""
    parent: str = ""
    prompt: str = ""
    number: int = 0

    def may(self, path: str) -> bool:
        """Whether an edit may change or add this file."""
        return matches(path, self.editable) and not matches(path, self.protected)


@dataclass(frozen=True)
class Spent:
    """What was spent: tokens read and written, and US dollars. Finite and never below 0."""

    tokens_in: int = 0
    tokens_out: int = 0
    dollars: float = 0.0

    def __post_init__(self) -> None:
        """Raise ValueError for an amount that cannot be spent."""
        if self.tokens_in < 0 or self.tokens_out < 0 or not 0 <= self.dollars < math.inf:
            raise ValueError(f"not an amount that can be spent: {self}")

    def __add__(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out, self.dollars + other.dollars)


@dataclass(frozen=True)
class Suggestion:
    """What a proposer suggests: whole new texts of the files that change, and what it expects of them.

    ``prediction`` is a gain above 0 in the metric's unit, for speed a ratio above 1, None where it says nothing; it
    decides nothing and is scored afterwards. ``spent`` is what this suggestion cost.
    """

    files: Files
    title: str
    operator: str
    prediction: float | None = None
    risk: str = ""
    spent: Spent = field(default_factory=Spent)


class ProposerFailed(SelfproofError):
    """A proposer gave nothing: one line that says why. ``fatal``: asking it again cannot help (no key, no budget).

    ``spent`` is what the failure cost all the same.
    """

    def __init__(self, message: str, *, fatal: bool = False, advice: str = "", spent: Spent | None = None) -> None:
        printable = "".join(ch if ch.isprintable() else " " for ch in message[:2000])
        super().__init__(" ".join(printable.split())[:400], advice=advice)
        self.fatal = fatal
        self.spent = spent or Spent()


@runtime_checkable
class Proposer(Protocol):
    """Who suggests edits from outside the jail. Nothing that it says is trusted: all of it is screened and tried."""

    @property
    def name(self) -> str:
        """As it is shown and logged: "openai/gpt-5-mini", "agent: claude"."""
        ...

    def propose(self, brief: Brief) -> Iterator[Suggestion]:
        """Yield what it suggests, perhaps several, perhaps nothing. Blocks; a desk calls it in a thread of its own.

        Raises ProposerFailed.
        """
        ...

    def close(self) -> None:
        """Let go of processes and connections. May be called twice, and while ``propose`` runs in another thread."""
        ...
