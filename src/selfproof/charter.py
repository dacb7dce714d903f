"""The charter: what a person allows a living program to do. Parse and check.

TOML, strict: an unknown key is an error with a suggestion, every number has bounds, and the sentence below every field
is what ``selfproof charter --explain`` prints. The charter's hash is in the ledger's first entry.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selfproof.grants import Grants
from selfproof.nouns import UsageError


class CharterError(UsageError):
    """The charter cannot be used as it is: what, where, and what to do."""


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
    """FILE.py:function places that the improver should look at first."""
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
    """FILE.py:Class, a task with the same entry."""
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

    level: str = _within("autonomous", choices=("observe", "autonomous"))
    """"observe" (propose and race, confirm and adopt nothing) or "autonomous"."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Ceilings that the program cannot move."""

    minutes: float = _within(2.0, low=0.01, high=60 * 24 * 365)
    """Wall clock of one `selfproof run`."""
    cpu_hours: float = _within(24.0, low=1e-4, high=1e6)
    """CPU of all jailed trials of one run."""
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


@dataclass(frozen=True, kw_only=True)
class Charter:
    """A checked charter; ``digest`` is the SHA-256 of its text."""

    program: ProgramSection
    objectives: tuple[Objective, ...]
    guards: tuple[Guard, ...]
    certify: Certify
    autonomy: Autonomy
    budget: Budget
    sandbox: Sandbox
    digest: str
    text: str

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
    "program": ProgramSection, "certify": Certify, "autonomy": Autonomy, "budget": Budget, "sandbox": Sandbox,
}  # fmt: skip
LISTS: Mapping[str, type] = {"objective": Objective, "guard": Guard}


def _unknown(key: str, known: list[str], where: str) -> CharterError:
    near = difflib.get_close_matches(key, known, n=1)
    advice = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(known)}."
    return CharterError(f"charter: unknown key {key!r} in {where}", advice=advice)


def _value(spec: dataclasses.Field[Any], value: Any, where: str) -> Any:
    kind = str(spec.type)
    place = f"{where}.{spec.name}"
    if kind == "tuple[str, ...]":
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise CharterError(f"charter: {place} must be a list of strings, got {value!r}")
        return tuple(value)
    wanted: Any = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}[kind]
    if not isinstance(value, wanted) or isinstance(value, bool) != (kind == "bool"):
        raise CharterError(f"charter: {place} must be a {kind}, got {value!r}")
    low, high, choices = (spec.metadata.get(key) for key in ("low", "high", "choices"))
    if choices and value not in choices:
        raise CharterError(f"charter: {place} is {value!r}", advice=f"Allowed: {', '.join(choices)}.")
    if low is not None and not low <= value <= high:
        raise CharterError(f"charter: {place} = {value} is impossible", advice=f"It must lie between {low} and {high}.")
    return float(value) if kind == "float" else value


def _section(kind: type, table: Any, where: str) -> Any:
    if not isinstance(table, dict):
        raise CharterError(f"charter: {where} must be a table")
    specs = {spec.name: spec for spec in dataclasses.fields(kind)}
    for key in table:
        if key not in specs:
            raise _unknown(key, list(specs), where)
    values = {}
    for name, spec in specs.items():
        if name in table:
            values[name] = _value(spec, table[name], where)
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            raise CharterError(
                f"charter: {where} lacks {name!r}", advice="`selfproof charter --explain` says what it is."
            )
    return kind(**values)


def _place(text: str, where: str) -> None:
    path, _, name = text.partition(":")
    if not path.endswith(".py") or not name.isidentifier() or path.startswith("/") or ".." in path.split("/"):
        raise CharterError(f"charter: {where} = {text!r} is not of the form FILE.py:name")


def _check(objectives: list[Objective], guards: list[Guard]) -> None:
    if not objectives:
        raise CharterError("charter: no [[objective]]", advice="Say what better means: add at least one.")
    _check_names([o.name for o in objectives] + [g.name for g in guards])
    _check_files(objectives)
    for objective in objectives:
        for key in ("task", "entry"):
            _place(getattr(objective, key), f"objective {objective.name}.{key}")
        for place in objective.focus:
            _place(place, f"objective {objective.name}.focus")
    for guard in guards:
        _place(guard.task, f"guard {guard.name}.task")
        if guard.objective not in [o.name for o in objectives]:
            raise _unknown(guard.objective, [o.name for o in objectives], f"guard {guard.name}.objective")


