"""Edits as models write them: SEARCH/REPLACE blocks under a file's name, or whole files in fences.

    path/of/file.py
    <<<<<<< SEARCH
    lines as they are
    =======
    lines as they should be
    >>>>>>> REPLACE

The text is a stranger's: nothing in it raises, and what it changes is only what may be changed. Whatever has no
certain meaning (a piece that fits two places, a file that may not be edited, a block that is cut off) is dropped, with
a sentence why. Parsing and applying are linear in the length of reply and files.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from selfproof.archive.tree import matches
from selfproof.nouns import Files
from selfproof.propose import anchors, regions

LONGEST_REPLY = 4 << 20  # characters; the rest is not read
MOST_CHANGES = 64
MOST_FUZZY = 16  # pieces of one reply that are looked for by similarity
MOST_FILES = 8
LARGEST_FILE = 256 * 1024

_SEARCH = re.compile(r"^\s*<{5,9} ?SEARCH\b(.*)$")
_DIVIDER = re.compile(r"^={7}\s*$")
_REPLACE = re.compile(r"^\s*>{5,9} ?REPLACE\b")
_FENCE = re.compile(r"^\s{0,3}(`{3,12}|~{3,12})([^`]*)$")
_LABEL = re.compile(r"^(?:#+\s*|//\s*|<!--\s*)?(?:(?:new file|file ?name|file|path)\s*:\s*)?", re.IGNORECASE)
_PATH = re.compile(r"^[\w@+-][\w@.+/ -]{0,199}$|^\.[\w@+-][\w@.+/ -]{0,198}$")


@dataclass(frozen=True)
class Change:
    """One change that a reply asks for: lines in the place of a piece, or (``search`` is None) of the whole file."""

    path: str | None
    search: tuple[str, ...] | None
    replace: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """What a reply changes: the new text of each file that differs, and why the rest was dropped."""

    files: Files
    dropped: tuple[str, ...] = field(default=())
    whole: bool = False


def read(reply: str, files: Files, editable: Sequence[str], protected: Sequence[str] = ()) -> Reading:
    """Apply a reply's changes to ``files``, in order, as far as the globs allow. Never raises."""
    changes, dropped = parse(reply)
    work = _Work(files, editable, protected)
    for change in changes:
        why = work.apply(change)
        if why is not None:
            dropped.append(why)
    return Reading(work.changed(dropped), tuple(dropped[:MOST_CHANGES]), any(c.search is None for c in changes))


def parse(reply: str) -> tuple[list[Change], list[str]]:
    """The changes that a reply asks for, and what in it could not be read."""
    lines = reply[:LONGEST_REPLY].replace("\r\n", "\n").split("\n")
    marks = _Marks(lines)
    changes: list[Change] = []
    dropped: list[str] = []
    number, hint = 0, None
    while number < len(lines):
        if len(changes) >= MOST_CHANGES:
            return changes, [*dropped, f"only the first {MOST_CHANGES} changes are read"]
        step = marks.block(number) or marks.fence(number)
        if step is not None:
            changes.append(step.change(lines, number, hint))
            number, hint = step.end, hint if step.divider is not None else None
        elif marks.is_search(number):
            dropped.append("a SEARCH block is cut off")
        else:
            hint = _path(lines[number]) or (hint if _passes(lines[number]) else None)
        number += 1
    if any(change.search is not None for change in changes):  # then a fence without a name only explains
        changes = [change for change in changes if change.search is not None or change.path is not None]
    return changes, dropped


@dataclass(frozen=True)
class _Step:
    """A block, whose divider is given, or a fence from here to ``end``."""

    end: int
    divider: int | None = None
    words: str = ""

    def change(self, lines: Sequence[str], number: int, hint: str | None) -> Change:
        """The change that it asks for, where ``hint`` is the path above it."""
        if self.divider is not None:
            path = _path(self.words) or hint
            return Change(path, tuple(lines[number + 1 : self.divider]), tuple(lines[self.divider + 1 : self.end]))
        inside = lines[number + 1 : self.end]
        path = (_path(self.words.split()[-1]) if self.words else None) or hint
        label = _labelled(inside[0]) if inside and path is None else None
        return Change(path or label, None, (*inside[label is not None :], ""))


