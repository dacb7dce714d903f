"""What a person's task or scorer needs in the engine: its file, those that it imports, and the text that they name.

All of it goes into tasks/, and none of it into the program, where a candidate could read the answers.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from selfproof.nouns import UsageError
from selfproof.projects import closure
from selfproof.projects.closure import Source
from selfproof.projects.texts import Texts

LONGEST = 200  # characters of a string that may be the name of a file


@dataclass(frozen=True)
class Trusted:
    """Files for tasks/ by their path below it; ``names`` are the project's paths of them, ``place`` what was named."""

    files: Mapping[str, str]
    names: frozenset[str]
    place: str


def placed(project: Path, text: str, what: str) -> tuple[Source, str]:
    """The project's module and the name in it that ``path/file.py:name`` or ``package.module:name`` says.

    Raises:
        UsageError: there is none; ``what`` says what it should be.
    """
    path, _, name = text.rpartition(":")
    if not path or not name.isidentifier():
        raise UsageError(f"{text!r} names no {what}", advice="Write it as FILE.py:name.")
    source = closure.locate(project, _module_of(project, path) if path.endswith(".py") else path)
    if source is None or not source.own:
        raise UsageError(f"{path} is no file of {project}", advice="Type this in your project's folder.")
    bound = _bound(closure.parsed(source.path))
    if name not in bound:
        raise UsageError(f"{source.path} has no {name!r}", advice=f"It has: {', '.join(sorted(bound)) or 'nothing'}.")
    return source, name


def _module_of(project: Path, path: str) -> str:
    whole = (project / path).resolve()
    for root in closure.import_roots(project) if whole.is_file() else []:
        if root in whole.parents:
            return ".".join(whole.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    raise UsageError(f"{path} is no file of {project}", advice="Name a file of the project.")


def _bound(tree: ast.Module) -> set[str]:
    """Names that a module defines or imports at its top."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def of(project: Path, text: str, found: Texts, what: str) -> Trusted:
    """What ``FILE.py:name`` needs.

    Raises:
        UsageError: there is no such file or name, or one of its files cannot be read.
    """
    source, name = placed(project, text, what)
    sources = closure.needed(project, source)
    files = {own.inside: own.path.read_text("utf-8") for own in sources}
    names = {own.path.relative_to(project).as_posix() for own in sources if project in own.path.parents}
    for path in named_in((closure.parsed(own.path) for own in sources), found.files):
        files[_below_its_root(project, path, source)] = found.files[path]
        names.add(path)
    return Trusted(files, frozenset(names), f"{source.inside}:{name}")


def _below_its_root(project: Path, path: str, source: Source) -> str:
    """Where a data file belongs beside a module that is kept by its path below the folder it is imported from."""
    whole = project / path
    return whole.relative_to(source.root).as_posix() if source.root in whole.parents else path


def kept_apart(project: Path, script: str | None, own: Trusted, found: Texts) -> frozenset[str]:
    """The files that a program must do without: what is trusted, but for code that its script needs too.

    Raises:
        UsageError: the script imports the trusted file, or names the same data.
    """
    sources = needed_by(project, script) if script else []
    names = frozenset(one.path.relative_to(project).as_posix() for one in sources if project in one.path.parents)
    home = own.place.partition(":")[0]
    if any(one.inside == home for one in sources):
        raise UsageError(f"{script} imports {home}, which scores it", advice="Move what both need into a third file.")
    if both := sorted(set(named_in((closure.parsed(one.path) for one in sources), found.files)) & own.names):
        raise UsageError(
            f"{both[0]} is named by {script} and by what scores it: a candidate could read the answers",
            advice="Give each a file of its own.",
        )
    return own.names - names


def needed_by(project: Path, script: str) -> list[Source]:
    """The project's modules that a script needs, itself included; none for what is no Python."""
    whole = project / script
    root = next((root for root in closure.import_roots(project) if root in whole.parents), None)
    if root is None or whole.suffix != ".py":
        return []
    return closure.needed(project, Source(".".join(whole.relative_to(root).with_suffix("").parts), whole, root, True))


def named_in(trees: Iterable[ast.Module], files: Mapping[str, str]) -> list[str]:
    """Files, no Python among them, that code names in its strings: by name, by path, or by the folder they are in."""
    said = {
        node.value.strip("/")
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and 0 < len(node.value) <= LONGEST
    }
    ends = {text.rpartition("/")[2] for text in said}
    found = []
    for path in files:
        *folders, name = path.split("/")
        if not path.endswith(".py") and (name in ends or set(folders) & said):
            found.append(path)
    return found
