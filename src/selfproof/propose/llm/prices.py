"""What models cost: a dated table of dollars per million tokens, which a file of the user's may correct.

Amounts are whole picodollars (1e-12 dollars), so that sums are exact. A model that is not in the table costs an unknown
amount and is refused wherever dollars are limited; a server on this machine costs nothing unless the table says so.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from selfproof.nouns import UsageError
from selfproof.propose.llm.endpoints import Model

PICO = 10**12
_DEAREST = 1e5
_FIELDS = ("input", "output", "above", "input_above", "output_above")
_DATED = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})$")


@dataclass(frozen=True)
class Price:
    """Picodollars a token, for what is read and what is written; ``above`` that many tokens read, other rates hold."""

    read: int
    written: int
    above: int = 1 << 62
    read_above: int = 0
    written_above: int = 0

    def of(self, tokens_in: int, tokens_out: int) -> int:
        """Picodollars for one call."""
        if tokens_in > self.above:
            return tokens_in * self.read_above + tokens_out * self.written_above
        return tokens_in * self.read + tokens_out * self.written


FREE = Price(0, 0)


@dataclass(frozen=True)
class Prices:
    """A price table; ``date`` is when it was read off the vendors' pages."""

    date: str
    rows: Mapping[str, Price]

    def of(self, model: Model) -> Price | None:
        """The model's price, with or without the date in its name; None where it is not known."""
        for name in (model.name, _DATED.sub("", model.name)):
            if name in self.rows:
                return self.rows[name]
        return FREE if model.local else None


def load(own: Path | None) -> Prices:
    """The built-in table, with the rows of the user's own file (same form) in place of those of the same name.

    Raises:
        UsageError: the file cannot be read or holds something else.
    """
    built_in = resources.files("selfproof.propose.llm").joinpath("prices.toml").read_text("utf-8")
    prices = parse(built_in, "prices.toml")
    if own is None or not own.exists():
        return prices
    try:
        theirs = parse(own.read_text("utf-8"), str(own))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{own} cannot be read: {error}") from None
    return Prices(prices.date, {**prices.rows, **theirs.rows})


def parse(text: str, where: str) -> Prices:
    """A table's text. Raises UsageError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: {error}") from None
    rows = table.pop("dollars_per_million_tokens", {})
    date = table.pop("date", "")
    if table or not isinstance(rows, dict):
        raise UsageError(
            f"{where}: unknown {', '.join(table) or 'form'}",
            advice='It has a date and [dollars_per_million_tokens] with rows "NAME" = { input = 1.0, output = 2.0 }.',
        )
    return Prices(str(date), {name: _price(row, f"{where}: {name!r}") for name, row in rows.items()})


def _price(row: object, where: str) -> Price:
    advice = "A row is { input = 0.25, output = 2.0 }, and for long prompts also above, input_above, output_above."
    if not isinstance(row, dict) or set(row) not in ({*_FIELDS[:2]}, {*_FIELDS}):
        raise UsageError(f"{where} is no price", advice=advice)
    for key, value in row.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not 0 <= value <= (_DEAREST if key != "above" else 1e9):
            raise UsageError(f"{where}: {key} = {value!r} is no price", advice=advice)
    rates = {key: math.ceil(round(row[key] * 1e6, 3)) for key in row if key != "above"}
    if len(row) == 2:
        return Price(rates["input"], rates["output"])
    if rates["input_above"] < rates["input"] or rates["output_above"] < rates["output"]:
        raise UsageError(f"{where}: long prompts cannot be cheaper", advice="Give both rates as the dearer ones.")
    return Price(rates["input"], rates["output"], int(row["above"]), rates["input_above"], rates["output_above"])
