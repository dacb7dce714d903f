"""A project's text files: what goes along into a living program, and what is left out and why."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from selfproof.archive.tree import matches
from selfproof.nouns import UsageError
from selfproof.projects import origin
from selfproof.projects.origin import Original

LARGEST = 1 << 20  # bytes of one file
TOTAL = 8 << 20  # bytes of all of them: each trial is sent all
MOST = 2000
SKIPPED = frozenset(
    {"__pycache__", "node_modules", "venv", "env", "site-packages", "dist", "build", "wandb", "mlruns", "runs"}
)


@dataclass(frozen=True)
class Texts:
    """Files by their path below the project, where each is from, and those that are left out, with the reason."""

    files: dict[str, str]
    originals: dict[str, Original]
    left_out: dict[str, str]

    def without(self, names: Iterable[str]) -> Texts:
        """The same without some files."""
        gone = set(names)
        files = {name: text for name, text in self.files.items() if name not in gone}
        return replace(self, files=files, originals={name: self.originals[name] for name in files})


def of(project: Path, folder: Path, globs: Sequence[str] = ()) -> Texts:
    """The project's text files, those that match ``globs`` if there are any; never what lies below ``folder``.

    Without globs: what git tracks or would track, or without git all but hidden files and build folders.

    Raises:
        UsageError: globs that match nothing, or more than a program can hold.
    """
    files: dict[str, str] = {}
    originals: dict[str, Original] = {}
    left_out: dict[str, str] = {}
    for path in sorted(_candidates(project)):
        if folder.resolve() in [path.resolve(), *path.resolve().parents]:
            continue
        name = path.relative_to(project).as_posix()
        if globs and not matches(name, globs):
            continue
        if reason := _unfit(path):
            left_out[name] = reason
            continue
        try:
            files[name], digest = origin.taken(path)
        except UsageError as error:
            left_out[name] = str(error).removeprefix(f"{path} ")
            continue
        originals[name] = Original(name, digest)
    if not files:
        said = f"no text file matches {', '.join(globs)}" if globs else f"there is no text file in {project}"
        raise UsageError(said, advice="Type this in your project's folder, or use --files.")
    size = sum(map(len, files.values()))
    if len(files) > MOST or size > TOTAL:
        raise UsageError(
            f"{len(files)} files with {size >> 20} MB are too much for a program, which every trial is sent",
            advice='Name what the command needs, for example --files "*.py", and grant data with --allow data:/FOLDER.',
        )
    return Texts(files, originals, left_out)


def _candidates(project: Path) -> Iterable[Path]:
    listed = _tracked(project)
    if listed is not None:
        return [path for path in listed if path.is_file() and not path.is_symlink() and not _is_hidden(path, project)]
    found: list[Path] = []
    for home, folders, names in os.walk(project):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED]
        found += [Path(home, name) for name in names if not name.startswith(".")]
        if len(found) > 50 * MOST:
            raise UsageError(f"{project} holds too many files", advice='Name what is needed: --files "*.py"')
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _tracked(project: Path) -> list[Path] | None:
    """What git tracks or would track below the project; None where there is no repository or no git."""
    words = ["git", "-C", str(project), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    return [project / os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _is_hidden(path: Path, project: Path) -> bool:
    parts = path.relative_to(project).parts
    return any(part.startswith(".") or part == "__pycache__" for part in parts)


def _unfit(path: Path) -> str | None:
    """Why a file cannot be part of a program, before its text is looked at."""
    if path.suffix in {".new", ".pyc"}:
        return "half-written files and bytecode are no part of a program"
    try:
        if path.stat().st_size > LARGEST:
            return "larger than 1 MB"
        return "no text" if b"\0" in path.read_bytes() else None
    except OSError as error:
        return f"cannot be read: {error.strerror}"
