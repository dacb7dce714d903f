"""``selfproof verify``: recompute every decision from the ledger alone, of a program here or of a bundle."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import at_option, dump, json_option
from selfproof.nouns import UsageError
from selfproof.places import Paths

EPILOG = """\b
Examples:
  selfproof verify --json
  selfproof verify --against checkpoint-of-last-month
  selfproof verify --bundle DIR --key VKEY    as an auditor, from nothing else
  selfproof verify --rerun 20                 and run 20 recorded pairs again
  selfproof verify --demo-tamper              what is caught, shown on copies"""


@click.command(epilog=EPILOG)
@at_option
@click.option("--bundle", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="DIR",
              help="Check this bundle (`selfproof ledger bundle`) in place of a program's ledger.")  # fmt: skip
@click.option("--key", metavar="FILE|VKEY", help="The log's key as you got it elsewhere: it must be this ledger's.")
@click.option("--against", type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
              help="A checkpoint that you kept, or that a witness has: the ledger must extend it.")  # fmt: skip
@click.option("--witness", "witnesses", multiple=True, metavar="FILE|VKEY", help="A witness that must have cosigned.")
@click.option("--rerun", type=click.IntRange(1), metavar="N", help="Run N recorded pairs again, in the jail.")
@click.option("--demo-tamper", is_flag=True, help="Tamper with copies in every way we know, and show what is said.")
@json_option
@click.pass_context
def command(ctx: click.Context, /, folder: Path, bundle: Path | None, as_json: bool, **how: Any) -> None:
    """Check hashes and signatures, then recompute every decision. Exit code 4 names the first bad entry."""
    from selfproof.audit.meaning import meaning
    from selfproof.ledger import LedgerBroken

    key = None if how["key"] is None else _key(how["key"])
    try:
        with ledger_of(folder, bundle) as (ledger, witnessed):
            result = _verified(ledger, key)
            if result["ok"]:
                result |= _compared(ledger, witnessed, how["against"], how["witnesses"])
            if result["ok"] and how["rerun"]:
                result["rerun"] = _rerun(folder, bundle, ledger, how["rerun"])
                result["ok"] = result["rerun"]["ok"]
            if result["ok"] and how["demo_tamper"]:
                result["tampering"] = _tour(ledger)
                result["ok"] = all(row["caught"] for row in result["tampering"]["tried"])
    except LedgerBroken as error:  # a bundle that does not even read back
        bad = {"index": error.index, "kind": error.kind, "reason": error.reason}
        result = {"ok": False, "entries": 0, "root": "", "first_bad": bad, "unsigned_tail": 0}
    if result["first_bad"]:
        result["first_bad"]["meaning"] = meaning(result["first_bad"])
    if as_json:
        dump(result)
    else:
        _say(result)
    ctx.exit(0 if result["ok"] else 4)


def _key(given: str) -> str:
    """The one line of a key.

    Raises:
        UsageError: it is none.
    """
    from selfproof.cli.ledger import text_of
    from selfproof.ledger.note import Verifier

    try:
        return Verifier.parse(text_of(given)).vkey
    except ValueError as error:
        raise UsageError(f"that is no key: {error}", advice="A log's key is the file vkey in its ledger.") from None


@contextmanager
def ledger_of(folder: Path, bundle: Path | None) -> Iterator[tuple[Path, Path]]:
    """The ledger folder to look at, and where a cosigned checkpoint of it would be."""
    if bundle is not None:
        from selfproof.audit.bundle import COSIGNED, unpacked

        with unpacked(bundle) as ledger:
            yield ledger, bundle / COSIGNED
        return
    paths = Paths(folder)
    if not paths.ledger.is_dir():
        raise UsageError(
            f"there is no ledger at {paths.ledger}", advice="Go to a program's folder, or name it with --at."
        )
    yield paths.ledger, paths.witnessed


def _verified(ledger: Path, key: str | None) -> dict[str, Any]:
    from selfproof.audit import audit, keys

    result = audit(ledger)
    if result["ok"] and key is not None and key not in keys.told(ledger)["keys"]:
        bad = {"index": None, "kind": "key", "reason": "the log is signed by another key than the one given"}
        result |= {"ok": False, "first_bad": bad}
    return result


def _compared(ledger: Path, witnessed: Path, against: Path | None, witnesses: Sequence[str]) -> dict[str, Any]:
    """What the ledger was compared with: a checkpoint that was given, and the one that witnesses cosigned.

    Raises:
        HistoryDiffers: it does not extend one of them, or a witness that must have cosigned one has not.
        UsageError: a witness's key cannot be read.
    """
    notes = [place for place in (against, witnessed) if place is not None and place.is_file()]
    if not notes and not witnesses:
        return {}
    from selfproof.audit.sharing import HistoryDiffers, Shared
    from selfproof.cli.ledger import cosigners_of

    shared, seen, keys = Shared(ledger), [], cosigners_of(witnesses)
    signed: set[str] = set()
    for place in notes:
        checkpoint, by = shared.against(place.read_bytes(), str(place), keys)
        signed |= set(by)
        names = [one.name for one in keys if one.vkey in by]
        seen.append({"from": str(place), "entries": checkpoint.size, "names": names})
    if missing := [one.name for one in keys if one.vkey not in signed]:
        raise HistoryDiffers(
            f"no checkpoint here is cosigned by {', '.join(missing)}", advice="Ask it: `selfproof witness ask`."
        )
    return {"seen": seen}


def _rerun(folder: Path, bundle: Path | None, ledger: Path, n: int) -> dict[str, Any]:
    """Run pairs again: where the program is, or from a bundle in a folder that is rebuilt from it.

    Raises:
        UsageError: a bundle without its tasks, or one that asks to run a stranger's program with no wall around it.
    """
    from selfproof.audit.rerunning import rerun
    from selfproof.life import viewed

    if bundle is None:
        with viewed(folder) as life:
            return rerun(life, n)
    from selfproof.audit.bundle import TASKS
    from selfproof.audit.rebuilding import rebuild

    if not (bundle / TASKS).is_dir():
        raise UsageError(
            f"{bundle} has no tasks, without which no trial can be run again",
            advice="Ask its owner: `selfproof ledger bundle --with-tasks`. Read them first: they run as you.",
        )
    with tempfile.TemporaryDirectory(prefix="selfproof-rerun-") as scratch:
        rebuilt = Path(scratch) / "program"
        rebuild(ledger, rebuilt)
        shutil.copytree(bundle / TASKS, rebuilt / TASKS)
        with viewed(rebuilt) as life:
            granted = [line for one in life.charter.objectives for line in life.limits_of(one).grants.lines()]
            if life.charter.sandbox.require == "none" or granted:
                raise UsageError(
                    f"the bundle's charter gives its program {', '.join(granted) or 'no isolation'}",
                    advice="Look at what it does; then `selfproof rebuild`, add the tasks, and verify --rerun --at it.",
                )
            return rerun(life, n)


def _tour(ledger: Path) -> dict[str, Any]:
    from selfproof.audit.tampering import tour

    told, missing = tour(ledger)
    rows = [{"hand": one.hand, "did": one.did, "said": one.said, "index": one.index, "caught": one.caught,
             "takes_a_checkpoint": one.remembered} for one in told]  # fmt: skip
    return {"tried": rows, "not_possible_here": missing}


def _say(result: dict[str, Any]) -> None:
    if bad := result["first_bad"]:
        where = f"entry {bad['index']} ({bad['kind']})" if bad["index"] is not None else bad["kind"]
        click.echo(f"NOT verified: {where}: {bad['reason']}", err=True)
        click.echo(f"  {bad['meaning']}", err=True)
        click.echo("  Everything from there on is not to be relied on. Restore the ledger from a copy.", err=True)
        return
    click.echo(f"verified: {result['entries']} entries, root {result['root']}")
    if result.get("signer"):
        click.echo(f"  signer: {result['signer']}")
    if engine := result.get("engine"):
        click.echo(f"  engine: {engine['version']}, by its own word; its files' list has SHA-256 {engine['package']}")
    if let_go := result.get("let_go"):
        click.echo(f"  {let_go} batches of candidates were let go (keep_days): their hashes are here, their texts not")
    for kind, n in (result.get("unknown") or {}).items():
        click.echo(f"  {n} entries of kind {kind!r} are of a newer selfproof: only their hashes were checked", err=True)
    if tail := result["unsigned_tail"]:
        click.echo(f"  the last {tail} are not under a signed checkpoint yet (the run was cut off)")
    for seen in result.get("seen", ()):
        by = f", cosigned by {', '.join(seen['names'])}" if seen["names"] else ""
        click.echo(f"  it extends {seen['from']} ({seen['entries']} entries{by})")
    if "rerun" in result:
        _say_rerun(result["rerun"])
    if "tampering" in result:
        _say_tour(result["tampering"])


def _say_rerun(found: dict[str, Any]) -> None:
    same = sum(row["equal"] is True for row in found["pairs"])
    timed = [row for row in found["pairs"] if row["equal"] is None]
    click.echo(f"run again: {len(found['pairs'])} of {found['of']} recorded pairs, {same} with the very same scores")
    for row in timed:
        if "ratio" in row:
            told = f"{row['ratio']['recorded']:.3f} times as fast when recorded, {row['ratio']['now']:.3f} now"
        else:
            told = f"recorded {row['recorded']}, now {row['now']}"
        click.echo(f"  confirmation {row['confirmation']}, pair {row['pair']} is timed, not judged: {told}")
    for why, count in found["left_out"].items():
        click.echo(f"  not run: {count} pairs: {why}")
    for row in found["pairs"]:
        if row["equal"] is False:
            place = f"confirmation {row['confirmation']}, pair {row['pair']} of {row['objective']}"
            click.echo(f"NOT the same: {place}: {row['why']}", err=True)
    if not found["ok"]:
        click.echo("  The record is false, or this machine computes otherwise: compare library versions.", err=True)


def _say_tour(found: dict[str, Any]) -> None:
    hand = ""
    for row in found["tried"]:
        if row["hand"] != hand:
            hand = row["hand"]
            click.echo(f"\nby {hand}")
        place = f"entry {row['index']}, " if row["index"] is not None else ""
        mark = "caught" if row["caught"] else "MISSED"
        mark = "caught only by a checkpoint kept elsewhere (--against)" if row["takes_a_checkpoint"] else mark
        click.echo(f"  {row['did']}: {mark}\n      {place}{row['said']}")
    for did, why in found["not_possible_here"].items():
        click.echo(f"  {did}: not tried, {why}")
    caught, tried = sum(row["caught"] for row in found["tried"]), len(found["tried"])
    click.echo(f"\n{caught} of {tried} caught, on copies; the ledger itself was only read")
