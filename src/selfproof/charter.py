"""The charter: what a person allows a living program to do. Parse and check.

TOML, strict: an unknown key is an error with a suggestion, every number has bounds, and every field carries the
sentence that ``selfproof charter --explain`` prints. The charter's hash is in the ledger's first entry.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selfproof.grants import Grants
from selfproof.nouns import UsageError


class CharterError(UsageError):
    """The charter cannot be used as it is: what, where, and what to do."""


def _doc(text: str, default: Any = dataclasses.MISSING, *, low: float | None = None, high: float | None = None,
         choices: tuple[str, ...] = ()) -> Any:  # fmt: skip
    metadata = {"doc": text, "low": low, "high": high, "choices": choices}
    if isinstance(default, tuple):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(metadata=metadata) if default is dataclasses.MISSING else field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class ProgramSection:
    """The tree that may change."""

    tree: str = _doc("Folder of the program, a git repository of its own.", "program")
    editable: tuple[str, ...] = _doc("Globs of the files that an edit may change; everything else is protected.")
    protected: tuple[str, ...] = _doc("Globs that stay protected even if a glob above matches them.", ())
    max_file_kb: int = _doc("Largest file an edit may leave behind, in kB.", 64, low=1, high=4096)
    tree_growth: float = _doc("How many times its first size the program may grow to.", 4.0, low=1, high=100)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One thing that should get better, with files of its own."""

    name: str = _doc("Short name, used by commands and in the ledger.")
    task: str = _doc("Where the samples and the scorer are: FILE.py:Class, trusted code of yours.")
    entry: str = _doc("What is run on a sample: FILE.py:function, in the program.")
    metric: str = _doc("Name of the metric, as the task declares it.")
    better: str = _doc('"lower" or "higher".', choices=("lower", "higher"))
    kind: str = _doc('"quality", or "speed" (equal outputs, less time).', choices=("quality", "speed"))
    files: tuple[str, ...] = _doc("Globs of the program's files that belong to this objective.")
    focus: tuple[str, ...] = _doc("FILE.py:function places that the improver should look at first.", ())
    weight: float = _doc("Share of attention (time), never a trade-off.", 1.0, low=0, high=1000)
    min_gain: float = _doc("Least gain worth adopting: metric's unit for quality, share of time for speed.", 0.0,
                           low=0, high=1e9)  # fmt: skip
    margin: float = _doc("Loss in the plain mean that must be excluded (quality metrics that are means).", 0.02,
                         low=1e-9, high=1e9)  # fmt: skip
    allow: tuple[str, ...] = _doc("What its trials may use beyond [sandbox] allow; only here: network:HOST:PORT.", ())
    max_cost: float = _doc("CPU per sample, at most this many times the anchor's (quality).", 2.0, low=1, high=1000)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Something that must never get worse: a veto."""

    name: str = _doc("Short name.")
    objective: str = _doc("The objective whose candidates it guards.")
    task: str = _doc("FILE.py:Class, a task with the same entry.")
    margin: float = _doc("Largest total loss against the anchor and the high-water version, metric's unit.",
                         low=1e-9, high=1e9)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Certify:
    """How sure one must be."""

    alpha: float = _doc("Chance, over the whole life, that even one adopted change is no improvement.", 0.05,
                        low=1e-9, high=0.5)  # fmt: skip
    mode: str = _doc('"fwer": alpha bounds the chance of even one false adoption. "fdr": alpha bounds the expected '
                     'share of false ones among all adopted, which allows some.',
                     "fwer", choices=("fwer", "fdr"))  # fmt: skip
    preset: str = _doc('How long a race is: "lean", "mid" or "balanced".', "lean", choices=("lean", "mid", "balanced"))


@dataclass(frozen=True, kw_only=True)
class Autonomy:
    """Who must agree."""

    level: str = _doc('"observe" (propose and race, confirm and adopt nothing) or "autonomous".',
                      "autonomous", choices=("observe", "autonomous"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Ceilings that the program cannot move."""

    minutes: float = _doc("Wall clock of one `selfproof run`.", 2.0, low=0.01, high=60 * 24 * 365)
    cpu_hours: float = _doc("CPU of all jailed trials of one run.", 24.0, low=1e-4, high=1e6)
    adoptions_per_day: int = _doc("At most this many adoptions in 24 hours.", 50, low=0, high=100000)


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """How strongly a trial must be isolated, and what it may use."""

    require: str = _doc('"auto" takes the strongest tier that passes its probes; "jail" or "confined" insist; the '
                        'name of an installed provider; or "none": no isolation at all.', "auto")  # fmt: skip
    allow: tuple[str, ...] = _doc("What every trial may use: subprocesses, scratch:MB, data:/FOLDER, gpu.", ())
    workers: int = _doc("Trials at a time.", 2, low=1, high=256)
    wall_s: float = _doc("Deadline of one job in seconds.", 10.0, low=0.1, high=86400)
    memory_mb: int = _doc("Address space of one job in MB.", 1024, low=64, high=1 << 20)


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
    wanted: Any = {"str": (str,), "int": (int,), "float": (int, float)}[kind]
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise CharterError(f"charter: {place} must be a {kind}, got {value!r}")
    low, high, choices = (spec.metadata[key] for key in ("low", "high", "choices"))
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
            raise CharterError(f"charter: {where} lacks {name!r}", advice=spec.metadata["doc"])
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
    for i, one in enumerate(objectives):
        for two in objectives[i + 1 :]:
            if shared := set(one.files) & set(two.files):
                raise CharterError(
                    f"charter: objectives {one.name} and {two.name} share files: {', '.join(sorted(shared))}",
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
