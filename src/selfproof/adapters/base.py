"""What an adapter makes of another tool's task, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from selfproof.nouns import UsageError
from selfproof.projects.origin import Origin

Told = Callable[[str], object]
"""Takes every line for the user as soon as it is known."""
USUAL_DEADLINE_S = 300.0
"""What a first evaluation may take where nobody said."""
ENTRY = "selfproof_evaluate.py:evaluate"
SCRATCH_MB = 256


class NotUnderstood(UsageError):
    """The task cannot be imported: what is missing or in the way, where, and what to do."""


@dataclass(frozen=True)
class Needs:
    """What a task's own files need of a jail: grants, address space in MB, and what to tell the user of it."""

    allow: tuple[str, ...] = (f"scratch:{SCRATCH_MB}",)
    memory_mb: int = 1024
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What a tool's configuration says that the charter has a place for.

    ``deadline_s`` is the longest that one evaluation may take, 0.0 where nobody said; ``evaluations`` how many the user
    wanted, ``models`` and ``guidance`` are for proposers, ``dollars`` what these may cost.
    """

    deadline_s: float = 0.0
    workers: int = 2
    seed: int | None = None
    evaluations: int | None = None
    models: tuple[str, ...] = ()
    guidance: str = ""
    dollars: float = 0.0
    max_file_kb: int = 64
    memory_mb: int = 0


@dataclass(frozen=True)
class Imported:
    """A task of another tool as it was understood.

    ``program`` are the files that may change, by their path in the living program; ``origin`` says which files of the
    user's they are, None where they are none; ``original`` the task's other files (bytes where they are no text) and
    ``support`` what they import of their tool: both go into the jail with each trial. ``ask`` is what every trial is
    asked with. ``understood`` and ``left_out`` are lines for the user.
    """

    kind: str
    name: str
    program: Mapping[str, str]
    origin: Origin | None
    original: Mapping[str, str | bytes]
    support: Mapping[str, str]
    ask: Mapping[str, Any]
    settings: Settings
    needs: Needs
    ignored: tuple[str, ...] = ()
    examples: tuple[int, ...] = ()
    held_out: bool = False
    understood: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    """For the way back: how the tool lays out what it found."""


def objective_name(text: str) -> str:
    """A name that a charter takes, from a folder's or a file's."""
    name = "".join(ch if ch.isalnum() and ch.isascii() else "-" for ch in text.lower()).strip("-")
    while "--" in name:
        name = name.replace("--", "-")
    usable = name.replace("-", "_").isidentifier() and not name.startswith(("control-", "guard-"))
    return name[:40].rstrip("-") if usable else "task"
