"""What a charter may say: one class a section, one documented field a key. Values only; `charter` checks them.

The sentence below every field is what ``selfproof charter --explain`` prints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from selfproof.charter import archiving, listening
from selfproof.charter.archiving import ArchiveSection
from selfproof.charter.listening import Monitoring
from selfproof.charter.tripping import MustFail, Tripwires
from selfproof.charter.tripping import within as _within
from selfproof.nouns import UsageError


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
    branch_growth: float = _within(8.0, low=1, high=1000)
    """How many times its first loops, conditions, handlers and functions it may have; of 20 if it had fewer."""


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
    slices: bool = False
    """Whether no group of the task's samples may lose more than that either; the task then says which groups it has."""


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

    level: str = _within("autonomous", choices=("observe", "propose", "approve", "autonomous"))
    """"observe" (propose and race, confirm and adopt nothing); "propose" (for a copy of a project: what is certified is
    adopted in the copy alone, and handed over as a patch for a person to review); "approve" (what is certified waits
    until approvers have signed it); or "autonomous"."""
    observe: tuple[str, ...] = ()
    """Objectives that are only proposed and raced, whatever the level, until a person takes their names off."""
    approve: tuple[str, ...] = ()
    """Objectives whose certified changes wait until approvers have signed them, at level "autonomous" too."""
    approvers: str = ""
    """A file beside this charter: who may approve, one public SSH key a line ("allowed signers", ssh-keygen(1)). While
    it is named, a change of charter, tasks or that file needs their signatures too. "": nobody is asked."""
    approvals: int = _within(1, low=1, high=16)
    """How many different approvers must sign, each with a key of their own."""
    resume_approvals: int = _within(0, low=0, high=16)
    """How many different approvers must sign before a halted program may go on; 0: as many as `approvals`."""
    approval_days: float = _within(7.0, low=0.001, high=365)
    """Days after which a certified change that nobody has signed is refused."""
    waiting: int = _within(8, low=1, high=1000)
    """While this many changes wait for approval nothing more is confirmed: people cannot be flooded."""


CLASSES = ("constants", "code", "prompts", "improver", "dependencies", "size", "objective", "charter", "weights")
"""Classes of change; one change may be of several."""


def _needs() -> Any:
    return field(default="free", metadata={"needs": True})


@dataclass(frozen=True, kw_only=True)
class Classes:
    """What a kind of change needs, whatever its objective: "free", a number of approvers who must sign, or "forbid".

    The trusted side decides of which classes a change is; [autonomy] asks beside it.
    """

    constants: int | str = _needs()
    """Other values of constants in Python code, and nothing else."""
    code: int | str = _needs()
    """Any other change of a program's files."""
    prompts: int | str = _needs()
    """Words for models: files that end in .md, .txt, .prompt, .rst, .jinja or .j2, and [proposers] prompt."""
    improver: int | str = _needs()
    """The file of [proposers] improver, and what it imports of the program."""
    dependencies: int | str = _needs()
    """A package that the program did not import before, or a file that says what a project depends on."""
    size: int | str = _needs()
    """The program grows beyond the share below."""
    objective: int | str = _needs()
    """Objectives, guards or tasks: what better means. While approvers are named it needs [autonomy] approvals at
    least."""
    charter: int | str = _needs()
    """Any other change of the charter, and of the list of approvers, with the same least number."""
    weights: int | str = _needs()
    """New weights of a local model: "free" or "forbid", since nobody can read them and sign."""
    growth: float = _within(0.5, low=0.0, high=100)
    """Growth that is of class "size": as a share of the version that people signed last, or of the first."""

    def needs(self, name: str) -> int | str:
        """What this class of change needs; of a class that there is not, "forbid"."""
        answer: int | str = getattr(self, name) if name in CLASSES else "forbid"
        return answer


NUMBER, TEXT, NAMES = "number", "text", "names"
FACTS: Mapping[str, tuple[str, str]] = {
    "objective": (TEXT, "the objective's name"),
    "kind": (TEXT, "quality or speed"),
    "proposer": (TEXT, "who suggested it: improver, or a model's, an agent's or a person's name"),
    "operator": (TEXT, "the kind of edit, as its proposer calls it"),
    "classes": (NAMES, "its classes"),
    "files": (NUMBER, "files that it changes"),
    "lines_added": (NUMBER, "lines that the version before has not"),
    "lines_removed": (NUMBER, "lines of the version before that are gone"),
    "lines_from_approved": (NUMBER, "lines that the version that people signed last has not"),
    "size": (NUMBER, "characters of the program with it"),
    "growth": (NUMBER, "growth against the version that people signed last, as a share"),
    "imports_added": (NUMBER, "packages that the version that people signed last does not import"),
    "branches_added": (NUMBER, "loops, conditions, handlers and the like, more than before"),
    "tests_removed": (NUMBER, "test functions that are gone"),
    "version": (NUMBER, "the number of the version that it changes"),
    "adoptions_today": (NUMBER, "adoptions in the 24 hours before"),
    "waiting": (NUMBER, "other changes that wait for approval"),
    "hour": (NUMBER, "the hour, 0 to 23, UTC"),
    "pairs": (NUMBER, "fresh pairs that certified it; known before its adoption"),
    "effect": (NUMBER, "what those pairs say of its effect, which flatters it; known before its adoption"),
    "losses": (NUMBER, "loss events among them; known before its adoption"),
    "trials": (NUMBER, "trials that its confirmation took; known before its adoption"),
}
"""Every fact that a rule may ask for: its kind, and what it is."""
LATE = frozenset({"pairs", "effect", "losses", "trials"})
"""Those that nobody knows before it was confirmed."""


