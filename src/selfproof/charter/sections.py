"""What a charter may say: one class a section, one documented field a key. Values only; `charter` checks them.

The sentence below every field is what ``selfproof charter --explain`` prints.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


def _within(default: Any = dataclasses.MISSING, *, low: float | None = None, high: float | None = None,
            choices: tuple[str, ...] = ()) -> Any:  # fmt: skip
    return field(default=default, metadata={"low": low, "high": high, "choices": choices})


@dataclass(frozen=True, kw_only=True)
class ProgramSection:
    """The tree that may change."""

    tree: str = "program"
    """Folder of the program, a git repository of its own."""
    editable: tuple[str, ...]
    """Globs of the files that an edit may change; everything else is protected."""
    protected: tuple[str, ...] = ()
    """Globs that stay protected even if a glob above matches them."""
    max_file_kb: int = _within(64, low=1, high=4096)
    """Largest file an edit may leave behind, in kB."""
    tree_growth: float = _within(4.0, low=1, high=100)
    """How many times its first size the program may grow to."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One thing that should get better, with files of its own."""

    name: str
    """Short name, used by commands and in the ledger."""
    task: str
    """Where the samples and the scorer are: FILE.py:Class, trusted code of yours."""
    entry: str
    """What is run on a sample: FILE.py:function, in the program."""
    metric: str
    """Name of the metric, as the task declares it."""
    better: str = _within(choices=("lower", "higher"))
    """"lower" or "higher"."""
    kind: str = _within(choices=("quality", "speed"))
    """"quality", or "speed" (equal outputs, less time)."""
    files: tuple[str, ...]
    """Globs of the program's files that belong to this objective."""
    focus: tuple[str, ...] = ()
    """FILE.py:function places to look at first; "FILE:" is the whole file, in whatever language."""
    joint: bool = False
    """Candidate and scorer run together, so that a candidate could touch its own score: certificates say so."""
    weight: float = _within(1.0, low=0, high=1000)
    """Share of attention (time), never a trade-off."""
    min_gain: float = _within(0.0, low=0, high=1e9)
    """Least gain worth adopting: metric's unit for quality, share of time for speed."""
    margin: float = _within(0.02, low=1e-9, high=1e9)
    """Loss in the plain mean that must be excluded (quality metrics that are means)."""
    allow: tuple[str, ...] = ()
    """What its trials may use beyond [sandbox] allow; only here: network:HOST:PORT."""
    loss: float = _within(0.0, low=0, high=1e9)
    """A pair that loses more than this (metric's unit; for speed the log of a ratio) is a loss event; 0: none is
    named."""
    loss_rate: float = _within(1.0, low=1e-4, high=1)
    """Loss events must be shown to be rarer than this share of pairs; 1: they are only counted."""
    alpha_share: float = _within(1.0, low=0.001, high=1)
    """Part of its share of alpha that it is tested with: below 1 for what should be harder to change, the improver
    for instance. It counts when the objective is first seen, and stays."""
    max_cost: float = _within(2.0, low=1, high=1000)
    """CPU per sample, at most this many times the anchor's (quality)."""


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Something that must never get worse: a veto."""

    name: str
    """Short name."""
    objective: str
    """The objective whose candidates it guards."""
    task: str
    """FILE.py:Class, the task whose score must not get worse."""
    entry: str = ""
    """What is run on its samples, FILE.py:function in the program; the objective's entry without it."""
    allow: tuple[str, ...] = ()
    """What its trials may use beyond [sandbox] allow."""
    margin: float = _within(low=1e-9, high=1e9)
    """Largest total loss against the anchor and the high-water version, metric's unit."""


@dataclass(frozen=True, kw_only=True)
class Certify:
    """How sure one must be."""

    alpha: float = _within(0.05, low=1e-9, high=0.5)
    """Chance, over the whole life, that even one adopted change is no improvement."""
    mode: str = _within("fwer", choices=("fwer", "fdr"))
    """"fwer": alpha bounds the chance of even one false adoption. "fdr": alpha bounds the expected share of false ones
    among all adopted, which allows some."""
    test: str = _within("bet", choices=("bet", "greedy", "greedy5", "ttest", "peek"))
    """"bet"; or "greedy", "greedy5", "ttest", "peek", which prove nothing and need the next line."""
    uncertified: bool = False
    """Adopt by a test that proves nothing; everything that is shown then says so."""
    controls: float = _within(0.1, low=0, high=1)
    """Share of confirmations that are followed by one more control experiment."""
    preset: str = _within("lean", choices=("lean", "mid", "balanced"))
    """How long a race is: "lean", "mid" or "balanced"."""


