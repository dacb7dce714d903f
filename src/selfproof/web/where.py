"""The search box: `verdict=refused and effect>0.1 memory` and the like, over rows of the log.

terms joined by blanks or "and", all of which must hold
FIELD=VALUE  FIELD!=VALUE  FIELD>NUMBER  FIELD>=NUMBER  FIELD<NUMBER  FIELD<=NUMBER  FIELD~TEXT (holds it)
any other word: in the title, the objective or the reason
"""

from __future__ import annotations

import operator
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FIELDS = {
    "id": "id", "version": "version", "verdict": "verdict", "objective": "objective", "title": "title",
    "effect": "effect", "gain": "effect", "pairs": "pairs", "alpha": "alpha_k", "tier": "tier", "origin": "origin",
    "operator": "origin", "step": "step", "reason": "reason", "time": "time", "improver": "improver",
}  # fmt: skip
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_TERM = re.compile(r"([a-z_]+)(!=|>=|<=|=|>|<|~)(.*)", re.DOTALL)
MOST = 20


@dataclass(frozen=True)
class Where:
    """What rows must be like. With a ``problem`` nothing was understood, and every row holds."""

    terms: tuple[Callable[[dict[str, Any]], bool], ...] = ()
    problem: str = ""

    @classmethod
    def parse(cls, text: str) -> Where:
        """Read what somebody typed."""
        try:
            words = [word for word in shlex.split(text) if word.lower() != "and"]
        except ValueError:
            return cls(problem="a quotation mark has no end")
        if len(words) > MOST:
            return cls(problem=f"at most {MOST} terms")
        try:
            return cls(tuple(map(_term, words)))
        except ValueError as error:
            return cls(problem=str(error))

    def holds(self, row: dict[str, Any]) -> bool:
        """Whether a row is like that."""
        return all(term(row) for term in self.terms)


def _term(word: str) -> Callable[[dict[str, Any]], bool]:
    found = _TERM.fullmatch(word)
    if found is None:
        text = word.lower()
        return lambda row: any(text in str(row.get(key) or "").lower() for key in ("title", "objective", "reason"))
    name, sign, value = found.groups()
    if name not in FIELDS:
        raise ValueError(f"no field is called {name!r}; there are {', '.join(sorted(FIELDS))}")
    key = FIELDS[name]
    if sign in ORDERS:
        try:
            than = float(value)
        except ValueError:
            raise ValueError(f"{name}{sign} needs a number, not {value!r}") from None
        return lambda row: isinstance(row.get(key), int | float) and ORDERS[sign](row[key], than)
    text = value.lower()
    if sign == "~":
        return lambda row: text in str(row.get(key) or "").lower()
    return lambda row: (_said(row.get(key)) == text) is (sign == "=")


def _said(value: Any) -> str:
    return "" if value is None else str(value).lower()
