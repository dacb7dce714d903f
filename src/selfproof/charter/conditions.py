"""Conditions of policy rules: one comparison each, of a fact from a closed list. There is no other expression."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from selfproof.charter.sections import CLASSES, FACTS, NAMES, NUMBER, TEXT

_FORM = re.compile(r"([a-z_]{1,40}) (<=|>=|==|!=|<|>|has|lacks) (\S{1,200})")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_OPERATORS = {NUMBER: ("<", "<=", ">", ">=", "==", "!="), TEXT: ("==", "!="), NAMES: ("has", "lacks")}


@dataclass(frozen=True)
class Condition:
    """One comparison."""

    fact: str
    operator: str
    value: float | str


def parse(text: str) -> Condition:
    """Read a condition.

    Raises:
        ValueError: it is none: another form, an unknown fact, an operator or a value that does not fit the fact.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not of the form FACT OPERATOR VALUE")
    fact, operator, value = found.groups()
    if fact not in FACTS:
        raise ValueError(f"{fact!r} is no fact; there are {', '.join(FACTS)}")
    kind = FACTS[fact][0]
    if operator not in _OPERATORS[kind]:
        raise ValueError(f"{fact} is compared with {', '.join(_OPERATORS[kind])}, not with {operator}")
    if kind == NUMBER:
        if not _NUMBER.fullmatch(value) or not math.isfinite(float(value)):
            raise ValueError(f"{value!r} is no plain number")
        return Condition(fact, operator, float(value))
    if kind == NAMES and value not in CLASSES:
        raise ValueError(f"{value!r} is no class; there are {', '.join(CLASSES)}")
    return Condition(fact, operator, value)
