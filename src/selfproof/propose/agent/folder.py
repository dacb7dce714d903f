"""The agent's scratch folder: written before, compared afterwards. Nothing that lies in it is trusted or run.

git is never called once the agent has been at work: its hooks and settings would be the agent's.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from selfproof.nouns import Files
from selfproof.propose.brief import Brief, ProposerFailed

PROMPT, ANSWER = "SELFPROOF_PROMPT.md", "PREDICTION"
LARGEST_FILE: Final = 256 * 1024
MOST_CHANGED: Final = 32
MOST_SEEN: Final = 20_000
# Folders in which agents and tools keep their own things; never part of a suggestion unless they were given.
_TOOLS: Final = frozenset(
    {".git", ".venv", "__pycache__", "node_modules", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".claude", ".codex",
     ".gemini", ".opencode"}
)  # fmt: skip


@dataclass(frozen=True)
class Harvest:
    """New texts of the files that may change, what was left out and why (reason -> how many), and the answer file."""

    files: dict[str, str] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    answer: str = ""

    @property
    def words(self) -> str:
        """What was left out, in words."""
        return ", ".join(f"{count} {reason}" for reason, count in sorted(self.dropped.items()))


class Scratch:
    """A folder of one run: ``program`` is where the agent works, ``tmp`` what it takes for /tmp."""

    def __init__(self, brief: Brief, prompt: str) -> None:
        self.top = Path(tempfile.mkdtemp(prefix="selfproof-agent-")).resolve()
        self.program, self.tmp = self.top / "program", self.top / "tmp"
        self.given: Files = dict(brief.files)
        self._may = brief.may
        try:
            self.tmp.mkdir()
            self._write(prompt)
        except BaseException:
            self.remove()
            raise

    @property
    def prompt(self) -> Path:
        """The prompt as a file, in the agent's folder, where it may read it whatever its own rules are."""
        return self.program / PROMPT

    def _write(self, prompt: str) -> None:
        self.program.mkdir()
        for path, text in self.given.items():
            parts = Path(path).parts
            if not parts or Path(path).is_absolute() or {"..", ".git"} & set(parts):
                raise ProposerFailed(f"the program's file {path!r} cannot be given to an agent", fatal=True)
            target = self.program / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
        _commit(self.program)
        self.prompt.write_bytes(prompt.encode())

    def harvest(self) -> Harvest:
        """Compare with what was given. Call it when every process of the agent has ended."""
        files: dict[str, str] = {}
        dropped: Counter[str] = Counter()
        seen: set[str] = set()
        answer = ""
        for path, place in self._walk():
            if len(seen) >= MOST_SEEN:
                dropped[f"beyond the first {MOST_SEEN:,} files"] += 1
                break
            seen.add(path)
            text, reason = _text(place)
            if path in {PROMPT, ANSWER} and path not in self.given:
                answer = text or answer if path == ANSWER else answer
            elif text is None:
                dropped[reason] += 1
            elif text != self.given.get(path):
                if not self._may(path):
                    dropped["not editable"] += 1
                elif len(files) >= MOST_CHANGED:
                    dropped[f"beyond {MOST_CHANGED} changed files"] += 1
                else:
                    files[path] = text
        if gone := sum(path not in seen for path in self.given):
            dropped["deleted (an edit cannot delete)"] += gone
        return Harvest(files, dropped, answer)

    def _walk(self) -> Iterator[tuple[str, Path]]:
        """Every file below the folder, sorted; links are met, never followed."""
        folders = [self.program]
        while folders:
            folder = folders.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue  # made unreadable by the agent: what was in it counts as deleted
            for entry in entries:
                path = Path(entry.path).relative_to(self.program).as_posix()
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _TOOLS or self._gave(path):
                        folders.append(Path(entry.path))
                elif not entry.name.endswith(".pyc") and (path in self.given or not entry.name.startswith(".aider")):
                    yield path, Path(entry.path)

    def _gave(self, folder: str) -> bool:
        return folder != ".git" and any(path.startswith(folder + "/") for path in self.given)

    def size(self) -> tuple[int, int]:
        """Bytes on disk and files below the whole scratch folder, as far as it can be read; stops at 100,000 files."""
        total = count = 0
        folders = [str(self.top)]
        while folders and count < 100_000:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        count += 1
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        else:
                            total += entry.stat(follow_symlinks=False).st_blocks * 512
            except OSError:
                continue  # it changes while we look
        return total, count

    def remove(self) -> None:
        """Delete it, whatever rights the agent has taken away from folders in it."""
        for _ in range(3):
            shutil.rmtree(self.top, ignore_errors=True)
            if not self.top.exists():
                return
            for folder, names, _files in os.walk(self.top):
                for name in names:
                    path = Path(folder, name)
                    if not path.is_symlink():
                        path.chmod(0o700)


def _text(path: Path) -> tuple[str | None, str]:
    """A file's text, or why it is refused. A link, pipe or device is not opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None, "no plain file"
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None, "no plain file"
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        return None, f"larger than {LARGEST_FILE // 1024} kB"
    if b"\0" in data:
        return None, "binary"
    try:
        return data.decode(), ""
    except UnicodeDecodeError:
        return None, "binary"


def _commit(folder: Path) -> None:
    """Make it a repository of one commit, which several agents insist on; without git they get a plain folder."""
    env = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C", "GIT_AUTHOR_NAME": "selfproof",
        "GIT_AUTHOR_EMAIL": "selfproof@localhost", "GIT_COMMITTER_NAME": "selfproof",
        "GIT_COMMITTER_EMAIL": "selfproof@localhost",
    }  # fmt: skip
    steps = (
        ("init", "--quiet", "--initial-branch=main", "--template="),
        ("add", "--all", "--force"),
        ("commit", "--quiet", "--allow-empty", "--no-gpg-sign", "-m", "The program as it is"),
    )
    for step in steps:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *step], env=env, capture_output=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return
        if done.returncode:
            return
    exclude = folder / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text(f"/{PROMPT}\n/{ANSWER}\n")
