"""The suite as others use it: run it against a tier, or ask which layers an attack meets."""

from __future__ import annotations

from selfproof.attacks.catalogue import Attack, attacks
from selfproof.attacks.lanes import LAYERS, run
from selfproof.attacks.minimal import Search, minimal
from selfproof.attacks.monitor import EngineFailed, Row

__all__ = ["LAYERS", "Attack", "EngineFailed", "Row", "Search", "attacks", "minimal", "run"]
