"""``selfproof gate``: the gate for anybody's own experiment, from a file of pairs."""

from __future__ import annotations

import array
import contextlib
import csv
import io
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from selfproof.nouns import UsageError

if TYPE_CHECKING:
    from selfproof.certify import Estimate, Verdict

COLUMNS = ("pair", "incumbent", "candidate")
MEANT = {
    "id": "pair", "seed": "pair", "sample": "pair", "index": "pair", "run": "pair",
    "baseline": "incumbent", "old": "incumbent", "before": "incumbent", "control": "incumbent", "a": "incumbent",
    "new": "candidate", "after": "candidate", "treatment": "candidate", "variant": "candidate", "b": "candidate",
}  # fmt: skip
FEWEST_SCALE, SCALE_SHARE = 8, 10
LOOKS = 200
EPILOG = """\b
FILE has the columns pair, incumbent and candidate, one row for each pair:
  pair,incumbent,candidate
  1,0.912,0.905
  2,0.874,0.871

\b
Examples:
  selfproof gate losses.csv --better lower
  selfproof gate seconds.csv --kind speed --min-gain 0.02
  selfproof gate scores.csv --span 1 --scale-pairs 8 --json
  ./pairs.sh | selfproof gate - --better lower

\b
A row should hold means of a block (say 256 examples), not single examples, where the metric is a mean with a long
tail such as a log-loss: the gate judges the typical row, and a model that is only more certain of itself is better
on the typical example and worse on average. docs/gate.md says what is assumed, and what is not covered."""


@dataclass
class Table:
    """A file's pairs: both columns in file order (logarithms of the times for speed), and what was ignored."""

    incumbent: array.array[float] = field(default_factory=lambda: array.array("d"))
    candidate: array.array[float] = field(default_factory=lambda: array.array("d"))
    ignored: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """The options that say what the numbers mean."""

    speed: bool
    better: str
    alpha: float
    least: float
    span: float | None
    scale_pairs: int | None

    @property
    def minimum(self) -> float:
        """The least gain in the unit of a pair's difference."""
        return math.log1p(self.least) if self.speed else self.least


@click.command(epilog=EPILOG)
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path))
@click.option("--better", type=click.Choice(["higher", "lower"]), help="Which values are better. [default: higher]")
@click.option("--kind", type=click.Choice(["quality", "speed"]), default="quality", show_default=True,
              help="speed: the columns are seconds, and the effect is a ratio.")  # fmt: skip
@click.option("--alpha", type=click.FloatRange(1e-9, 0.5), default=0.05, show_default=True,
              help="The chance to certify what is no improvement.")  # fmt: skip
@click.option("--min-gain", "least", type=click.FloatRange(0), default=0.0, show_default=True,
              help="Least gain: metric's unit for quality, share of time for speed.")  # fmt: skip
@click.option("--span", type=click.FloatRange(0, min_open=True),
              help="Largest difference that a pair can have; the interval is then for the mean.")  # fmt: skip
