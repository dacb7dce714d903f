"""Which attacks each tier stops: ``python benchmarks/isolation.py [--check] [--search [NAME ...]]``.

Runs the whole attack suite in every tier that this machine offers, with no isolation at all, and with none but the
protocol; then searches, for each attack, for minimal sets of layers whose removal lets it through (some minutes). The
table in docs/isolation.md is written anew. ``--search`` searches for the sets of the named attacks only, or of none,
and leaves the others as the page has them; ``--check`` runs nothing and fails (exit code 1) if the attacks in the page
are not those of the suite.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from selfproof.attacks import suite

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "isolation.md"
BEGIN, END = "<!-- attacks:begin -->", "<!-- attacks:end -->"
COLUMNS: Final = {  # heading -> tier, layers left out beside those that the tier does not have
    "none": ("none", tuple(suite.LAYERS)),
    "none + protocol": ("none", ()),
    "confined": ("confined", ()),
    "jail": ("jail", ()),
}
ROW: Final = re.compile(r"^\| `([a-z]+/\w+)` \| (.+?) \| .*\| (.*?) \|$", re.MULTILINE)
Table = Mapping[str, Mapping[str, suite.Row]]


def listed(text: str) -> dict[str, tuple[str, str]]:
    """The attacks in the page's table: what each tries, and its minimal sets as they stand there."""
    block = text.partition(BEGIN)[2].partition(END)[0]
    return {name: (title, sets) for name, title, sets in ROW.findall(block)}


def differences(text: str) -> list[str]:
    """What the page says of attacks that is not so."""
    page = {name: title for name, (title, _) in listed(text).items()}
    files = {attack.name: attack.title for attack in suite.attacks()}
    found = [f"{name} is not in the page" for name in sorted(files.keys() - page.keys())]
    found += [f"{name} is in the page and is no attack" for name in sorted(page.keys() - files.keys())]
    return found + [
        f"{name} tries something else" for name in sorted(files.keys() & page.keys()) if files[name] != page[name]
    ]


def measured() -> dict[str, dict[str, suite.Row]]:
    """Every column that this machine has."""
    table = {}
    for heading, (tier, without) in COLUMNS.items():
        began = time.monotonic()
        try:
            rows = suite.run(tier, without=without)
        except suite.EngineFailed as problem:
            print(f"{heading}: not here ({problem})", file=sys.stderr)
            continue
        table[heading] = {row.name: row for row in rows}
        through = sum(row.through for row in rows)
        print(f"{heading}: {through} of {len(rows)} through, {time.monotonic() - began:.0f} s", file=sys.stderr)
    return table


def searched(tier: str, names: Sequence[str]) -> dict[str, str]:
    """For each attack its minimal sets, written out."""
    began, runs = time.monotonic(), []
    search = suite.Search(tier, progress=runs.append)
    sets = search.sets(names)
    print(f"minimal sets: {len(runs)} runs, {time.monotonic() - began:.0f} s", file=sys.stderr)
    for without, problem in search.impossible.items():
        print(f"no worker starts without {', '.join(sorted(without))}: {problem}", file=sys.stderr)
    return {name: " or ".join(map(written, several)) for name, several in sets.items()}


def written(layers: Iterable[str]) -> str:
    """A set of layers, in the order in which they are put up."""
    return " + ".join(sorted(layers, key=suite.LAYERS.index))


def redundant(sets: Mapping[str, str]) -> list[str]:
    """Layers that are in no minimal set."""
    met = set(re.findall(r"[a-z]+", " ".join(sets.values())))
    return [layer for layer in suite.LAYERS if layer not in met]


def block(table: Table, sets: Mapping[str, str]) -> str:
    """The measured part of the page."""
    count, user = len(suite.attacks()), "root" if os.geteuid() == 0 else "an ordinary user"
    sums = [f"**{sum(row.through for row in rows.values())}**" for rows in table.values()]
    place = (
        f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}, {os.cpu_count()} processors"
    )
    lines = [
        f"Measured on {place}, the engine run by {user}: {count} attacks. ✗ got through, ✓ was stopped.", "",
        f"| attack | what it tries | {' | '.join(table)} | gets through without |",
        f"|---|---|{'---|' * len(table)}---|",
        f"| **got through** | of {count} | {' | '.join(sums)} | |",
    ]  # fmt: skip
    for attack in suite.attacks():
        marks = ["✗" if rows[attack.name].through else "✓" for rows in table.values()]
        lines.append(f"| `{attack.name}` | {attack.title} | {' | '.join(marks)} | {sets.get(attack.name, '')} |")
    if idle := redundant(sets):
        named = ", ".join(f"`{layer}`" for layer in idle)
        lines += ["", f"In no minimal set that was found: {named}. What it would stop, something else stops too: "
                  "pure redundancy here, kept for the day on which another layer has a hole."]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """Check the page, or measure and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="run nothing; fail if page and suite differ")
    parser.add_argument("--search", nargs="*", metavar="NAME", help="attacks to search minimal sets of; default: all")
    options = parser.parse_args()
    text = PAGE.read_text("utf-8")
    if options.check:
        sys.exit("\n".join(differences(text)) or 0)
    table = measured()
    sets = {name: sets for name, (_, sets) in listed(text).items()}
    if names := [attack.name for attack in suite.attacks()] if options.search is None else options.search:
        sets |= searched(list(table)[-1], names)
    before, _, rest = text.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{block(table, sets)}\n{END}{rest.partition(END)[2]}", "utf-8")


if __name__ == "__main__":
    main()