class _Marks:
    """Where blocks and fences begin and end, found once: looking ahead from each line anew would cost its square."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        signs = [(n, line) for n, line in enumerate(lines) if line.lstrip()[:3] in {"<<<", "===", ">>>", "```", "~~~"}]
        self.search = [n for n, line in signs if _SEARCH.match(line)]
        self.divider = [n for n, line in signs if _DIVIDER.match(line)]
        self.replace = [n for n, line in signs if _REPLACE.match(line)]
        self.opening = {n: match for n, line in signs if (match := _FENCE.match(line))}
        self.closing: dict[str, list[int]] = {}
        for n, match in self.opening.items():
            if not match[2].strip():
                self.closing.setdefault(match[1], []).append(n)

    def is_search(self, number: int) -> bool:
        return _next(self.search, number - 1) == number

    def block(self, number: int) -> _Step | None:
        """The block that begins here and is not cut off."""
        if not self.is_search(number):
            return None
        divider = _next(self.divider, number)
        end = None if divider is None else _next(self.replace, divider)
        another = _next(self.search, number)
        if divider is None or end is None or (another is not None and another < end):
            return None
        words = _SEARCH.match(self.lines[number])
        return _Step(end, divider, words[1] if words else "")

    def fence(self, number: int) -> _Step | None:
        """The fence that opens here; none where it only wraps blocks, whose end then opens nothing either."""
        match = self.opening.get(number)
        if match is None:
            return None
        ends = [_next(numbers, number) for sign, numbers in self.closing.items() if sign.startswith(match[1])]
        end = min((at for at in ends if at is not None), default=None)
        first = _next(self.search, number)
        if end is not None and first is not None and first <= number + 3 and first < end:
            self.opening.pop(end, None)
            return None
        return None if end is None else _Step(end, None, match[2].strip())


def _next(numbers: Sequence[int], after: int) -> int | None:
    at = bisect_right(numbers, after)
    return numbers[at] if at < len(numbers) else None


def _passes(line: str) -> bool:
    """Whether a path above this line still names what comes below it."""
    return not line.strip() or _FENCE.match(line) is not None


def _path(line: str) -> str | None:
    """The path that a line consists of, whatever decorates it."""
    if len(line) > 300:
        return None
    text = _LABEL.sub("", line.strip().strip("*`")).strip().strip("*`:\"'").strip()
    text = text.removesuffix("-->").strip().removeprefix("./")
    looks = _PATH.match(text) is not None and ("." in text or "/" in text) and not text.endswith((".", "/"))
    return text if looks and ("/" in text or " " not in text) else None


def _labelled(line: str) -> str | None:
    """The path in a first line such as "# FILE: path"; a comment that is no label is not one."""
    return _path(line) if re.search(r"\b(file|path)\s*(name)?\s*:", line[:300], re.IGNORECASE) else None


class _Work:
    """Files while a reply's changes are applied to them, one after the other."""

    def __init__(self, files: Files, editable: Sequence[str], protected: Sequence[str]) -> None:
        self._before = files
        self._texts = dict(files)
        self._editable, self._protected = tuple(editable), tuple(protected)
        self._last: str | None = None
        self._fuzzy = 0

    def apply(self, change: Change) -> str | None:
        """Apply one change; why it is dropped, or None."""
        path = change.path or self._guess(change)
        if path is None:
            return "a change names no file"
        if not self._may(path):
            return f"{shown(path)} may not be edited"
        self._last = path
        text = self._texts.get(path)
        if change.search is None:
            return self._whole(path, change)
        if not text and not any(line.strip() for line in change.search):
            self._texts[path] = "\n".join(change.replace)
            return None
        if text is None:
            return f"{shown(path)} does not exist"
        return self._piece(path, text.split("\n"), change.search, change.replace)

    def changed(self, dropped: list[str]) -> Files:
        """The files that differ from before and can be stored."""
        new = {path: text for path, text in self._texts.items() if self._before.get(path) != text}
        for path, text in list(new.items()):
            if len(text) > LARGEST_FILE or not _storable(text):
                dropped.append(f"{shown(path)} would be too large, or is no text")
                del new[path]
        if len(new) > MOST_FILES:
            dropped.append(f"changes more than {MOST_FILES} files")
            return {}
        return new

    def _whole(self, path: str, change: Change) -> str | None:
        text = "\n".join(change.replace)
        merged = regions.kept(self._before[path], text) if path in self._before else text
        if merged is None:
            return f"{shown(path)}: the EVOLVE-BLOCK markers are not those of the file"
        if not text.strip() and self._texts.get(path, "").strip():
            return f"{shown(path)} would be emptied"
        self._texts[path] = merged
        return None

    def _piece(self, path: str, lines: list[str], search: Sequence[str], replace: Sequence[str]) -> str | None:
        self._fuzzy += 1
        place = anchors.find(lines, search, fuzzy=self._fuzzy <= MOST_FUZZY)
        if isinstance(place, str):
            return f"{shown(path)}: a SEARCH piece {place}"
        new = place.fitted(replace)
        first, last = place.first, place.last
        while first < last and new and lines[first].rstrip("\r") == new[0]:
            first, new = first + 1, new[1:]
        while first < last and new and lines[last - 1].rstrip("\r") == new[-1]:
            last, new = last - 1, new[:-1]
        marked = regions.regions(lines) is not None
        if marked and any(map(regions.is_marker, new)):
            return f"{shown(path)}: a change holds an EVOLVE-BLOCK marker"
        if not regions.allowed(lines, first, last):
            return f"{shown(path)}: a change is outside the EVOLVE-BLOCK"
        if any(line.endswith("\r") for line in lines):
            new = [line + "\r" for line in new[:-1]] + [line + "\r" * (last < len(lines)) for line in new[-1:]]
        lines[first:last] = new
        self._texts[path] = "\n".join(lines)
        return None

    def _guess(self, change: Change) -> str | None:
        """The file that a change without a name can only mean."""
        if self._last is not None and change.search is not None:
            return self._last
        able = [path for path in self._before if self._may(path)]
        if len(able) == 1 or change.search is None:
            likely = change.search is not None or (len(able) == 1 and _akin(self._before[able[0]], change.replace))
            return able[0] if len(able) == 1 and likely else None
        fits = [p for p in able if isinstance(anchors.find(self._texts[p].split("\n"), change.search, fuzzy=False),
                                              anchors.Place)]  # fmt: skip
        return fits[0] if len(fits) == 1 else None

    def _may(self, path: str) -> bool:
        parts = path.split("/")
        sound = not any(part in {"", ".", "..", ".git"} for part in parts) and _storable(path)
        if not sound or not matches(path, self._editable) or matches(path, self._protected):
            return False
        above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        return not any(other in above or other.startswith(path + "/") for other in self._texts)


