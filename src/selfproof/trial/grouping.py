"""Which group each draw of some blocks belongs to, as letters: what a guard by group records beside its draws."""

from __future__ import annotations

import string
from collections.abc import Sequence

from selfproof.nouns import UsageError
from selfproof.trial.blocks import Block
from selfproof.trial.task import Task

NOWHERE = "."  # of a draw that is in no group
LETTERS = string.ascii_letters + string.digits


def marks(task: Task, blocks: Sequence[Block], draws: int) -> list[str]:
    """For each block one letter for each of its draws, by the order of the groups' names.

    Raises:
        UsageError: there are more groups than letters, or the task's groups are none.
    """
    groups = [task.groups(block.sample, draws) for block in blocks]
    names = sorted({name for row in groups for name in row if name})
    if len(names) > len(LETTERS) or any(len(row) != draws for row in groups):
        raise UsageError(
            f"{type(task).__name__}: {len(names)} groups of samples cannot be guarded one by one",
            advice=f"Let `group` tell at most {len(LETTERS)} of them apart.",
        )
    letter = {"": NOWHERE, **dict(zip(names, LETTERS, strict=False))}
    return ["".join(letter[name] for name in row) for row in groups]


def has_groups(task: Task) -> bool:
    """Whether a task says which group a sample, or each of its draws, belongs to."""
    return bool(task.slices) or type(task).group is not Task.group
