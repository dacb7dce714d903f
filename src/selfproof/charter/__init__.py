"""The charter: what a person allows a living program to do. Parse and check.

TOML, strict: an unknown key is an error with a suggestion, every number has bounds. What a charter may say is in
``sections``. The charter's hash is in the ledger's first entry.
"""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof.charter.sections import (
    Autonomy,
    Budget,
    Certify,
    Experience,
    Guard,
    Objective,
    ProgramSection,
    Proposers,
    Sandbox,
    Search,
)  # fmt: skip
from selfproof.grants import Grants
from selfproof.nouns import UsageError

__all__ = [
    "Autonomy", "Budget", "Certify", "Charter", "CharterError", "Experience", "Guard", "Objective", "ProgramSection",
    "Proposers", "Sandbox", "Search", "check_owners", "load", "parse",
]  # fmt: skip


class CharterError(UsageError):
    """The charter cannot be used as it is: what, where, and what to do."""


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
    proposers: Proposers
    search: Search
    experience: Experience
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
    "proposers": Proposers, "search": Search, "experience": Experience,
}  # fmt: skip
LISTS: Mapping[str, type] = {"objective": Objective, "guard": Guard}


def _only(keys: Iterable[str], known: list[str], where: str) -> None:
    """Refuse a key that is not known."""
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            advice = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(known)}."
            raise CharterError(f"charter: unknown key {key!r} in {where}", advice=advice)


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
        near = [f"Did you mean {word!r}? " for word in difflib.get_close_matches(value, choices, n=1)]
        raise CharterError(f"charter: {place} is {value!r}", advice="".join(near) + f"Allowed: {', '.join(choices)}.")
    if low is not None and not low <= value <= high:
        raise CharterError(f"charter: {place} = {value} is impossible", advice=f"It must lie between {low} and {high}.")
    return float(value) if kind == "float" else value


def _section(kind: type, table: Any, where: str) -> Any:
    if not isinstance(table, dict):
        raise CharterError(f"charter: {where} must be a table")
    specs = {spec.name: spec for spec in dataclasses.fields(kind)}
    _only(table, list(specs), where)
    values = {}
    for name, spec in specs.items():
        if name in table:
            values[name] = _value(spec, table[name], where)
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            raise CharterError(
                f"charter: {where} lacks {name!r}", advice="`selfproof charter --explain` says what it is."
            )
    return kind(**values)


def _place(text: str, where: str, *, whole: bool = False) -> None:
    path, _, name = text.partition(":")
    good = (path.endswith(".py") and name.isidentifier()) or (whole and bool(path) and text == f"{path}:")
    if not good or path.startswith("/") or ".." in path.split("/"):
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
            _place(place, f"objective {objective.name}.focus", whole=True)
    for guard in guards:
        _place(guard.task, f"guard {guard.name}.task")
        if guard.entry:
            _place(guard.entry, f"guard {guard.name}.entry")
        _only([guard.objective], [o.name for o in objectives], f"guard {guard.name}.objective")


def _check_certify(objectives: list[Objective], certify: Certify) -> None:
    if (certify.test != "bet") != certify.uncertified:
        raise CharterError(
            f"charter: [certify] test = {certify.test!r} with uncertified = {str(certify.uncertified).lower()}",
            advice='A test other than "bet" proves nothing: it needs `uncertified = true`, and "bet" must not have it.',
        )
    for objective in objectives:
        if objective.loss_rate < 1 and objective.loss == 0:
            raise CharterError(f"charter: objective {objective.name} has a loss_rate but no loss")


def _check_allowed(objectives: list[Objective], guards: list[Guard], sandbox: Sandbox) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", sandbox.require):
        raise CharterError(
            f"charter: [sandbox] require is {sandbox.require!r}",
            advice="Allowed: auto, jail, confined, none, or the name of an installed provider.",
        )
    if any(line.startswith("network") for line in sandbox.allow):
        raise CharterError(
            "charter: [sandbox] allow grants a network", advice="A network is for one objective: put it in its allow."
        )
    judged: list[Objective | Guard] = [*objectives, *guards]
    for one in judged:
        try:
            Grants.parse([*sandbox.allow, *one.allow])
        except ValueError as error:
            raise CharterError(f"charter: allow of {one.name}: {error}") from None


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
    _only(data, [*TABLES, *LISTS], "the charter")
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
    _check_allowed(lists["objective"], lists["guard"], tables["sandbox"])
    if tables["proposers"].improver:
        _place(tables["proposers"].improver, "[proposers] improver")
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
