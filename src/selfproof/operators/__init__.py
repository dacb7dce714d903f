"""Source transformations that an improver may use; standard library only, importable inside the jail."""

from selfproof.operators.expressions import OPERATORS, EditImpossible, edit_function, normal_form, size
from selfproof.operators.speed import SpeedEdit, speed_edits

__all__ = ["OPERATORS", "EditImpossible", "SpeedEdit", "edit_function", "normal_form", "size", "speed_edits"]
