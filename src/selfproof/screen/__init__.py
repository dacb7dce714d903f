"""The rules that an edit passes before anything is run."""

from selfproof.screen.rules import screen

__all__ = ["screen"]