def _akin(before: str, after: Iterable[str]) -> bool:
    """Whether a nameless whole file is a version of the only one there is: a third of its lines are."""
    lines = {line.strip() for line in before.split("\n")} - {""}
    return bool(lines) and len(lines & {line.strip() for line in after}) * 3 >= len(lines)


def _storable(text: str) -> bool:
    try:
        return "\0" not in text and len(text.encode()) <= 4 * LARGEST_FILE
    except UnicodeEncodeError:
        return False


def shown(text: str) -> str:
    """A stranger's text for a message: one line of printable characters, at most 80."""
    return "".join(ch if ch.isprintable() else " " for ch in text[:80])


def written(before: Files, after: Files) -> str:
    """The reply that turns ``before`` into ``after``: from it ``read`` makes the changed files of ``after``, exactly.

    Raises:
        ValueError: a change cannot be written in this form: lines of it look like the form's own, or line ends differ.
    """
    return "\n".join(
        _diff(path, before.get(path, ""), text) for path, text in after.items() if before.get(path) != text
    )


def _diff(path: str, before: str, after: str) -> str:
    old, new = before.split("\n"), after.split("\n")
    lines = [*old, *new]
    signs = any(mark.match(line) for line in lines for mark in (_SEARCH, _DIVIDER, _REPLACE))
    if signs or "\r" in before + after or _path(path) != path:
        raise ValueError(f"{shown(path)} cannot be written as a block")
    if not before:
        return _block(path, [], new)
    first = last = 0
    while first < min(len(old), len(new)) and old[first] == new[first]:
        first += 1
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    above, below, more = first, len(old) - last, 1
    while not _only(old, above, below):
        above, below, more = max(0, first - more), min(len(old), len(old) - last + more), 2 * more
    return _block(path, old[above:below], new[above : len(new) - len(old) + below])


def _only(lines: Sequence[str], first: int, last: int) -> bool:
    """Whether these lines can be told from any other part of the file."""
    place = anchors.find(lines, lines[first:last], fuzzy=False)
    return isinstance(place, anchors.Place) and (place.first, place.last) == (first, last)


def _block(path: str, search: Sequence[str], replace: Sequence[str]) -> str:
    return "\n".join([path, "<<<<<<< SEARCH", *search, "=======", *replace, ">>>>>>> REPLACE", ""])
