"""The program's own git repository: one commit per version, the evidence in its message.

Git is the view, the ledger is the proof: names of versions are SHA-256 hashes of our own. Commits have a fixed
author and the date of the ledger entry that they carry out, so finishing an interrupted adoption gives the same
commit again.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from selfproof.nouns import Files, SelfproofError

AUTHOR = "selfproof <selfproof@localhost>"


class RepoError(SelfproofError):
    """git could not do what was asked, or the work tree is not what the ledger says."""


def _git(tree: Path, *arguments: str, date: str | None = None) -> str:
    env = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(tree), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
        "GIT_AUTHOR_NAME": "selfproof", "GIT_AUTHOR_EMAIL": "selfproof@localhost",
        "GIT_COMMITTER_NAME": "selfproof", "GIT_COMMITTER_EMAIL": "selfproof@localhost",
    }  # fmt: skip
    if date is not None:
        env["GIT_AUTHOR_DATE"] = env["GIT_COMMITTER_DATE"] = date
    command = ["git", "-C", str(tree), "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", *arguments]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        raise RepoError("git is not installed", advice="Install git, for example: apt install git") from None
    if done.returncode != 0:
        raise RepoError(f"git {arguments[0]} failed in {tree}: {(done.stderr or done.stdout).strip()[:300]}")
    return done.stdout


def create(tree: Path) -> None:
    """Make ``tree`` a repository if it is none yet."""
    if not (tree / ".git").is_dir():
        _git(tree, "init", "--quiet", "--initial-branch=main")


def write_files(tree: Path, files: Files) -> None:
    """Make the work tree hold exactly these files (each written aside and renamed), besides what git ignores."""
    for path, text in files.items():
        target = tree / path
        if target.is_file() and target.read_text(encoding="utf-8", errors="replace") == text:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(target.name + ".new")
        aside.write_text(text, encoding="utf-8")
        aside.replace(target)
    for path in read_files(tree):
        if path not in files:
            (tree / path).unlink()


def read_files(tree: Path) -> dict[str, str]:
    """The program's files: everything below ``tree`` but git's own, caches and half-written files.

    Raises:
        RepoError: a file is not UTF-8 text, or the folder is missing.
    """
    if not tree.is_dir():
        raise RepoError(f"the program's folder {tree} is missing", advice="Restore it, or run `selfproof init` anew.")
    files = {}
    for path in sorted(tree.rglob("*")):
        relative = path.relative_to(tree)
        if not path.is_file() or relative.parts[0] == ".git" or "__pycache__" in relative.parts:
            continue
        if path.suffix in {".new", ".pyc"}:
            continue
        try:
            files[relative.as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise RepoError(f"{path} is not UTF-8 text", advice="Keep data files outside the program's tree.") from None
    return files


def commit(tree: Path, files: Files, message: str, date: str) -> str:
    """Write ``files`` and commit them; a commit that is there already is left as it is. Returns the commit's id."""
    for lock in (tree / ".git").glob("*.lock"):
        lock.unlink()  # left by a killed git; the ledger's own lock says that no other engine is at work
    write_files(tree, files)
    _git(tree, "add", "--all")
    if _git(tree, "status", "--porcelain").strip() or not has_commit(tree):
        _git(tree, "commit", "--quiet", "--allow-empty", "--no-gpg-sign", "-m", message, date=date)
    return head(tree)


def has_commit(tree: Path) -> bool:
    """Whether the repository has any commit."""
    return bool(_git(tree, "for-each-ref", "--count=1", "refs/heads").strip())


def head(tree: Path) -> str:
    """The id of the newest commit."""
    return _git(tree, "rev-parse", "HEAD").strip()


def show(tree: Path, revision: str) -> dict[str, str]:
    """The files of a commit.

    Raises:
        RepoError: no such commit.
    """
    names = _git(tree, "ls-tree", "-r", "--name-only", "-z", revision).split("\0")
    return {name: _git(tree, "show", f"{revision}:{name}") for name in names if name}
