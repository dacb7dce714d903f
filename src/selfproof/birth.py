"""Make a living program's folder from a template; nothing that exists is overwritten."""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

from selfproof import life
from selfproof.nouns import SelfproofError, UsageError

PARTS = ("charter.toml", "tasks", "program")


def make(folder: Path, template: str = "apprentice", seed: int | None = None) -> str:
    """Copy the template's parts that are missing and write the first ledger entry; returns the program's id.

    Raises:
        UsageError: a living program is there already, or files that are not ours stand in the way.
        SelfproofError: the folder cannot be written.
    """
    paths = life.Paths(folder)
    if paths.ledger.exists():
        raise UsageError(f"{folder.resolve()} holds a living program already", advice="Type `selfproof run` to go on.")
    present = [part for part in PARTS if (folder / part).exists()]
    if present and len(present) < len(PARTS):
        raise UsageError(
            f"{folder.resolve()} has {', '.join(present)} but not {', '.join(set(PARTS) - set(present))}",
            advice="Use an empty folder, or put all three parts there.",
        )
    source = resources.files("selfproof") / "templates" / template
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not present:
            with resources.as_file(source) as real:
                for part in PARTS[1:] + PARTS[:1]:
                    _copy(real / part, folder / part)
    except OSError as error:
        raise SelfproofError(
            f"cannot write to {folder.resolve()}: {error.strerror or error}",
            advice="Use a folder that you may write to.",
        ) from None
    return life.birth(folder, seed)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)
