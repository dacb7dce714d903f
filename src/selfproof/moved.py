"""Whether a program still lives in its folder: one that moved away (``keeping.moving``) must not go on there too."""

from __future__ import annotations

from selfproof.archive.overseen import Overseen
from selfproof.nouns import UsageError
from selfproof.places import Paths


def check_here(paths: Paths) -> None:
    """See that the program in a folder did not move away.

    Raises:
        UsageError: it did.
    """
    if paths.moved.exists():
        raise UsageError(
            f"the program in {paths.folder.resolve()} has moved away: it lives where its backup was restored",
            advice="This folder is for looking at. If that backup never was, nor ever will be: selfproof move --back",
        )


def check_stays(paths: Paths, overseen: Overseen) -> None:
    """See that the program in a folder was not about to move away when something came in between.

    Raises:
        UsageError: it was.
    """
    if overseen.moved is not None:
        raise UsageError(
            f"the program in {paths.folder.resolve()} was about to move away (entry {overseen.moved})",
            advice="Type `selfproof move FILE` again, or `selfproof move --back` if it is to stay here.",
        )