@click.option("--scale-pairs", type=click.IntRange(2), metavar="N", show_default="max(8, 10%)",
              help="Pairs that set the scale; the same N at every look at a file that grows.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def command(
    file: Path, better: str | None, kind: str, alpha: float, least: float, span: float | None,
    scale_pairs: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Judge pairs of your own: is the candidate better than the incumbent? FILE is a CSV file, or - for standard input.

    Rows are taken in file order, which must not have been chosen after looking; the first ones set the scale and are
    dropped. Exit code 0 whatever the verdict.
    """
    if not all(map(math.isfinite, (alpha, least, span or 0.0))):
        raise UsageError("--alpha, --min-gain and --span are finite numbers", advice="Leave out what does not apply.")
    if kind == "speed" and (better == "higher" or span is not None):
        advice = "Leave out --better higher and --span."
        raise UsageError("with --kind speed less time is better, and differences have no span", advice=advice)
    default = "lower" if kind == "speed" else "higher"
    asked = Asked(kind == "speed", better or default, alpha, least, span, scale_pairs)
    with opened(file) as lines:
        table = read(lines, str(file), asked)
    row = judged(table, asked)
    if better is None and kind == "quality":
        row["notes"].append("higher values were taken to be better; for a loss say --better lower")
    if as_json:
        import json

        click.echo(json.dumps(row))
    else:
        click.echo("\n".join(words(row)))


@contextlib.contextmanager
def opened(file: Path) -> Iterator[TextIO]:
    """The file's text, or that of standard input.

    Raises:
        UsageError: it cannot be read, or is not text.
    """
    try:
        if str(file) == "-":
            yield io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", newline="")
        else:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                yield lines
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}", advice="Check the name, or pipe into -.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} is not a CSV file: {error}", advice="Save it as CSV in UTF-8.") from None


def read(lines: TextIO, name: str, asked: Asked) -> Table:
    """All pairs, checked; a million rows take as much memory as their numbers and names.

    Raises:
        UsageError: what is wrong, in which line, and what to do.
    """
    first = lines.readline()
    if not first.strip():
        raise UsageError(f"{name} is empty", advice=f"Its first line must be {','.join(COLUMNS)}.")
    delimiter = max(",;\t", key=first.count)
    header = [cell.strip().lower() for cell in next(csv.reader([first], delimiter=delimiter))]
    places = placed(header, name)
    table = Table(ignored=[cell for cell in header if cell not in COLUMNS])
    seen: set[str] = set()
    rows = csv.reader(lines, delimiter=delimiter)
    for cells in rows:
        if not any(map(str.strip, cells)):
            continue
        line = f"{name}, line {rows.line_num + 1}"
        if len(cells) != len(header):
            raise UsageError(
                f"{line}: {len(cells)} cells, but the header has {len(header)}",
                advice="Give every row one cell for each column, and numbers a decimal point.",
            )
        pair = cells[places[0]].strip()
        if not pair or pair in seen:
            what = f"pair {pair[:40]!r} is there a second time" if pair else "the pair has no name"
            raise UsageError(f"{line}: {what}", advice="Each row is one fresh pair, with a name of its own.")
        seen.add(pair)
        before = number(cells[places[1]], f"{line}, incumbent", asked.speed)
        after = number(cells[places[2]], f"{line}, candidate", asked.speed)
        if not abs(after - before) <= (asked.span or sys.float_info.max):
            limit = f"--span {asked.span:g}" if asked.span else "a number can be"
            advice = "The span is what no pair can ever exceed." if asked.span else "Use a smaller unit."
            raise UsageError(f"{line}: the difference is larger than {limit}", advice=advice)
        table.incumbent.append(before)
        table.candidate.append(after)
    return table


def placed(header: list[str], name: str) -> list[int]:
    """Where the three columns are.

    Raises:
        UsageError: one is missing or there twice, with the column that may have been meant.
    """
    import difflib

    for column in COLUMNS:
        if header.count(column) == 1:
            continue
        meant = [cell for cell in header if MEANT.get(cell) == column] or difflib.get_close_matches(column, header, 1)
        advice = f"The first line must be {','.join(COLUMNS)}; more columns are ignored."
        if column not in header and meant:
            advice = f"Rename the column {meant[0]!r} to {column!r}."
        what = "is there more than once" if column in header else "is missing"
        raise UsageError(f"{name}: the column {column} {what}; the header is {','.join(header)[:80]!r}", advice=advice)
    return [header.index(column) for column in COLUMNS]


def number(text: str, where: str, speed: bool) -> float:
    """A finite number; for speed the logarithm of a positive one.

    Raises:
        UsageError: it is none.
    """
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        advice = "A run that failed is a result: give it the worst value of the metric, do not leave it out."
        raise UsageError(f"{where}: {text[:40]!r} is not a finite number", advice=advice)
    if speed and value <= 0:
        advice = "Leave out --kind speed if the columns are no times."
        raise UsageError(f"{where}: a time must be more than 0 seconds, got {text[:40]!r}", advice=advice)
    return math.log(value) if speed else value


def judged(table: Table, asked: Asked) -> dict[str, Any]:
    """The verdict and what goes with it: the fields of ``--json``.

    Raises:
        UsageError: too few pairs, or a scale cannot be set.
    """
    from selfproof.certify import blind_spot, pairing

    n = len(table.incumbent)
    dropped = asked.scale_pairs or max(FEWEST_SCALE, n // SCALE_SHARE)
    if n <= dropped:
        advice = f"At least {dropped + fewest(asked.alpha)} pairs are needed to certify anything."
        raise UsageError(f"{n} pairs are too few: the first {dropped} only set the scale", advice=advice)
    sign = 1.0 if asked.better == "higher" else -1.0
    ys = [sign * (b - a) for a, b in zip(table.incumbent, table.candidate, strict=True)]
    verdict, scale = verdict_of(ys, dropped, asked)
    worth = pairing(list(zip(table.incumbent, table.candidate, strict=True)))
    return {
        "verdict": verdict.answer, "reason": verdict.reason, "e_value": math.exp(verdict.log_wealth),
        "threshold": 1.0 / asked.alpha, "alpha": asked.alpha, "pairs": verdict.pairs, "pairs_given": n,
        "dropped": dropped, "kind": "speed" if asked.speed else "quality", "better_is": asked.better,
        **effect_of(ys[dropped:], asked), "min_gain": asked.least, "scale": scale,
        "q_star": blind_spot(verdict.pairs, asked.alpha), "correlation": worth.correlation, "saved": worth.saved,
        "assumes": assumptions(dropped, asked), "notes": notes(table, n - dropped, asked),
    }  # fmt: skip


def verdict_of(ys: list[float], dropped: int, asked: Asked) -> tuple[Verdict, float]:
    """The gate's verdict after the first pair that decides, or after the last, and the scale.

    Raises:
        UsageError: the first pairs set no scale.
    """
    from selfproof.certify import Confirmation, Pair, Rule, robust_scale

    scale = robust_scale(ys[:dropped], declared_range=asked.span or 0.0)
    if scale == 0.0:
        advice = "Give --span, the largest difference that a pair can have (1 for pass or fail)."
        if asked.speed:
            advice = "Time something that takes longer than a step of the clock."
        raise UsageError(f"the first {dropped} differences are all equal, so they set no scale", advice=advice)
    gate = Confirmation(Rule(level=asked.alpha, scale=scale, most_pairs=len(ys) + 1, minimum=asked.minimum))
    for y in ys[dropped:]:
        if gate.add(Pair(y)).answer != "undecided":
            break
    return gate.verdict, scale


def fewest(alpha: float) -> int:
    """The number of pairs without which no outcomes could reach the line."""
    from selfproof.certify import Wealth

    wealth, n = Wealth(), 0
    while wealth.log < -math.log(alpha):
        wealth.bet(1.0)
        n += 1
    return n


def effect_of(ys: list[float], asked: Asked) -> dict[str, Any]:
    """How large the gain is, with an interval that holds at every look: of the mean where a span is known."""
    from selfproof.certify import mean_sequence, median_sequence

    if asked.span is not None:
        step = -(-len(ys) // LOOKS)  # looked at 200 times at most: fewer looks cost nothing, and millions of rows time
        found = mean_sequence((ys[i : i + step] for i in range(0, len(ys), step)), asked.span)
        return {"effect": found.value, "interval": [found.low, found.high], "estimate": "mean difference"}
    estimate = "median ratio" if asked.speed else "median difference"
    if len(ys) < 7:
        return {"effect": None, "interval": None, "estimate": estimate}
    found = median_sequence(ys)
    return {**shown(found, asked.speed), "estimate": estimate}


def shown(found: Estimate, speed: bool) -> dict[str, Any]:
    """An estimate in the unit that people read: a ratio of times for speed."""
    value, low, high = (math.exp(min(x, 700.0)) if speed else x for x in (found.value, found.low, found.high))
    return {"effect": value, "interval": [low, high]}


def assumptions(dropped: int, asked: Asked) -> list[str]:
    """What the verdict rests on, none of which can be seen in the file."""
    look = "how many pairs there would be was fixed before the first of them was looked at"
    if asked.scale_pairs is not None:
        look = f"the scale is set by the first {dropped} pairs at every look at this file"
    return [
        "the pairs are fresh: none was used to choose or to tune the candidate",
        "rows stand in the order in which the pairs were drawn, and none was left out after its result was seen",
        look,
        f"this is the only test at alpha {asked.alpha:g} (docs/gate.md: how to split alpha over many candidates)",
        "nothing is carried from one pair to the next, and the order of the two runs within a pair was random",
        "better means the typical pair: the mean of the differences, each clipped at 1.5 scales",
        "the metric is what you care about",
    ]


def notes(table: Table, kept: int, asked: Asked) -> list[str]:
    """What a reader of this verdict should know of the file."""
    found = []
    if table.ignored:
        names = "".join(ch if ch.isprintable() else "?" for ch in ", ".join(table.ignored))
        found.append(f"columns that were ignored: {names[:100]}")
    if kept < (needed := fewest(asked.alpha)):
        found.append(f"{kept} pairs after those of the scale can certify nothing: it takes at least {needed}")
    return found


def words(row: dict[str, Any]) -> list[str]:
    """The verdict for people."""
    speed = row["kind"] == "speed"
    form = "{:.4g}" if speed else "{:+.4g}"
    less = "less time" if speed else f"{row['better_is']} values"
    lines = [
        f"{row['verdict']}: {row['reason']} ({less} being better)",
        f"  pairs        {row['pairs']} used of {row['pairs_given']}; the first {row['dropped']} set the scale "
        f"({row['scale']:.4g}) and are dropped",
        f"  e-value      {row['e_value']:.4g}; certified from {row['threshold']:.4g} on (alpha {row['alpha']:g})",
    ]
    if row["interval"] is None:
        lines.append("  effect       an interval takes 7 pairs after those of the scale")
    else:
        effect, low, high = (form.format(value) for value in (row["effect"], *row["interval"]))
        times = " (incumbent's time over candidate's)" if speed else ""
        lines.append(f"  effect       {row['estimate']} {effect}{times}, 95% interval [{low}, {high}] at any look")
    lines.append(f"  blind spot   losses in fewer than {row['q_star']:.1%} of pairs would not have been seen")
    if row["correlation"] is not None and row["saved"] is not None:
        saved = f"correlation {row['correlation']:.2f}, which saved {row['saved']:.0f} pairs against unpaired runs"
        lines.append(f"  pairing      {saved}")
    if row["verdict"] == "undecided":
        lines.append(f"  to go on     draw more pairs; say --scale-pairs {row['dropped']} from now on, at every look")
    lines += [f"  note         {note}" for note in row["notes"]]
    return [*lines, "", "This holds if", *(f"  - {line}" for line in row["assumes"])]