@dataclass(frozen=True, kw_only=True)
class PolicyRule:
    """A rule that every change meets, in their order: the first one whose conditions all hold decides."""

    id: str
    """Short name, for the ledger."""
    when: tuple[str, ...]
    """Conditions that must all hold, each "FACT < NUMBER" (or <=, >, >=, ==, !=), "FACT == WORD", "classes has WORD" or
    "classes lacks WORD"; docs/oversight.md lists the facts."""
    then: str = _within(choices=("deny", "approve", "allow"))
    """"deny" (it is not run, or not adopted); "approve" ([autonomy] approvals must sign it); or "allow" (no later rule
    is asked)."""
    reason: str
    """Why, in words for people; no proposer sees them."""


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
    disk_mb: float = _within(0.0, low=0, high=1e9)
    """Most that the ledger, the archive and everything else in .selfproof may take on disk, in MB; 0: no ceiling."""
    until_certified: int = _within(0, low=0, high=100000)
    """End a run once it has certified this many changes; one that comes to a ceiling before that exits with 5. 0: runs
    go on until a ceiling."""
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
    workers: int = _within(2, low=1, high=4096)
    """Trials at a time."""
    cluster: str = ""
    """Address of a Ray cluster on whose nodes trials are run (docs/clusters.md); "" is this machine."""
    wall_s: float = _within(10.0, low=0.1, high=86400)
    """Deadline of one job in seconds."""
    memory_mb: int = _within(1024, low=64, high=1 << 20)
    """Address space of one job in MB."""


@dataclass(frozen=True, kw_only=True)
class LedgerSection:
    """Who else remembers the ledger."""

    witnesses: tuple[str, ...] = ()
    """Witnesses that cosign the newest checkpoint at the end of each run: "https://ADDRESS KEY". One that has seen
    another history ends the run with exit code 4."""
    keep_days: int = _within(0, low=0, high=36500)
    """Texts of candidates that were raced and left behind are let go after so many days, at the start of a run; their
    hashes stay, and every certificate verifies. 0: everything is kept."""
    keep_notes_days: int = _within(0, low=0, high=36500)
    """What people wrote with `selfproof note` is taken out after so many days, as `selfproof ledger redact` does. 0:
    everything is kept."""


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


@dataclass(frozen=True, kw_only=True)
class Charter:
    """A checked charter; ``digest`` is the SHA-256 of its text."""

    program: ProgramSection
    objectives: tuple[Objective, ...]
    guards: tuple[Guard, ...]
    certify: Certify
    autonomy: Autonomy
    classes: Classes
    rules: tuple[PolicyRule, ...]
    budget: Budget
    sandbox: Sandbox
    proposers: Proposers
    search: Search
    archive: ArchiveSection
    experience: Experience
    ledger: LedgerSection
    monitoring: Monitoring
    tripwires: Tripwires
    must_fail: tuple[MustFail, ...]
    digest: str
    text: str

    @property
    def most_signatures(self) -> int:
        """How many approvers the strictest change that may be made at all needs."""
        return max([self.autonomy.approvals, *(n for n in map(self.classes.needs, CLASSES) if isinstance(n, int))])

    @property
    def asks_people(self) -> bool:
        """Whether any change may have to wait for approvers."""
        numbers = any(isinstance(self.classes.needs(name), int) for name in CLASSES)
        ruled = any(rule.then == "approve" for rule in self.rules)
        return self.autonomy.level == "approve" or bool(self.autonomy.approve) or numbers or ruled

    @property
    def sorts_changes(self) -> bool:
        """Whether what may be run depends on a change's classes or on rules."""
        return bool(self.rules) or any(self.classes.needs(name) == "forbid" for name in CLASSES)

    def objective(self, name: str) -> Objective:
        """The objective with this name.

        Raises:
            UsageError: there is none; the message lists what there is.
        """
        for candidate in self.objectives:
            if candidate.name == name:
                return candidate
        names = ", ".join(o.name for o in self.objectives)
        raise UsageError(f"no objective named {name!r} in the charter", advice=f"The charter has: {names}.")


TABLES: Mapping[str, type] = {
    "program": ProgramSection, "certify": Certify, "autonomy": Autonomy, "classes": Classes, "budget": Budget,
    "sandbox": Sandbox, "proposers": Proposers, "search": Search, "archive": ArchiveSection,
    "experience": Experience, "ledger": LedgerSection, "tripwires": Tripwires, "monitoring": Monitoring,
}  # fmt: skip
LISTS: Mapping[str, type] = {"objective": Objective, "guard": Guard, "rule": PolicyRule, "must_fail": MustFail}


def fault(tables: Mapping[str, Any]) -> str | None:
    """What is wrong with sections whose keys have a form of their own, or None."""
    told = {"monitoring": listening.fault(tables["monitoring"]), "archive": archiving.fault(tables["archive"])}
    return next((f"[{name}] {wrong}" for name, wrong in told.items() if wrong), None)
