"""Read a charter and check it.

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
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from selfproof.charter import conditions, sections
from selfproof.charter.sections import (
    LISTS,
    TABLES,
    Certify,
    Charter,
    Classes,
    Guard,
    Objective,
    PolicyRule,
    Sandbox,
)
from selfproof.charter.tripping import MustFail, Tripwires
from selfproof.grants import Grants
from selfproof.nouns import UsageError

MOST_PEOPLE = 16  # who must sign one change
RULE_ADVICE = 'Write for instance when = ["lines_added > 40", "classes has code"].'


class CharterError(UsageError):
    """The charter cannot be used as it is: what, where, and what to do."""


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
    if spec.metadata.get("needs"):
        if value in ("free", "forbid") or (type(value) is int and 1 <= value <= MOST_PEOPLE):
            return value
        raise CharterError(
            f"charter: {place} is {value!r}",
            advice=f'It must be "free", "forbid", or a number of people, at most {MOST_PEOPLE}.',
        )
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


def _check_tripwires(tripwires: Tripwires, must_fail: list[MustFail]) -> None:
    for name, steps in dataclasses.asdict(tripwires).items():
        for step in steps if isinstance(steps, tuple) else ():
            if not re.fullmatch(r"(alert|ask|halt) [0-9]{1,9}(\.[0-9]{1,9})?", step) or not float(step.split()[1]):
                raise CharterError(
                    f"charter: [tripwires] {name} has the step {step!r}",
                    advice='Write alert, ask or halt and a number above 0, as in ["alert 2", "halt 5"]; [] is off.',
                )
    _check_names([one.name for one in must_fail])
    for one in must_fail:
        _place(one.task, f"must_fail {one.name}.task")
        _place(one.entry, f"must_fail {one.name}.entry")


def _check_rules(rules: list[PolicyRule], classes: Classes) -> None:
    if classes.weights not in ("free", "forbid"):
        raise CharterError(
            f"charter: [classes] weights is {classes.weights!r}",
            advice='"free" or "forbid": nobody can read weights, so nobody is asked to sign them.',
        )
    for number, rule in enumerate(rules):
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", rule.id) or rule.id in {"facts", "rules"}:
            raise CharterError(
                f"charter: [[rule]] {number + 1}: {rule.id!r} is not a usable id",
                advice="Use small letters, digits and '-'; 'facts' and 'rules' are taken.",
            )
        if rule.id in {other.id for other in rules[:number]}:
            raise CharterError(f"charter: two rules are called {rule.id!r}")
        if not rule.when or not rule.reason.strip():
            raise CharterError(f"charter: rule {rule.id} needs conditions and a reason")
        for text in rule.when:
            try:
                conditions.parse(text)
            except ValueError as error:
                raise CharterError(f"charter: rule {rule.id}: {error}", advice=RULE_ADVICE) from None


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
    _check_tripwires(tables["tripwires"], lists["must_fail"])
    _check_rules(lists["rule"], tables["classes"])
    if wrong := sections.fault(tables):
        raise CharterError(f"charter: {wrong}")
    if tables["proposers"].improver:
        _place(tables["proposers"].improver, "[proposers] improver")
    return Charter(
        objectives=tuple(lists["objective"]),
        guards=tuple(lists["guard"]),
        must_fail=tuple(lists["must_fail"]),
        rules=tuple(lists["rule"]),
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
