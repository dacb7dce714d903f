"""Command lines of agents: the known ones by name, and how placeholders become words. No shell is involved."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selfproof.nouns import UsageError

PRESETS: Final[Mapping[str, str]] = {
    "claude": "claude -p {prompt} --output-format stream-json --verbose --permission-mode acceptEdits"
    " --max-budget-usd {dollars}",
    "codex": "codex exec --json --skip-git-repo-check --sandbox workspace-write {prompt}",
    "gemini": "gemini --output-format stream-json --approval-mode auto_edit --skip-trust -p {prompt}",
    "opencode": "opencode run --format json {prompt}",
    "aider": "aider --message-file {prompt_file} --yes-always --no-auto-commits --no-check-update --no-gitignore"
    " --no-pretty {files}",
}
"""Tried against the options of claude 2.1, codex 0.169, gemini 0.61 and opencode 1.18; aider's are from its manual."""

PLACEHOLDERS: Final = ("prompt", "prompt_file", "files", "minutes", "dollars")
LONGEST_WORD: Final = 100_000
"""Bytes of one argument; Linux takes 131,072 (MAX_ARG_STRLEN)."""
_PLACE = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")
_INTERPRETERS: Final = frozenset({"bash", "bun", "deno", "env", "node", "npx", "sh", "uvx"})


@dataclass(frozen=True)
class Command:
    """A command line with placeholders: ``words`` after `shlex`, ``name`` for people, ``own`` for its settings.

    ``own`` is the program's name without interpreter, folder and suffix: "claude" of "/opt/bin/claude -p {prompt}".
    """

    words: tuple[str, ...]
    name: str
    own: str

    @property
    def takes_dollars(self) -> bool:
        """Whether the agent is told how much it may spend."""
        return any("{dollars}" in word for word in self.words)

    def fill(self, values: Mapping[str, str], files: Sequence[str]) -> list[str]:
        """The argument list. A word that is "{files}" becomes one word for each file.

        A value that is missing drops its word, and with it the option before that word.
        """
        filled: list[str] = []
        for word in self.words:
            missing = [key for key in _PLACE.findall(word) if key not in values and key != "files"]
            if missing:
                if filled[1:] and filled[-1].startswith("-"):
                    filled.pop()
            elif word == "{files}":
                filled += files
            else:
                filled.append(_PLACE.sub(lambda found: values.get(found[1], found[0]), word))
        return filled


def parse(text: str, base: Path) -> Command:
    """Read a command line, or the name of a preset. Words that name a file by a path from ``base`` become absolute.

    Raises:
        UsageError: empty, unbalanced quotes, or no place for the prompt.
    """
    name = text.strip()
    try:
        words = shlex.split(PRESETS.get(name, name))
    except ValueError as error:
        raise UsageError(f"agent: {text!r} is no command line: {error}", advice="Balance the quotes.") from None
    if not words:
        raise UsageError("agent: the command is empty", advice=f"Known by name: {', '.join(sorted(PRESETS))}.")
    if not any(place in word for word in words for place in ("{prompt}", "{prompt_file}")):
        raise UsageError(
            f"agent: {text!r} has no place for the prompt",
            advice="Put {prompt} or {prompt_file} into it, as in: claude -p {prompt}",
        )
    words = [_absolute(word, base) for word in words]
    own = _own(words)
    return Command(tuple(words), own or "command", own)


def _absolute(word: str, base: Path) -> str:
    """The agent's current folder is its scratch folder, so a path from here would lead nowhere there."""
    here = "/" in word and not word.startswith(("/", "-", "{"))
    return str((base / word).absolute()) if here and (base / word).is_file() else word


def _own(words: Sequence[str]) -> str:
    for word in words:
        name = Path(word).name.partition(".")[0].partition("@")[0]
        plain = "{" not in word and not word.startswith("-") and re.fullmatch(r"[\w-]+", name)
        if plain and name not in _INTERPRETERS and not name.startswith("python"):
            return name
    return ""


def missing(program: str, env: Mapping[str, str]) -> str | None:
    """Why a program cannot be started, or None."""
    if "/" in program:
        ready = os.access(program, os.X_OK) and Path(program).is_file()
        return None if ready else f"{program} is no program that can be run"
    return None if shutil.which(program, path=env.get("PATH")) else f"{program} is not installed, or not on PATH"
