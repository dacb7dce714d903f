"""``selfproof experience``: what is kept of past edits, and how to forget it."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import dump, json_option
from selfproof.learn import experience
from selfproof.learn.shares import wilson
from selfproof.nouns import SelfproofError, UsageError
from selfproof.viewing.words import clean

EPILOG = "\b\nExamples:\n  selfproof experience\n  selfproof experience --forget"


@click.command(epilog=EPILOG)
@json_option
@click.option("--forget", is_flag=True, help="Delete all of it.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
def command(as_json: bool, forget: bool, yes: bool) -> None:
    """What is known of edits from all runs on this machine: numbers, never code."""
    path = experience.place()
    if path is None:
        raise UsageError("experience is switched off", advice=f"The environment says {experience.VARIABLE}=off.")
    if forget:
        _forget(path, as_json, yes)
        return
    found = known(path)
    if as_json:
        dump(found)
        return
    if not found["rows"]:
        click.echo(f"nothing is known yet ({path})")
        return
    click.echo(f"{found['rows']} edits of {found['programs']} programs, {found['first']} to {found['last']}, in {path}")
    click.echo(f"{'':46}{'tried':>8}  {'kept':<22}certified")
    for row in found["operators"]:
        place = clean(f"{row['kind']} {row['metric']}", 27)
        click.echo(f"{place:<28}{clean(row['operator'], 17):<18}{row['tried']:>8}  {_share(row, 'kept'):<22}"
                   f"{_share(row, 'certified')}")  # fmt: skip


def known(path: Path) -> dict[str, Any]:
    """The store's summary with shares and their 95% intervals.

    Raises:
        SelfproofError: it cannot be read.
    """
    try:
        found = experience.summary(path)
    except (sqlite3.Error, OSError) as error:
        raise SelfproofError(
            f"cannot read {path}: {error}", advice="To begin anew: selfproof experience --forget"
        ) from None
    for row in found["operators"]:
        for name in ("kept", "certified"):
            low, high = wilson(row[name], row["tried"])
            row[f"{name}_share"], row[f"{name}_interval"] = row[name] / row["tried"], [low, high]
    return {"path": str(path), **found}


def _share(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_interval"]
    return f"{row[f'{name}_share']:.1%} [{low:.1%}, {high:.1%}]"


def _forget(path: Path, as_json: bool, yes: bool) -> None:
    if path.exists() and not yes:
        if as_json or not sys.stdin.isatty():
            raise UsageError("this deletes what all runs have learned", advice="If that is meant, add --yes.")
        click.confirm(f"delete {path}, what all runs on this machine have learned?", abort=True)
    there = experience.forget(path)
    if as_json:
        dump({"forgotten": there, "path": str(path)})
    else:
        click.echo(f"{path} is gone" if there else f"there was nothing to forget ({path})")
