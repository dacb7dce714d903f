"""``selfproof approve``: sign a change, or another charter, with an SSH key."""

from __future__ import annotations

import datetime
import json
import os
import secrets
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from selfproof.cli.common import at_option, dump, invocation, json_option, visible
from selfproof.nouns import UsageError
from selfproof.places import Paths

if TYPE_CHECKING:
    from selfproof.life import Life

EPILOG = """\b
Examples:
  selfproof approve 81 --key ~/.ssh/id_ed25519
  selfproof approve 81 --key ~/.ssh/id_ed25519 --reject --reason "reads like a special case"
  selfproof approve 81 --statement s.json     to sign on another machine: it says how
  selfproof approve charter --key ~/.ssh/id_ed25519
  selfproof approve resume --key ~/.ssh/id_ed25519     that a stopped program may go on"""


@click.command(epilog=EPILOG)
@click.argument("what")
@click.option("--key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="An SSH key to sign with.")
@click.option("--statement", type=click.Path(path_type=Path, dir_okay=False), help="Write what is to be signed here.")
@click.option("--signature", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Of --statement.")
@click.option("--reject", is_flag=True, help="Sign that it must not be adopted.")
@click.option("--reason", default="", help="For the ledger.")
@click.option("--days", type=click.FloatRange(0, 365, min_open=True), default=1.0, show_default=True,
              help="For how long the signature counts.")  # fmt: skip
@at_option
@json_option
def command(
    what: str, key: Path | None, statement: Path | None, signature: Path | None, folder: Path, as_json: bool,
    **words: Any,
) -> None:  # fmt: skip
    """Sign WHAT: a change that waits (`selfproof review`), "charter" after you edited charter, tasks or approvers, or
    "resume" to let a stopped program go on.

    The signature is over the exact trees, the charter and a checkpoint of the ledger. It needs OpenSSH's ssh-keygen.
    """
    from selfproof import life as lives
    from selfproof.oversight import approvals, halting, letters

    if what == "resume":
        halting.settle(Paths(folder))
    with lives.viewed(folder) as life:
        subject = _subject(life, what)
        if signature is not None:
            if statement is None:
                raise UsageError("--signature needs --statement: the file that was signed")
            text, signed = statement.read_text("utf-8"), signature.read_text("utf-8")
        else:
            until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=words["days"])
            text = letters.statement(
                life.state.genesis["program"], subject, approvals.DECISIONS[words["reject"]], words["reason"],
                _checkpoint(life), until.isoformat(timespec="seconds"),
            )  # fmt: skip
            if key is None:
                _hand_over(text, statement, what, folder)
                return
            signed = _sign(text, key)
        found = _checked(life, text, signed, subject)
        about = what if what in {"charter", "resume"} else "change"
        letter = {"change": int(what) if about == "change" else what, "statement": text, "signature": signed}
        _leave(life.paths.approvals, letter, about)
    _told({"signed": True, "what": what, **found, **_taken_up(folder, about)}, as_json)


def _subject(life: Life, what: str) -> dict[str, Any]:
    from selfproof.line import approving
    from selfproof.oversight import approvals, halting
    from selfproof.viewing.reviews import named

    if not life.state.charter.get("approvers"):
        raise UsageError(
            "nobody may approve here: the ledger names no approvers",
            advice='Name a file of public keys in the charter, `approvers = "allowed_signers"` under [autonomy], and '
            "run once.",
        )
    if what == "resume":
        if life.state.overseen.halted is None:
            raise UsageError("this program is not stopped: there is nothing to sign")
        return halting.subject_of(life.state.overseen)
    if what != "charter":
        return approving.subject_of(life.state, named(life.state.waiting, what))
    subject = approvals.charter_change(life.state.charter, life.as_it_lies())
    if subject["before"] == subject["after"]:
        raise UsageError("charter, tasks and approvers are as the ledger has them: there is nothing to sign")
    return subject


def _checkpoint(life: Life) -> dict[str, Any]:
    from selfproof.ledger.replay import Replay

    newest = Replay.of(life.paths.ledger).checkpoint
    return {"size": newest.size, "root": newest.root.hex()}


def _hand_over(text: str, place: Path | None, what: str, folder: Path) -> None:
    """Write what is to be signed, and say how."""
    if place is None:
        raise UsageError("no key", advice="--key FILE signs here; --statement FILE writes what to sign elsewhere.")
    place.write_text(text, "utf-8")
    click.echo(f"{place} is what is to be signed; read it, then:")
    click.echo(f"  ssh-keygen -Y sign -n selfproof -f KEY {place}")
    click.echo(f"  {invocation(f'approve {what} --statement {place} --signature {place}.sig', folder)}")


def _sign(text: str, key: Path) -> str:
    """An SSH signature; OpenSSH asks for a passphrase, or for a touch, where the key wants one."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch, "statement")
        place.write_text(text, "utf-8")
        try:
            done = subprocess.run(
                ["ssh-keygen", "-q", "-Y", "sign", "-n", "selfproof", "-f", str(key), str(place)], check=False
            )
        except OSError as error:
            raise UsageError(f"ssh-keygen: {error}", advice="Install OpenSSH's client (openssh-client).") from None
        if done.returncode:
            raise UsageError(f"{key} did not sign", advice="See what ssh-keygen says above.")
        return Path(scratch, "statement.sig").read_text("utf-8")


def _checked(life: Life, text: str, signature: str, subject: dict[str, Any]) -> dict[str, str]:
    """Who signed, before anything is left for the engine.

    Raises:
        NotApproved: it would not count.
    """
    from selfproof.ledger.clock import rfc3339, utc_now
    from selfproof.ledger.merkle import root_at
    from selfproof.oversight import approvals

    return approvals.checked(
        {"statement": text, "signature": signature}, life.state.genesis["program"], subject, life.approvers(),
        rfc3339(utc_now()), lambda size: root_at((leaf.raw for leaf in life.ledger.leaves()), size),
    )  # fmt: skip


def _leave(folder: Path, letter: dict[str, Any], about: str) -> None:
    """Put it where the engine looks, whole or not at all."""
    folder.mkdir(mode=0o700, exist_ok=True)
    aside = folder / f"{time.time_ns():020d}-{secrets.token_hex(3)}.new"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(letter, file)
    aside.rename(aside.with_suffix(f".{about}.json"))


def _taken_up(folder: Path, about: str) -> dict[str, Any]:
    """Let the engine take it in now, unless one is running: that one does it by itself."""
    from selfproof import life as lives
    from selfproof import line
    from selfproof.ledger import LedgerBusy
    from selfproof.oversight import control, halting

    try:
        if about == "resume":
            return {"resumed": halting.resume(Paths(folder), control.account()) is not None}
        with lives.opened(folder) as life:
            events = list(line.decided(life))
            adopted = any(one.get("decision") == "adopted" for one in events)
            return {"version": life.state.current, "adopted": adopted, "waits": len(life.state.waiting)}
    except LedgerBusy:
        return {"running": True}
    except UsageError as error:
        if about == "change":
            raise
        return {"waits_for": str(error)}


def _told(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        dump(row)
        return
    click.echo(f"{visible(row['by'])} signed with {row['key']}: {row['decision']} {row['what']}")
    if row.get("running"):
        click.echo("a run is going on: it takes the signature up at its next step")
    elif row.get("waits_for"):
        click.echo(f"not in force yet: {row['waits_for']}")
    elif row["what"] == "resume":
        click.echo("it may run again: selfproof run")
    elif row["what"] == "charter":
        click.echo("the new charter is in force")
    elif row["adopted"]:
        click.echo(f"version {row['version']} is the program now; the next run watches it on fresh pairs")
    elif row["decision"] == "reject":
        click.echo("it is refused")
    else:
        click.echo("more approvers must sign it")
