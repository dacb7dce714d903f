"""Suggestions that a person or an agent left beside a living program, for its next run.

One JSON file each, bounded and typed when it is written and again when it is read. A suggestion keeps the text that it
was made from; if the program has changed meanwhile, its change is merged by lines, or it is dropped. Nothing in here
is adopted without the gate.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from selfproof.nouns import UsageError
from selfproof.propose.brief import Brief, ProposerFailed, Suggestion
from selfproof.propose.form import LARGEST, MOST_FILES, sound
from selfproof.propose.jailed import plain

MOST_WAITING: Final = 100
_LARGEST_JSON: Final = 8 << 20
_KEPT: Final = 100
_PATIENCE_S: Final = 60.0


class Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A suggestion as it waits: new texts, the texts that they were made from (None: there was none), and words.

    ``objective`` is "" where any will do. ``prediction`` is a gain above 0 in the metric's unit, for speed a ratio
    above 1.
    """

    files: dict[str, str]
    base: dict[str, str | None]
    title: str
    objective: str = ""
    prediction: float | None = None
    risk: str = ""
    by: str = ""


@dataclass(frozen=True)
class Waiting:
    """A letter and its file."""

    place: Path
    letter: Letter

    @property
    def id(self) -> str:
        """What commands call it."""
        return self.place.stem


def put(inbox: Path, letter: Letter) -> str:
    """Leave a suggestion; returns its id.

    Raises:
        UsageError: it changes nothing, is too large, or too many wait.
    """
    if not letter.files or all(letter.base.get(path) == text for path, text in letter.files.items()):
        raise UsageError("the suggestion changes nothing", advice="Give at least one file with other text.")
    if len(letter.files) > MOST_FILES or sum(map(len, letter.files.values())) > LARGEST:
        raise UsageError(f"a suggestion has at most {MOST_FILES} files and {LARGEST >> 20} MB of text")
    if not plain(letter.title).strip():
        raise UsageError("a suggestion needs a title", advice="Say in a few words what it changes.")
    inbox.mkdir(mode=0o700, exist_ok=True)
    if len(list(inbox.glob("*.json"))) >= MOST_WAITING:
        raise UsageError(f"{MOST_WAITING} suggestions wait already", advice="Type `selfproof run`: it takes them.")
    place = inbox / f"{time.time_ns():020d}-{secrets.token_hex(3)}.json"
    aside = place.with_suffix(".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(letter))
    aside.rename(place)
    return place.stem


def waiting(inbox: Path) -> list[Waiting]:
    """What waits, oldest first; a file that is no suggestion is left where it is and not counted."""
    found = []
    for place in sorted(inbox.glob("*.json"))[:MOST_WAITING]:
        letter = _read(place)
        if letter is not None:
            found.append(Waiting(place, letter))
    return found


def _read(place: Path) -> Letter | None:
    try:
        if place.is_symlink() or place.stat().st_size > _LARGEST_JSON:
            return None
        letter = msgspec.json.decode(place.read_bytes(), type=Letter)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    sound = 0 < len(letter.files) <= MOST_FILES and sum(map(len, letter.files.values())) <= LARGEST
    return letter if sound else None


class InboxProposer:
    """Gives what waits, each suggestion once; it is used up when nothing is left."""

    def __init__(self, inbox: Path) -> None:
        self.name = "inbox"
        self._inbox = inbox
        self._since = time.monotonic()
        self._closed = False

    def propose(self, brief: Brief) -> Iterator[Suggestion]:
        """Yield the suggestions that fit this objective.

        Raises:
            ProposerFailed: nothing is left, or what is left fitted no objective that was asked for within a minute.
        """
        left = waiting(self._inbox)
        if not left:
            raise ProposerFailed("nothing waits in the inbox", fatal=True)
        mine = [one for one in left if _fits(one.letter, brief)]
        if mine:
            self._since = time.monotonic()
        elif time.monotonic() - self._since > _PATIENCE_S:  # another objective may have its turn until then
            raise ProposerFailed(f"{len(left)} suggestions in the inbox fit no objective", fatal=True)
        for one in mine:
            if self._closed or not self._take(one):
                continue
            files = {path: merged(brief.files.get(path), one.letter.base.get(path), text)
                     for path, text in one.letter.files.items()}  # fmt: skip
            sound = {path: text for path, text in files.items() if text is not None}
            if len(sound) == len(files):
                yield _suggestion(one.letter, sound, brief)

    def close(self) -> None:
        """Take nothing more: what nobody would look at stays for the next run."""
        self._closed = True

    def _take(self, one: Waiting) -> bool:
        """Put it aside, so that nobody gives it twice; the newest 100 of these are kept."""
        taken = self._inbox / "taken"
        taken.mkdir(mode=0o700, exist_ok=True)
        try:
            one.place.rename(taken / one.place.name)
        except FileNotFoundError:
            return False
        for old in sorted(taken.glob("*.json"))[:-_KEPT]:
            old.unlink(missing_ok=True)
        return True


def _fits(letter: Letter, brief: Brief) -> bool:
    ours = [path for path in letter.files if brief.may(path)]
    new = [path for path in letter.files if path not in ours and path not in brief.files and not letter.base.get(path)]
    named = letter.objective == brief.objective
    return (named or (not letter.objective and bool(ours))) and len(ours) + len(new) == len(letter.files)


def _suggestion(letter: Letter, files: Mapping[str, str], brief: Brief) -> Suggestion:
    return sound(Suggestion(files, letter.title, letter.by or "inbox", letter.prediction, letter.risk), brief)


def merged(now: str | None, base: str | None, new: str) -> str | None:
    """The new text, or, if ``now`` is not what it was made from, what changed in it put into ``now`` by lines.

    None if the two changes touch the same lines, or git is missing.
    """
    if now in {base, new}:
        return new
    if now is None or base is None:
        return None
    with tempfile.TemporaryDirectory(prefix="selfproof-merge-") as folder:
        names = [Path(folder, name) for name in ("now", "base", "new")]
        for place, text in zip(names, (now, base, new), strict=True):
            place.write_bytes(text.encode())
        try:
            done = subprocess.run(
                ["git", "merge-file", "-p", "-q", *names], capture_output=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    return done.stdout.decode() if done.returncode == 0 else None
