"""Rows of ``learner.py``: a file of JSON lines that is only ever added to, and the tables that are made from it alone.

A row is one contestant on one subject under one search seed: what it found, what it cost, and its score on each of the
report samples, which are the same ones for all contestants of a subject and seed. Differences are therefore paired.
Over seeds a median stands with its order-statistic interval (David & Nagaraja 2003, section 7.1): the narrowest of
[x(k), x(n+1-k)] that covers the true median with at least 95%, and where there are too few seeds for that, the whole
range; how much it covers is printed with it.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from selfproof.certify.effect import mean_interval
from selfproof.nouns import UsageError

Row = dict[str, Any]
OURS = "search"
NEEDED = ("subject", "contestant", "seed", "better", "candidates", "evaluations", "cpu", "budget", "report", "found")


def key_of(row: Row) -> tuple[str, str, int]:
    """What a row is of."""
    return row["subject"], row["contestant"], row["seed"]


def loaded(path: Path) -> list[Row]:
    """The rows of a file; half a line at its end, which a kill leaves, counts as none.

    Raises:
        UsageError: another line is no row.
    """
    found = []
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
    for number, line in enumerate(lines[:-1], 1):
        try:
            row = json.loads(line)
            missing = [name for name in NEEDED if name not in row]
        except (ValueError, TypeError):
            missing = ["everything"]
        if missing:
            raise UsageError(f"{path}, line {number} is no row: {', '.join(missing)} missing", advice="Take it out.")
        found.append(row)
    return found


def add(path: Path, row: Row) -> None:
    """Append a row; what half a line a kill has left goes first."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if text and not text.endswith("\n"):
        path.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, separators=(",", ":")) + "\n")


def median_of(values: Sequence[float]) -> tuple[float, float, float, float]:
    """Median, lower and upper end, and how surely the interval holds the true median."""
    ordered, n = sorted(values), len(values)
    tail, rank = 0.5**n, 0
    while rank + 1 < n - 1 - rank and tail + math.comb(n, rank + 1) * 0.5**n <= 0.025:
        rank += 1
        tail += math.comb(n, rank) * 0.5**n
    return statistics.median(ordered), ordered[rank], ordered[n - 1 - rank], max(0.0, 1.0 - 2.0 * tail)


def subjects(rows: Iterable[Row]) -> dict[str, dict[tuple[str, int], Row]]:
    """Rows by subject, then by contestant and seed."""
    found: dict[str, dict[tuple[str, int], Row]] = {}
    for row in rows:
        found.setdefault(row["subject"], {})[row["contestant"], row["seed"]] = row
    return found


def table(rows: Iterable[Row]) -> Iterator[str]:
    """Every subject: medians over seeds, the rules that were found, then seed by seed."""
    for subject, here in subjects(rows).items():
        yield from (f"### {subject}", "", *summary(here), "", *_each(here), "")


def written(page: str, rows: Iterable[Row]) -> str:
    """A page with the summaries of the subjects that it has places for: <!-- learner NAME --> to <!-- /learner -->."""
    for subject, here in subjects(rows).items():
        first, last = f"<!-- learner {subject} -->\n", "<!-- /learner -->"
        head, mark, rest = page.partition(first)
        if mark:
            page = f"{head}{first}" + "\n".join(summary(here)) + f"\n{last}{rest.partition(last)[2]}"
    return page


def _mean(row: Row) -> float:
    return statistics.fmean(row["report"])


def _contestants(rows: dict[tuple[str, int], Row]) -> list[str]:
    """Ours, what it starts from, its control, then Optuna and people; otherwise as they were measured."""
    first = (OURS, "start", "constants only", "Optuna", "human")
    names = dict.fromkeys(contestant for contestant, _ in rows)
    return sorted(names, key=lambda name: [name.startswith(word) for word in first], reverse=True)


