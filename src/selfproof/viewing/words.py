"""Words and numbers for people: safe text, intervals, durations. Nothing here prints.

Titles, reasons and names come from machine-written programs: ``clean`` makes any of them one harmless line.

Does not protect against: letters that look alike (a Cyrillic a in a title still looks like a Latin one).
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any, TextIO

LONGEST = 400
ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "◇": "o", "▸": ">", "·": "-", "→": "->", "…": "...", "━": "=", "─": "-", "×": "x"}
    | {"↓": "v", "↑": "^"}
)
METRICS = {
    "bits_per_char": "bits per character",
    "solved_par10": "share of puzzles solved, less for slow ones",
    "gap_closed": "share of the way to a good rule",
    "tardiness_to_fifo": "delay, as a share of first come, first served",
}
"""Metrics of the programs that come with selfproof, as they stand behind a number."""

REASONS = {
    "the bet reached its line": "the evidence reached what was asked of it beforehand",
    "all bets reached their line": "all evidence reached what was asked of it beforehand",
    "the bound is not reached yet": "the evidence is not enough yet",
}
"""The gate's reasons in words that need no knowledge of it; the ledger keeps its own."""

UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me"}


def clean(text: object, most: int = LONGEST) -> str:
    """One line of at most ``most`` characters without control, direction-changing or stacking characters."""
    raw = unicodedata.normalize("NFC", str(text)[: 4 * LONGEST])
    safe = "".join(" " if c.isspace() else c for c in raw if c.isspace() or unicodedata.category(c) not in UNSAFE)
    line = " ".join(safe.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def is_unicode(stream: TextIO) -> bool:
    """Whether a stream takes more than ASCII."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def fit(text: str, stream: TextIO) -> str:
    """The text with our own signs in ASCII, and the rest replaced, where the stream takes no Unicode."""
    if is_unicode(stream):
        return text
    encoding = getattr(stream, "encoding", None) or "ascii"
    return text.translate(ASCII).encode(encoding, "replace").decode(encoding)


def finite(value: object) -> float | None:
    """The value as a float, or None if it is missing or no finite number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def at(row: object, *path: str) -> Any:
    """``row[path0][path1]...``, or None where a step is missing."""
    for name in path:
        if not isinstance(row, Mapping):
            return None
        row = row.get(name)
    return row


def mapping(row: object, *path: str) -> Mapping[str, Any]:
    """The mapping at that path, empty if there is none."""
    found = at(row, *path)
    return found if isinstance(found, Mapping) else {}


def items(row: object, *path: str) -> list[Any]:
    """The list at that path, empty if there is none."""
    found = at(row, *path)
    return list(found) if isinstance(found, (list, tuple)) else []


def bounds(row: object, *path: str) -> tuple[float, float] | None:
    """The interval at that path, or None if it is missing or broken."""
    found = [finite(value) for value in items(row, *path)]
    if len(found) != 2 or found[0] is None or found[1] is None:
        return None
    return found[0], found[1]


def decimals(scale: object, significant: int = 4) -> int:
    """How many decimals show ``significant`` digits of a number of this size."""
    value = abs(finite(scale) or 1.0) or 1.0
    return min(6, max(0, significant - 1 - math.floor(math.log10(value))))


def number(value: object, places: int, sign: str = "") -> str:
    """A number with that many decimals, or "?" if there is none; ``sign`` "+" always shows it."""
    found = finite(value)
    return "?" if found is None else f"{found:{sign},.{places}f}"


def interval(found: tuple[float, float] | None, places: int) -> str:
    """``[low, high]``, or "no interval"."""
    return "no interval" if found is None else f"[{found[0]:,.{places}f}, {found[1]:,.{places}f}]"


def count(value: object, one: str, many: str = "") -> str:
    """ "1 pair", "2 pairs", "? pairs"."""
    found = finite(value)
    return f"{'?' if found is None else format(int(found), ',')} {one if found == 1 else many or one + 's'}"


def duration(seconds: object) -> str:
    """A length of time in the unit that suits it."""
    found = finite(seconds)
    if found is None:
        return "?"
    if found < 1:
        return f"{1000 * found:.3g} ms"
    if found < 120:
        return f"{found:.3g} s"
    return f"{found / 60:.0f} min" if found < 7200 else f"{found / 3600:.1f} h"


def clock(seconds: float) -> str:
    """``m:ss``, or ``h:mm:ss`` from an hour on."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def metric_words(metric: object) -> str:
    """A metric's name as people say it."""
    name = clean(metric, 40)
    return METRICS.get(name, name.replace("_", " "))


def reason_words(reason: object) -> str:
    """The gate's reason in plain words; any other as it is."""
    told = clean(reason)
    return REASONS.get(told, told)


def effect_words(effect: object, metric: object = None) -> str:
    """A measured effect with its 95% interval."""
    kind, value = at(effect, "kind"), finite(at(effect, "value"))
    if kind == "ratio" and value is not None:
        return f"{value:.2f}× as fast {interval(bounds(effect, 'interval'), 2)}"
    if kind == "difference" and value is not None:
        unit = f"{metric_words(metric)} " if metric else ""
        where = f", from {clean(at(effect, 'from'), 60)}" if at(effect, "from") else ""
        return f"{value:.4f} {unit}better {interval(bounds(effect, 'interval'), 4)}{where}"
    return f"effect not measured{': ' + clean(at(effect, 'reason'), 60) if at(effect, 'reason') else ''}"
