"""Which weights a life has, and which of them may propose: the ledger says it, a folder holds them.

Weights that were tuned here propose only after the gate has certified them, and only while their files are those that
it was shown. Weights that a person names (``hf:FOLDER``) are asked like any other model.

Does not protect against: a person who changes tuned weights and names the copy; its edits are tried like all.
"""

from __future__ import annotations

from pathlib import Path

from selfproof.archive.state import State
from selfproof.life import Life
from selfproof.nouns import UsageError
from selfproof.propose.local import Asker, Folder, LocalProposer, digest_of
from selfproof.propose.local.folder import CURRENT, is_local, parse

ASIDE = ".new-"
JUDGE = "selfproof train --judge"


def models(life: Life) -> Path:
    """Where a life's own weights are."""
    return life.paths.private / "models"


def place_of(life: Life, digest: str) -> Path:
    """The folder of weights that were tuned here."""
    return models(life) / digest


def is_certified(state: State, digest: str) -> bool:
    """Whether weights were certified and not taken back."""
    return digest in state.models


def folder_of(life: Life, name: str) -> tuple[Folder, str]:
    """The weights that "local" or "hf:FOLDER" names, and their digest; certified or not.

    Raises:
        UsageError: there are none, or they are not what they were.
    """
    if name.partition("?")[0] == CURRENT:
        if not life.state.model:
            raise UsageError(
                "no weights of this life are certified yet, so there is no model 'local'",
                advice="Make some: selfproof train --model hf:FOLDER. Or ask a folder's: --model hf:FOLDER",
            )
        return own(life, life.state.model, name.removeprefix(CURRENT))
    folder = parse(name)
    return folder, digest_of(folder.path)


def own(life: Life, digest: str, options: str = "") -> tuple[Folder, str]:
    """Weights that were tuned here, as they were made.

    Raises:
        UsageError: their files are gone, or are others.
    """
    folder = parse(f"{place_of(life, digest)}{options}")
    if digest_of(folder.path) != digest:
        raise UsageError(
            f"the files in {folder.path} are not those that were made and judged",
            advice="Delete the folder and tune anew: selfproof train --model hf:FOLDER",
        )
    return folder, digest


def proposer(life: Life, name: str) -> LocalProposer:
    """A proposer of these weights.

    Raises:
        UsageError: there are no such weights, or they were tuned here and are not certified.
    """
    folder, digest = folder_of(life, name)
    inside = models(life).resolve() in folder.path.resolve().parents
    if (inside or digest in life.state.tuned) and not is_certified(life.state, digest):
        raise UsageError(
            f"{name}: these weights were tuned here and are not certified, so they do not propose",
            advice=f"Let the gate judge them: {JUDGE}. Certified weights are --model local.",
        )
    return LocalProposer(Asker(folder, digest), f"local {digest[:12]}" if digest in life.state.tuned else "")


__all__ = ["folder_of", "is_local", "own", "proposer"]