def summary(rows: dict[tuple[str, int], Row]) -> Iterator[str]:
    """A subject's medians over seeds, and the rules."""
    better = next(iter(rows.values()))["better"]
    yield (f"| contestant ({better} is better) | seeds | median [interval] | search over it, median ratio [interval] | "
           "search better, worse, neither |")  # fmt: skip
    yield "|---|--:|--:|--:|--:|"
    for contestant in _contestants(rows):
        yield _summed(contestant, rows)
    counts = sorted({sum(c == name and bool(r["report"]) for (c, _), r in rows.items()) for name in _contestants(rows)})
    covers = ", ".join(f"{median_of([0.0] * n)[3]:.1%} for {n}" for n in counts if n > 1)
    yield ""
    yield (f"The intervals hold the median over search seeds with {covers or 'nothing: one seed'}. Better, worse: "
           "seeds whose own 95% interval of the paired difference excludes 0.")  # fmt: skip
    yield from _rules(rows, better)


def _each(rows: dict[tuple[str, int], Row]) -> Iterator[str]:
    contestants = _contestants(rows)
    yield "| seed | contestant | report | search minus it [95%] | candidates | full evaluations | CPU s |"
    yield "|--:|---|--:|--:|--:|--:|--:|"
    for (contestant, seed), row in sorted(rows.items(), key=lambda item: (item[0][1], contestants.index(item[0][0]))):
        counts = f"{row['candidates']} | {row['evaluations']:.0f} | {row['cpu']:.0f} |"
        if not row["report"]:
            yield f"| {seed} | {contestant} | failed: {row.get('broken', '')} | | {counts}"
            continue
        told = _difference(rows.get((OURS, seed)), row) if contestant != OURS else None
        shown = f"{told[0]:+.4f} [{told[1]:+.4f}, {told[2]:+.4f}]" if told else ""
        yield f"| {seed} | {contestant} | {_mean(row):.4f} | {shown} | {counts}"


def _difference(ours: Row | None, row: Row) -> tuple[float, float, float] | None:
    """The paired difference of the search to a contestant, over report samples."""
    if ours is None or not ours["report"] or len(ours["report"]) != len(row["report"]):
        return None
    told = mean_interval([a - b for a, b in zip(ours["report"], row["report"], strict=True)])
    return told.value, told.low, told.high


def _summed(contestant: str, rows: dict[tuple[str, int], Row]) -> str:
    own = {seed: row for (c, seed), row in rows.items() if c == contestant and row["report"]}
    failed = sum(c == contestant for c, _ in rows) - len(own)
    said = f"{contestant}" + (f" ({failed} failed)" if failed else "")
    if not own:
        return f"| {said} | 0 | | | |"
    middle, low, high, _ = median_of([_mean(row) for row in own.values()])
    line = f"| {said} | {len(own)} | {middle:.4f} [{low:.4f}, {high:.4f}] |"
    both = {seed: rows[OURS, seed] for seed in own if rows.get((OURS, seed), {"report": []})["report"]}
    if contestant == OURS or not both:
        return f"{line} | |"
    ratio, least, most, _ = median_of([_mean(both[seed]) / _mean(own[seed]) for seed in both])
    sign = 1.0 if next(iter(own.values()))["better"] == "higher" else -1.0
    told = [_difference(both[seed], own[seed]) for seed in both]
    sides = [sign if t[1] > 0 else -sign if t[2] < 0 else 0.0 for t in told if t]
    counts = ", ".join(str(sum(side == wanted for side in sides)) for wanted in (1.0, -1.0, 0.0))
    return f"{line} {ratio:.4f} [{least:.4f}, {most:.4f}] | {counts} |"


def _rules(rows: dict[tuple[str, int], Row], better: str) -> Iterator[str]:
    """What the search found with the best and with the middle report score; chosen by looking, so no score of theirs
    is one to expect."""
    ours = sorted((row for (c, _), row in rows.items() if c == OURS and row["report"]), key=_mean)
    if not ours:
        return
    ours = ours if better == "lower" else ours[::-1]
    for told, row in {"best": ours[0], "middle": ours[(len(ours) - 1) // 2]}.items():
        yield ""
        yield f"Found, {told} of {len(ours)} by report score (seed {row['seed']}, {_mean(row):.4f}):"
        yield ""
        yield "```"  # no language: these lines are as they were found, and no formatter is to touch them
        yield row["found"].strip("\n")
        yield "```"
