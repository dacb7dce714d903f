"""Which functions an edit rewrites, and that it changes nothing else."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from selfproof.certify.scale import robust_t
from selfproof.nouns import Candidate, Edit, Files
from selfproof.operators.speed import FILE

SURE = 5.0


@dataclass(frozen=True)
class Fuzz:
    """How many hostile inputs, what they may weigh in bytes and take in seconds; at least ``least`` in any case."""

    most: int
    bytes: int
    seconds: float
    least: int


IN_RACE = Fuzz(60, 200_000, 0.5, 4)
BEFORE_ADOPTION = Fuzz(240, 1_500_000, 6.0, 24)


@dataclass(frozen=True)
class Rewrite:
    """A candidate, a short name for its change, the place where it is judged, and others that must behave the same."""

    candidate: Candidate
    form: str
    place: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Raced:
    """A rewrite that behaves the same, with its log-ratios on the explore inputs and the share of time it saves."""

    rewrite: Rewrite
    differences: tuple[float, ...]
    saved: float

    @property
    def promise(self) -> float:
        """What it saves, less if the race leaves room for doubt: a confirmation would take many pairs."""
        return self.saved * min(1.0, (robust_t(self.differences) / SURE) ** 2)


def across_files(edits: Sequence[Edit]) -> list[Edit]:
    """Edits of whole files by the same operator, from several files, as one: what a program needs is rarely in one."""
    groups: dict[str, list[Edit]] = {}
    for edit in edits:
        if edit.operator.startswith(FILE) and len(edit.files) == 1:
            groups.setdefault(edit.operator, []).append(edit)
    found = []
    for operator, group in groups.items():
        files = {path: text for edit in group for path, text in edit.files.items()}
        if len(files) > 1:
            title = f"{len(files)} files: {operator.removeprefix(FILE)}"
            found.append(replace(group[0], files=files, title=title))
    return found


def judged_at(
    changed: Mapping[str, str], known: Collection[str], focus: str | None, called: Callable[[], Collection[str]]
) -> str | None:
    """Where a change of these functions is timed and compared; None if nowhere.

    One function whose own calls are known is judged by them. Several, or a method, are judged by the focus, which
    must call them: a change of what the workload never runs is judged by nobody.
    """
    if len(changed) == 1 and (place := next(iter(changed))) in known:
        return place
    return focus if focus in known and set(changed) <= {focus, *called()} else None


def changed_functions(before: Files, after: Files) -> dict[str, str] | None:
    """Functions and methods of ``before`` whose code differs: "FILE.py:Class.method" -> what the change is.

    Everything else must stay: other statements equal and in their order, nothing bound anew but private helpers
    (functions, methods, constants) and imports under names that were free. None where that does not hold.
    """
    changed: dict[str, str] = {}
    if set(before) - set(after):
        return None
    for path, text in after.items():
        if text == before.get(path):
            continue
        old, new = _parts(before.get(path, "")), _parts(text)
        if old is None or new is None or path not in before or not _rest_stays(old, new, _bound(before[path])):
            return None
        for name, code in old.items():
            if code != new[name]:
                changed[f"{path}:{name}"] = f"{path}:{name}:{code}->{new[name]}"
    return changed


def _rest_stays(old: Mapping[str, str], new: Mapping[str, str], bound: Collection[str]) -> bool:
    kept = [name for name in new if name in old]
    return (
        kept == list(old)
        and all(new[name] == old[name] or _is_function(old[name], new[name]) for name in kept)
        and all(_may_come(name, new[name], old, bound) for name in new if name not in old)
    )


def _is_function(old: str, new: str) -> bool:
    kinds = [next((kind for kind in ("FunctionDef", "AsyncFunctionDef") if code.startswith(kind)), None)
             for code in (old, new)]  # fmt: skip
    return kinds[0] is not None and kinds[0] == kinds[1]


def _may_come(name: str, code: str, old: Mapping[str, str], bound: Collection[str]) -> bool:
    """Whether something that was not there before may be: a private helper, or an import under free names."""
    if code.startswith("Import"):
        return not set(name.split()) & {*bound, *dir(builtins), "*"}
    first, *_, last = name.removeprefix("class ").split(".") * 2
    return _is_private(last) or (_is_private(first) and f"class {first}" not in old)


def _is_private(name: str) -> bool:
    return name.isidentifier() and name.startswith("_") and not name.startswith("__")


def _parts(source: str) -> dict[str, str] | None:
    """Statements of a module and of its classes, by the one name that each binds, "Class.method" within a class.

    Imports by the names that they bind, others by their own code. None if it does not parse, or a name is bound twice.
    """
    try:
        rows = [*_named(ast.parse(source).body, "")]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found = dict(rows)
    return found if len(found) == len(rows) else None


def _named(body: Sequence[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    for node in body:
        code = ast.dump(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, code
        elif isinstance(node, ast.ClassDef):
            yield f"class {prefix}{node.name}", ast.dump(_without_body(node))
            yield from _named(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield prefix + node.targets[0].id, code
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield " ".join(alias.asname or alias.name.partition(".")[0] for alias in node.names), code
        else:
            yield prefix + code, code


def _without_body(node: ast.ClassDef) -> ast.ClassDef:
    return ast.ClassDef(node.name, node.bases, node.keywords, [], node.decorator_list)


def _bound(source: str) -> frozenset[str]:
    """Every name that a file mentions anywhere: a new import may take none of them."""
    return frozenset(node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
