"""Read the folder of a task: its own files, nothing hidden, nothing that a run left, no secret.

Does not see files that the task reads from elsewhere: whatever it needs must lie in its folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from selfproof.adapters.base import NotUnderstood
from selfproof.projects import origin
from selfproof.projects.origin import Origin, Original

Content = str | bytes
MOST_FILES = 400
LARGEST = 2 << 20  # bytes of one file
TOTAL = 8 << 20  # they go into the jail with each trial
_LEFT_BEHIND = re.compile(
    r"__pycache__|node_modules|build|dist|results?(_.*)?|outputs?|runs?|wandb|checkpoints?"
    r"|openevolve_output|living|.*\.egg-info"
)
_SECRET = re.compile(
    r"\.(pem|key|p12|pfx|env)$|(^|/)(secrets?|credentials?)\.[^/]*$|(^|/)id_(rsa|ed25519)", re.IGNORECASE
)
_KEY_LINE = re.compile(
    r"(?im)^(\s*[\"']?(?:\w*_)?(?:api_?key|secret|secret_key|password|auth_token|access_token)[\"']?\s*[:=]\s*)"
    r"(?!\s*[\"']?\$\{)\S.*$"
)


@dataclass(frozen=True)
class Taken:
    """A task's folder: files that are taken along by their path below it, and large ones that are read in place.

    ``links`` maps the path of a large file to where it lies; ``data`` are the folders that trials must be allowed to
    read for it.
    """

    files: Mapping[str, Content]
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> tuple[str, ...]:
        """Folders with large files, none below another."""
        homes = sorted({str(Path(place).parent) for place in self.links.values()})
        return tuple(home for home in homes if not any(home.startswith(other + "/") for other in homes))


def read(folder: Path, told: list[str]) -> Taken:
    """Everything in a task's folder that its evaluator may need; what is left out is ``told``.

    Text is taken along as text, all else as bytes. A large file in a folder of its own stays where it is and may be
    read; that is told too, as nothing pins its contents.

    Raises:
        NotUnderstood: there are too many files, or more bytes than a trial can take along.
    """
    found: dict[str, Content] = {}
    links: dict[str, str] = {}
    skipped: list[str] = []
    total = 0
    for path in _files(folder, skipped):
        name = path.relative_to(folder).as_posix()
        size = path.stat().st_size
        if _SECRET.search(name) or (size > LARGEST and "/" not in name):
            skipped.append(name)
            continue
        if size > LARGEST:
            links[name] = str(path.resolve())
            continue
        total += size
        if len(found) >= MOST_FILES or total > TOTAL:
            raise NotUnderstood(
                f"{folder} holds more than a trial can take along: {MOST_FILES} files, {TOTAL >> 20} MB",
                advice="Import a folder with nothing but the task in it.",
            )
        found[name] = content_of(path)
    if skipped:
        told.append(f"not taken along: {some_of(skipped)}")
    if links:
        told.append(f"read where they are, as they are then: {some_of(links)}")
    return Taken(found, links)


def some_of(names: Collection[str]) -> str:
    """A few of many."""
    shown = list(names)[:5]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def content_of(path: Path) -> Content:
    """A file's text, or its bytes where it is none; values of keys in a configuration are blanked.

    Raises:
        NotUnderstood: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotUnderstood(f"cannot read {path}: {error.strerror or error}") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return data
    if "\0" in text or "\r" in text:
        return data  # written back as text, it would be another file
    return blanked(text) if path.suffix in {".yaml", ".yml", ".toml"} else text


def text_of(path: Path) -> str:
    """A file that must be text.

    Raises:
        NotUnderstood: it is missing, cannot be read, or is no UTF-8 text.
    """
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise NotUnderstood(f"{path} is missing") from None
    except OSError as error:
        raise NotUnderstood(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise NotUnderstood(f"{path} is not UTF-8 text") from None


def evolved(path: Path, inside: str, form: str) -> tuple[str, Origin]:
    """The text of the file that may change, and the way back to it from ``inside``, its path in the program.

    Raises:
        UsageError: it cannot be read, or is no text.
    """
    text, digest = origin.taken(path)
    return text, Origin(form, path.resolve().parent, {inside: Original(path.name, digest)})


def blanked(text: str) -> str:
    """A configuration without the values of its keys, tokens and passwords; references like ${NAME} stay."""
    return _KEY_LINE.sub(r"\1null", text)


def _files(folder: Path, skipped: list[str]) -> Iterator[Path]:
    """Regular files below a folder in the order of their paths; links that lead out of it are skipped."""
    home = folder.resolve()
    for root, folders, names in os.walk(folder):
        kept = [name for name in sorted(folders) if not name.startswith(".") and not _LEFT_BEHIND.fullmatch(name)]
        ours = ("charter.toml", "pyvenv.cfg")  # living programs, virtual environments
        kept = [name for name in kept if not any((Path(root) / name / mark).exists() for mark in ours)]
        skipped += [name + "/" for name in folders if name not in kept and not name.startswith((".", "__"))]
        folders[:] = kept
        for name in sorted(names):
            path = Path(root) / name
            if name.startswith(".") or name.endswith((".pyc", ".log")):
                continue
            if not path.is_file() or home not in path.resolve().parents:
                skipped.append(path.relative_to(folder).as_posix())
                continue
            yield path
