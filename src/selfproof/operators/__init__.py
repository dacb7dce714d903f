"""Source transformations that an improver may use; standard library only, importable inside the jail."""

from selfproof.operators.constants import EditImpossible
from selfproof.operators.expressions import (
    OPERATORS,
    edit_function,
    normal_form,
    normal_tree,
    size,
    size_in,
)
from selfproof.operators.sites import site_of
from selfproof.operators.speed import SpeedEdit, edits_for, file_edits, speed_edits

__all__ = [
    "OPERATORS", "EditImpossible", "SpeedEdit", "edit_function",
    "edits_for", "file_edits", "normal_form", "normal_tree", "site_of", "size", "size_in",
    "speed_edits",
]  # fmt: skip
