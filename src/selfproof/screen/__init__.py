"""The rules that an edit passes before anything is run."""

from selfproof.screen.rules import First, screen

__all__ = ["First", "screen"]
