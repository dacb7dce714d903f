"""The text that Prometheus reads (exposition format 0.0.4): families of named numbers, escaped and finite."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LONGEST_LABEL = 200
MOST_ROWS = 500  # of one family: a label with ever new values would fill whatever keeps them


@dataclass
class Family:
    """One metric: its name with its unit, "counter" or "gauge", what it means, and a number for each set of labels."""

    name: str
    kind: str
    told: str
    rows: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def add(self, value: object, **labels: str) -> None:
        """One number; what is missing or not finite is left out, as 0 would be a claim."""
        good = isinstance(value, (int, float)) and math.isfinite(value)
        if good and len(self.rows) < MOST_ROWS:
            self.rows.append((labels, float(value)))  # type: ignore[arg-type]

    def lines(self) -> Iterator[str]:
        """The family as text; nothing if nothing is known."""
        if not self.rows:
            return
        yield f"# HELP {self.name} {self.told.replace(chr(92), chr(92) * 2)}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, value in self.rows:
            told = ",".join(f'{name}="{escaped(text)}"' for name, text in labels.items())
            number = f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else repr(value)
            yield f"{self.name}{{{told}}} {number}" if told else f"{self.name} {number}"


def escaped(text: object) -> str:
    """A label's value: one line, bounded, with the three characters escaped that the format gives a meaning."""
    short = str(text)[:LONGEST_LABEL].encode("utf-8", "replace").decode()
    return short.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def text_of(families: list[Family]) -> str:
    """All of it, as a scraper takes it."""
    return "".join(f"{line}\n" for family in families for line in family.lines())


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
