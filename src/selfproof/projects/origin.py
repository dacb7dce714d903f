"""Where a program's files came from, and the way back: the user's own text of each file, as it is and as it will be.

Text is kept in the program with plain line ends and without a byte-order mark; what a file had of either is put back.
A *grafted* file was copied with other import lines (it got another name): what changed in the copy is carried over to
the original by lines.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from selfproof.nouns import Files, UsageError

NAME = "origin.json"
BOM = "\ufeff"
Known = Mapping[str, Collection[str]]
EMPTY: Known = {}


@dataclass(frozen=True)
class Original:
    """A file of the user's: its path below the project, the SHA-256 of its bytes, and whether the copy is grafted.

    ``root`` is the folder that the path is below if that is not the project: the file is of an installed package.
    """

    path: str
    sha256: str
    root: str = ""
    grafted: bool = False


@dataclass(frozen=True)
class Origin:
    """The form that a program was made by, the project's folder, and its originals by path in the program."""

    form: str
    project: Path
    files: Mapping[str, Original]

    def dumped(self, folder: Path) -> str:
        """JSON for the file in ``folder``; the project is named as seen from there."""
        rows = {path: asdict(original) for path, original in sorted(self.files.items())}
        body = {"form": self.form, "project": relative(self.project, folder), "files": rows}
        return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def relative(path: Path, start: Path) -> str:
    """A path as seen from another, links not followed."""
    return Path(os.path.relpath(path.absolute(), start.absolute())).as_posix()


def load(folder: Path) -> Origin | None:
    """Where the program in ``folder`` came from; None for one that was made from no project.

    Raises:
        UsageError: the file is there and cannot be used.
    """
    place = folder / NAME
    try:
        body: Any = json.loads(place.read_text("utf-8"))
        files = {
            str(path): Original(str(row["path"]), str(row["sha256"]), str(row["root"]), bool(row["grafted"]))
            for path, row in body["files"].items()
        }
        return Origin(str(body["form"]), Path(os.path.normpath(folder.absolute() / body["project"])), files)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{place} cannot be used: {error}", advice="Restore it, or make the program anew.") from None


def taken(path: Path) -> tuple[str, str]:
    """A user's file as the program keeps it, and the SHA-256 of its bytes.

    Raises:
        UsageError: it cannot be read, is no UTF-8 text, or mixes line ends.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", advice="Only text files can be part of a program.") from None
    plain = _plain(text)
    if "\r" in plain or _restored(plain, text) != text:
        raise UsageError(f"{path} mixes line ends", advice="Give it one kind of line end; git or an editor can do it.")
    return plain, hashlib.sha256(data).hexdigest()


def _plain(text: str) -> str:
    """Text as the program keeps it."""
    return text.removeprefix(BOM).replace("\r\n", "\n")


def _restored(plain: str, before: str) -> str:
    """Plain text with the line ends and the byte-order mark that ``before`` has."""
    text = plain.replace("\n", "\r\n") if "\r\n" in before else plain
    return BOM + text if before.startswith(BOM) else text


@dataclass(frozen=True)
class Change:
    """One file of the user's as it is and as it will be; None where there is none.

    ``path`` is below the project, or below ``root`` if that is set: then it is a file of an installed package.
    """

    path: str
    before: str | None
    after: str | None
    root: str = ""


def changes(origin: Origin, one: Files, two: Files, known: Known = EMPTY) -> list[Change]:
    """What going from one version of the program to another means for the user's files, read from disk now.

    Only files that differ between the versions, and no file that the program alone has, such as a runner or an
    improver: those were never the user's. New files of a version go beside the user's, under their path in the program.
    A file on disk must be as it was copied, or hold one of the ``known`` texts, those of earlier versions; one that
    holds the change already needs none.

    Raises:
        UsageError: a file of the user's that would change is none of these.
    """
    found = []
    for path in sorted(set(one) | set(two)):
        if one.get(path) == two.get(path):
            continue
        original = origin.files.get(path)
        if original is None:
            found += [Change(_beside(origin, path), None, two[path])] if path in two and path not in one else []
            continue
        texts = [text for text in (one.get(path), two.get(path)) if text is not None]
        before = _on_disk(origin, original, [] if original.grafted else [*texts, *known.get(path, [])])
        after = two.get(path)
        if after is not None and original.grafted:
            after = carried(_plain(before), one[path], after)
        if after is not None:
            after = _restored(after, before)
        if after != before:
            found.append(Change(original.path, before, after, original.root))
    return found


def _beside(origin: Origin, path: str) -> str:
    """Where a file that is new in the program belongs in the project: by the path of one that it has in common."""
    for inside, original in origin.files.items():
        if not original.root and original.path.endswith(inside):
            return original.path[: len(original.path) - len(inside)] + path
    return path


def _on_disk(origin: Origin, original: Original, known: Collection[str]) -> str:
    place = (Path(original.root) if original.root else origin.project) / original.path
    try:
        data = place.read_bytes()
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}", advice="It was there at `init`.") from None
    text = data.decode("utf-8", errors="replace")
    if hashlib.sha256(data).hexdigest() != original.sha256 and _plain(text) not in known:
        raise UsageError(
            f"{place} has changed since `selfproof init` copied it: the certificate is about the earlier text",
            advice="Put the earlier text back (git stash), or make a new living program from today's.",
        )
    return text


def carried(original: str, copy: str, changed: str) -> str:
    """What changed in a copy, made in the original: lines that stayed are the original's.

    The copy has as many lines as the original, line by line for the same; only import lines differ.

    Raises:
        UsageError: original and copy do not have as many lines.
    """
    lines, before, after = (text.splitlines(keepends=True) for text in (original, copy, changed))
    if len(lines) != len(before):
        raise UsageError("the original and its copy have different numbers of lines", advice="Make the program anew.")
    found: list[str] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        found += lines[i1:i2] if tag == "equal" else after[j1:j2]
    return "".join(found)
