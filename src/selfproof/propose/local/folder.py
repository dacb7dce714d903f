"""Weights in a folder, in the layout that the usual libraries write: what may be in it, and what it is called.

Weights are somebody's data. They are read as safetensors and never unpickled, since a pickle runs what it likes; a
folder that holds a file of such a kind is refused as a whole. A folder is named by the SHA-256 over its files, so that
what was certified is what is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof.nouns import UsageError

PREFIX = "hf:"
CURRENT = "local"
"""What a charter or a command calls the weights that this life certified last."""
SETTINGS = "selfproof.json"
"""How weights that were tuned here are asked, and from what they were made: a file of the folder."""
_UNSAFE = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".h5", ".msgpack"}
_CODE = {".py", ".pyc", ".so"}
_OPTIONS = {"prompt_kb": (1, 1000), "reply_tokens": (16, 100_000), "temperature": (0, 2)}


@dataclass(frozen=True)
class Folder:
    """Weights and how they are asked: ``prompt_bytes`` of a prompt at most, ``reply_tokens`` of an answer."""

    path: Path
    prompt_bytes: int = 12_000
    reply_tokens: int = 1_000
    temperature: float = 0.8

    @property
    def name(self) -> str:
        """As it is shown and logged."""
        return PREFIX + self.path.name


def is_local(name: str) -> bool:
    """Whether a model's name means weights on this machine."""
    return name == CURRENT or name.startswith((PREFIX, CURRENT + "?"))


def parse(text: str) -> Folder:
    """The folder that "hf:FOLDER" or "hf:FOLDER?prompt_kb=8&temperature=0.5" names, checked.

    Raises:
        UsageError: there is no such folder, or its weights may not be loaded; or an option is none.
    """
    name, _, options = text.removeprefix(PREFIX).partition("?")
    path = Path(name).expanduser()
    check(path)
    given: dict[str, float] = _stated(path)
    for part in filter(None, options.split("&")):
        key, _, value = part.partition("=")
        low, high = _OPTIONS.get(key, (1.0, 0.0))
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not low <= number <= high:
            told = ", ".join(f"{name} ({least} to {most})" for name, (least, most) in _OPTIONS.items())
            raise UsageError(f"{text!r}: {part!r} is no option of local weights", advice=f"Options: {told}.")
        given[key] = number
    plain = Folder(path)
    return Folder(
        path, int(1000 * given["prompt_kb"]) if "prompt_kb" in given else plain.prompt_bytes,
        int(given.get("reply_tokens", plain.reply_tokens)), given.get("temperature", plain.temperature),
    )  # fmt: skip


def check(path: Path) -> list[Path]:
    """The files of a folder of weights, sorted by name.

    Raises:
        UsageError: it is no such folder, or holds what could run code when it is loaded.
    """
    if not path.is_dir():
        raise UsageError(f"there is no folder {path}", advice="Name a folder with config.json and *.safetensors.")
    files = sorted(path.rglob("*"))
    if strange := [one for one in files if one.is_symlink() and not one.is_file()]:
        raise UsageError(f"{strange[0]} leads nowhere, or to a folder", advice="Copy the folder with its files.")
    files = [one for one in files if one.is_file()]
    for one in files:
        if one.suffix.lower() in _UNSAFE | _CODE:
            kind = "code" if one.suffix.lower() in _CODE else "of a kind that can run code when it is loaded"
            raise UsageError(
                f"{one} is {kind}: such a folder is not used",
                advice="Only *.safetensors are read as weights. Copy the folder without that file, or save the model "
                "with save_pretrained(), which writes safetensors.",
            )
    names = {one.relative_to(path).as_posix() for one in files}
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise UsageError(
            f"{path} holds no model: it needs config.json and *.safetensors",
            advice="A folder as transformers' save_pretrained() writes it, with its tokenizer.",
        )
    return files


def digest_of(path: Path) -> str:
    """SHA-256 over the names and contents of the folder's files: what these weights are called.

    Raises:
        UsageError: it is no folder of weights.
    """
    total = hashlib.sha256()
    for one in check(path):
        with one.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{one.relative_to(path).as_posix()}\0{content}\n".encode())
    return total.hexdigest()


def settings(path: Path) -> Mapping[str, Any]:
    """What a folder that was tuned here says of itself; {} of any other."""
    try:
        found = json.loads((path / SETTINGS).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _stated(path: Path) -> dict[str, float]:
    """The options in the folder's own settings, those that can be."""
    found = {key: value for key, value in settings(path).items() if key in _OPTIONS}
    return {key: float(value) for key, value in found.items()
            if isinstance(value, int | float) and _OPTIONS[key][0] <= value <= _OPTIONS[key][1]}  # fmt: skip