@dataclass(frozen=True, kw_only=True)
class Autonomy:
    """Who must agree."""

    level: str = _within("autonomous", choices=("observe", "propose", "autonomous"))
    """"observe" (propose and race, confirm and adopt nothing); "propose" (for a copy of a project: what is certified is
    adopted in the copy alone, and handed over as a patch for a person to review); or "autonomous"."""
    observe: tuple[str, ...] = ()
    """Objectives that are only proposed and raced, whatever the level, until a person takes their names off."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Ceilings that the program cannot move."""

    minutes: float = _within(2.0, low=0.01, high=60 * 24 * 365)
    """Wall clock of one `selfproof run`."""
    cpu_hours: float = _within(24.0, low=1e-4, high=1e6)
    """CPU of all jailed trials of one run."""
    dollars: float = _within(0.0, low=0, high=1e6)
    """Most that models may cost over the whole life; 0: only models that cost nothing."""
    tokens: int = _within(0, low=0, high=1 << 50)
    """Most tokens that models may read and write over the whole life; 0: no ceiling."""
    adoptions_per_day: int = _within(50, low=0, high=100000)
    """At most this many adoptions in 24 hours."""


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """How strongly a trial must be isolated, and what it may use."""

    require: str = "auto"
    """"auto" takes the strongest tier that passes its probes; "jail" or "confined" insist; the name of an installed
    provider; or "none": no isolation at all."""
    allow: tuple[str, ...] = ()
    """What every trial may use: subprocesses, scratch:MB, data:/FOLDER, gpu."""
    workers: int = _within(2, low=1, high=256)
    """Trials at a time."""
    wall_s: float = _within(10.0, low=0.1, high=86400)
    """Deadline of one job in seconds."""
    memory_mb: int = _within(1024, low=64, high=1 << 20)
    """Address space of one job in MB."""


STRATEGIES = (
    "default", "greedy", "dgm", "dgm-staged", "dgm-score-prop", "dgm-random", "dgm-no-darwin", "hyperagents", "hgm",
    "map-elites", "thompson",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Search:
    """How a search goes through its archive."""

    strategy: str = _within("default", choices=STRATEGIES)
    """Which versions a quality objective's search builds on: "default", "greedy", "dgm", "dgm-staged",
    "dgm-score-prop", "dgm-random", "dgm-no-darwin", "hyperagents", "hgm", "map-elites" or "thompson"
    (docs/strategies.md)."""


@dataclass(frozen=True, kw_only=True)
class Experience:
    """What is kept across runs and programs, on this machine."""

    keep: bool = True
    """Keep features and outcomes of edits (never code) in ~/.local/share/selfproof/experience.db, and let improvers
    know what paid off before; a run with --seed keeps them too, and is told nothing."""


@dataclass(frozen=True, kw_only=True)
class Proposers:
    """Who suggests edits. None of them is trusted: the screen, the races and the gate are the same for all."""

    improver: str = "improver.py:propose"
    """The improver in the program, FILE.py:function, which runs in the jail; "": there is none."""
    models: tuple[str, ...] = ()
    """Models to ask: "openai/gpt-5-mini", "ollama/qwen3:8b", "http://127.0.0.1:8000/v1#name"; weights
    on this machine: "hf:FOLDER", or "local", those that were tuned here and certified."""
    agent: str = ""
    """A coding agent's command, with {prompt} or {prompt_file}: "claude -p {prompt}"."""
    agent_minutes: float = _within(10.0, low=0.01, high=1440)
    """Wall clock of one call of the agent."""
    parallel: int = _within(2, low=1, high=64)
    """Suggestions that are asked for at a time."""
    prompt: str = ""
    """A file of the program with the words that models and agents are asked with; "": the built-in ones."""
    guidance: str = ""
    """A file beside this charter, a program.md for instance, that is passed on to models and agents."""