def _check_certify(objectives: list[Objective], certify: Certify) -> None:
    if (certify.test != "bet") != certify.uncertified:
        raise CharterError(
            f"charter: [certify] test = {certify.test!r} with uncertified = {str(certify.uncertified).lower()}",
            advice='A test other than "bet" proves nothing: it needs `uncertified = true`, and "bet" must not have it.',
        )
    for objective in objectives:
        if objective.loss_rate < 1 and objective.loss == 0:
            raise CharterError(f"charter: objective {objective.name} has a loss_rate but no loss")


def _check_allowed(objectives: list[Objective], sandbox: Sandbox) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", sandbox.require):
        raise CharterError(
            f"charter: [sandbox] require is {sandbox.require!r}",
            advice="Allowed: auto, jail, confined, none, or the name of an installed provider.",
        )
    if any(line.startswith("network") for line in sandbox.allow):
        raise CharterError(
            "charter: [sandbox] allow grants a network", advice="A network is for one objective: put it in its allow."
        )
    for objective in objectives:
        try:
            Grants.parse([*sandbox.allow, *objective.allow])
        except ValueError as error:
            raise CharterError(f"charter: allow of objective {objective.name}: {error}") from None


def _check_names(names: list[str]) -> None:
    for name in names:
        if not name.replace("-", "_").isidentifier() or name.startswith(("control-", "guard-")):
            raise CharterError(
                f"charter: {name!r} is not a usable name",
                advice="Use letters, digits and '-'; 'control-' and 'guard-' are taken.",
            )
        if names.count(name) > 1:
            raise CharterError(f"charter: the name {name!r} is used twice", advice="Give each one a name of its own.")


def _check_files(objectives: list[Objective]) -> None:
    check_owners(objectives, [pattern for objective in objectives for pattern in objective.files])


def check_owners(objectives: Iterable[Objective], paths: Iterable[str]) -> None:
    """Refuse a path (or a glob, by its text) that two objectives would own.

    Raises:
        CharterError: it names the first such path and both objectives.
    """
    for path in paths:
        owners = [o.name for o in objectives if any(fnmatch.fnmatchcase(path, pattern) for pattern in o.files)]
        if len(owners) > 1:
            raise CharterError(
                f"charter: objectives {' and '.join(owners)} share files: {path}",
                advice="Give each objective files of its own, or one would undo what the other certified.",
            )


def parse(text: str) -> Charter:
    """Parse and check a charter.

    Raises:
        CharterError: not TOML, an unknown key, a missing one, a wrong type, an impossible value.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CharterError(f"charter: not valid TOML: {error}") from None
    known = [*TABLES, *LISTS]
    for key in data:
        if key not in known:
            raise _unknown(key, known, "the charter")
    if "program" not in data:
        raise CharterError("charter: no [program]", advice="Say which files may change.")
    tables = {name: _section(kind, data.get(name, {}), f"[{name}]") for name, kind in TABLES.items()}
    lists: dict[str, list[Any]] = {}
    for name, kind in LISTS.items():
        rows = data.get(name, [])
        if not isinstance(rows, list):
            raise CharterError(f"charter: write [[{name}]] with double brackets")
        lists[name] = [_section(kind, row, f"[[{name}]] {i + 1}") for i, row in enumerate(rows)]
    _check(lists["objective"], lists["guard"])
    _check_certify(lists["objective"], tables["certify"])
    _check_allowed(lists["objective"], tables["sandbox"])
    return Charter(
        objectives=tuple(lists["objective"]),
        guards=tuple(lists["guard"]),
        digest=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
        **tables,
    )


def load(path: Path) -> Charter:
    """Read and check the charter at ``path``.

    Raises:
        CharterError: it is missing, unreadable, or does not pass ``parse``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CharterError(
            f"no charter at {path}", advice="Go to a program's folder, name it with --at DIR, or type `selfproof init`."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CharterError(f"cannot read {path}: {error}") from None
    return parse(text)
