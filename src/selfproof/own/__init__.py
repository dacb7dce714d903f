"""``selfproof run --target self``: selfproof's own hot functions as a living program that proposes changes to them."""

from selfproof.own.making import FORM, MOST, Options, make

__all__ = ["FORM", "MOST", "Options", "make"]
