"""The charter: what a person allows a living program to do. What it may say is in ``sections``."""

from selfproof.charter.reading import CharterError, check_owners, load, parse
from selfproof.charter.sections import (
    CLASSES,
    Autonomy,
    Budget,
    Certify,
    Charter,
    Classes,
    Experience,
    Guard,
    Objective,
    PolicyRule,
    ProgramSection,
    Proposers,
    Sandbox,
    Search,
)
from selfproof.charter.tripping import MustFail, Tripwires

__all__ = [
    "CLASSES", "Autonomy", "Budget", "Certify", "Charter", "CharterError", "Classes", "Experience", "Guard",
    "MustFail", "Objective", "PolicyRule", "ProgramSection", "Proposers", "Sandbox", "Search", "Tripwires",
    "check_owners", "load", "parse",
]  # fmt: skip
