"""Hand a certified change to the user: a patch, the files themselves, or a commit on a branch of its own."""

from __future__ import annotations

import difflib
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from selfproof.nouns import SelfproofError, UsageError
from selfproof.projects.origin import Change


def patch(changes: Sequence[Change]) -> str:
    """A patch that `git apply` takes in the project's folder; a line before each other file says where it belongs."""
    parts: list[str] = []
    for change in changes:
        old, new, name = change.before, change.after, change.path
        if change.root:
            parts.append(f"{name} is of an installed package, in {change.root}: patch -p1 -d {change.root}\n")
        lines = difflib.unified_diff(
            _lines(old), _lines(new),
            f"a/{name}" if old is not None else "/dev/null", f"b/{name}" if new is not None else "/dev/null",
        )  # fmt: skip
        parts += [line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines]
    return "".join(parts)


def _lines(text: str | None) -> list[str]:
    """Split as git does: at line feeds only."""
    return [] if text is None else [line for line in _split(text) if line]


def _split(text: str) -> list[str]:
    rows = text.split("\n")
    return [*(row + "\n" for row in rows[:-1]), rows[-1]]


def apply(project: Path, changes: Sequence[Change]) -> list[Path]:
    """Write the changes into the user's files, each aside and renamed; returns what was written.

    Raises:
        UsageError: a file that would be new is there already.
        SelfproofError: a file cannot be written; those before it were.
    """
    _only_own(changes)
    for change in changes:
        if change.before is None and (project / change.path).exists():
            raise UsageError(f"{project / change.path} is there already", advice="Move it away, or use the patch.")
    written: list[Path] = []
    for change in changes:
        target = project / change.path
        try:
            if change.after is None:
                target.unlink()
            else:
                _replace(target, change.after.encode())
        except OSError as error:
            raise SelfproofError(
                f"{target} cannot be written: {error.strerror}", advice=f"Written before it: {len(written)} files."
            ) from None
        written.append(target)
    return written


def _only_own(changes: Sequence[Change]) -> None:
    """Refuse to touch what is not the project's.

    Raises:
        UsageError: a change is of an installed package.
    """
    for change in changes:
        if change.root:
            raise UsageError(
                f"{change.path} is of an installed package, in {change.root}",
                advice="Send the patch to its authors, or keep a copy of the package: selfproof export > FILE",
            )


def _replace(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(target.name + ".selfproof.new")
    aside.write_bytes(data)
    if target.exists():
        aside.chmod(target.stat().st_mode & 0o7777)
    aside.replace(target)


def branch(project: Path, changes: Sequence[Change], name: str, message: str) -> str:
    """Commit the changes on top of HEAD, on a new branch; work tree and index stay as they are. Returns the commit.

    Raises:
        UsageError: the project is no git repository, the branch exists or its name is impossible, or HEAD does not
            hold the files as they were copied.
        SelfproofError: git failed.
    """
    _only_own(changes)
    top = Path(_git(project, "rev-parse", "--show-toplevel", why="the project is in no git repository").strip())
    head = _git(project, "rev-parse", "--verify", "HEAD^{commit}", why="the repository has no commit yet").strip()
    _git(project, "check-ref-format", "--branch", name, why=f"{name!r} cannot be a branch's name")
    if _git(project, "for-each-ref", f"refs/heads/{name}").strip():
        raise UsageError(f"there is a branch {name!r} already", advice="Give another name, or delete that branch.")
    with tempfile.TemporaryDirectory(prefix="selfproof-index-") as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        _git(project, "read-tree", head, env=index)
        for change in changes:
            _stage(project, top, head, change, index)
        tree = _git(project, "write-tree", env=index).strip()
    identity = {} if _git(project, "config", "--get", "user.email", fine=True).strip() else {
        "GIT_AUTHOR_NAME": "selfproof", "GIT_AUTHOR_EMAIL": "selfproof@localhost",
        "GIT_COMMITTER_NAME": "selfproof", "GIT_COMMITTER_EMAIL": "selfproof@localhost",
    }  # fmt: skip
    commit = _git(project, "commit-tree", tree, "-p", head, given=message.encode(), env=identity).strip()
    _git(project, "update-ref", f"refs/heads/{name}", commit, "0" * len(commit))
    return commit


def _stage(project: Path, top: Path, head: str, change: Change, index: Mapping[str, str]) -> None:
    """Put one change into the index, if HEAD holds the text that it starts from."""
    place = (project / change.path).resolve()
    if top.resolve() not in place.parents:
        raise UsageError(f"{place} is not in the repository {top}", advice="Use the patch for this file.")
    path = place.relative_to(top.resolve()).as_posix()
    row = _git(project, "ls-tree", "--full-tree", head, "--", path).split()
    mode = row[0] if row else "100644"
    before = _git(
        project, "hash-object", "--stdin", "--path", path, given=(change.before or "").encode(), top=top
    ).strip()
    if change.before is not None and (not row or row[2] != before):
        raise UsageError(
            f"{path} is not in HEAD as it was copied", advice="Commit your own changes first, then try again."
        )
    if change.before is None and row:
        raise UsageError(f"{path} is in HEAD already", advice="Use the patch, and merge by hand.")
    if change.after is None:
        _git(project, "update-index", "--force-remove", "--", path, env=index, top=top)
        return
    blob = _git(project, "hash-object", "-w", "--stdin", "--path", path, given=change.after.encode(), top=top).strip()
    _git(project, "update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", env=index, top=top)


def _git(
    project: Path, *words: str, given: bytes | None = None, env: Mapping[str, str] | None = None, why: str = "",
    fine: bool = False, top: Path | None = None,
) -> str:  # fmt: skip
    """Run git in the project (or the repository's top); ``why`` is said if it fails, ``fine`` lets it fail."""
    try:
        done = subprocess.run(
            ["git", "-C", str(top or project), "-c", "core.hooksPath=/dev/null", *words],
            input=given, env={**os.environ, "LC_ALL": "C", **(env or {})}, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise SelfproofError("git is not installed", advice="Install git, or use the patch.") from None
    if done.returncode == 0 or fine:
        return done.stdout.decode(errors="replace")
    said = (done.stderr or done.stdout).decode(errors="replace").strip()[:200]
    if why:
        raise UsageError(why, advice="Without a branch: `selfproof export > FILE`, or `selfproof export --apply`.")
    raise SelfproofError(f"git {words[0]} failed in {project}: {said}")
