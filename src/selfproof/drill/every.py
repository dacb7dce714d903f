"""All drills one after the other, as one table, and its entry in a program's ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from selfproof import life
from selfproof.drill import rolling_back
from selfproof.drill.scratch_life import Row, timed
from selfproof.drill.stopping import stop
from selfproof.drill.tripping import trip
from selfproof.nouns import UsageError


def every(folder: Path) -> Iterator[Row]:
    """The rollback on a copy of the program in ``folder``, then every tripwire and every stop on a small program."""
    with timed(Row("rollback", "a certified change whose fresh pairs turn", "taken back, exactly, for good")) as row:
        try:
            broken = [step.promise for step in rolling_back.drill(folder) if not step.held]
            row.held, row.note = not broken, "; ".join(broken)
        except UsageError as error:  # nothing of this program can be drilled so; that is no failure of a promise
            row.held, row.note = True, f"not tried here: {error}"
    yield row
    yield from trip()
    yield from stop()


def record(folder: Path, rows: Sequence[Row]) -> None:
    """Write the table into the program's own ledger."""
    with life.opened(folder) as living:
        steps = {f"{row.name}: {row.must}": row.held for row in rows}
        body = {"passed": all(row.held for row in rows), "steps": steps, "rows": [asdict(row) for row in rows]}
        living.log("drill", body, durable=True)
