"""``selfproof ledger``: what a stranger gets of the log: static files, proofs of single entries."""

from __future__ import annotations

import getpass
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from selfproof.cli.common import at_option, dump, json_option
from selfproof.nouns import UsageError
from selfproof.places import Paths

if TYPE_CHECKING:
    from selfproof.ledger.cosignature import Cosigner

EPILOG = """\b
Examples:
  selfproof ledger export public/         files for any web server (C2SP tlog-tiles)
  selfproof ledger bundle for-the-auditor
  selfproof ledger proof v3 > v3.tlog-proof
  selfproof ledger check v3.tlog-proof --key vkey"""


@click.group(epilog=EPILOG)
def command() -> None:
    """The log for others: static files, bundles, offline proofs."""


def shared(folder: Path) -> Any:
    """The program's ledger, hashed.

    Raises:
        UsageError: there is none.
    """
    from selfproof.audit.sharing import Shared

    paths = Paths(folder)
    if not paths.ledger.is_dir():
        raise UsageError(
            f"there is no ledger at {paths.ledger}", advice="Go to a program's folder, or name it with --at."
        )
    return Shared(paths.ledger, paths.witnessed)


@command.command(epilog="\b\nExample:\n  selfproof ledger export public/")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@at_option
@json_option
def export(out: Path, folder: Path, as_json: bool) -> None:
    """Write the log as static files into OUT; again later, only what is new."""
    found = shared(folder)
    written = found.export(out)
    told = {"folder": str(out), "files": written, "entries": found.signed.size, "root": found.signed.root.hex()}
    if as_json:
        dump(told)
    else:
        click.echo(f"{found.signed.size} entries in {out}: {written} files written. Any web server can serve them.")


@command.command(epilog="\b\nExample:\n  selfproof ledger bundle for-the-auditor --with-tasks")
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@at_option
@click.option("--with-tasks", is_flag=True, help="With the tasks, hidden answers included, to run trials again.")
@json_option
def bundle(out: Path, folder: Path, with_tasks: bool, as_json: bool) -> None:
    """Write all that an auditor needs into OUT, a new folder: checkpoint, key, entries, blobs, cosignatures."""
    from selfproof.audit import bundle as bundles

    found = shared(folder)
    files = bundles.write(found, out, folder / bundles.TASKS if with_tasks else None)
    told = {"folder": str(out), "files": files, "entries": found.signed.size, "root": found.signed.root.hex()}
    if as_json:
        dump(told)
    else:
        click.echo(f"{found.signed.size} entries in {out}: {files} files. Give the auditor this key some other way:")
        click.echo(f"  {found.log.vkey}")


@command.command(epilog="\b\nExample:\n  selfproof ledger serve --port 8642")
@at_option
@click.option("--port", type=click.IntRange(0, 65535), default=8642, show_default=True, help="On this machine only.")
@json_option
def serve(folder: Path, port: int, as_json: bool) -> None:
    """Serve the log's static files on this machine, for a look; a web server does it for others."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    with tempfile.TemporaryDirectory(prefix="selfproof-log-") as out:
        shared(folder).export(Path(out))
        try:
            server = ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=out))
        except OSError as error:
            raise UsageError(f"port {port} cannot be used: {error.strerror}", advice="Try --port 0.") from None
        url = f"http://127.0.0.1:{server.server_port}/checkpoint"
        if as_json:
            dump({"event": "serving", "url": url})
        else:
            click.echo(f"{url}   (Ctrl-C ends)")
        sys.stdout.flush()
        with server:
            server.serve_forever()


@command.command(epilog="\b\nExample:\n  selfproof ledger proof v3 --out v3.tlog-proof")
@click.argument("entry")
@at_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: print it]")
@json_option
def proof(entry: str, folder: Path, out: Path | None, as_json: bool) -> None:
    """An offline proof that ENTRY (a number from `selfproof log`, or v3) is in the log."""
    from selfproof.audit.sharing import entry_named

    found = shared(folder)
    made = found.proof(entry_named(found.reader, entry))
    text = made.text
    if out is not None:
        out.write_bytes(text)
    if as_json:
        dump({"index": made.index, "file": None if out is None else str(out), "proof": text.decode()})
    elif out is None:
        click.echo(text, nl=False)


@command.command(epilog="\b\nExample:\n  selfproof ledger check v3.tlog-proof --key vkey --witness w1.vkey")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--key", required=True, metavar="FILE|VKEY", help="The log's key, as you got it from its owner.")
@click.option("--witness", "witnesses", multiple=True, metavar="FILE|VKEY", help="A witness that must have cosigned.")
@json_option
def check(file: Path, key: str, witnesses: tuple[str, ...], as_json: bool) -> None:
    """Check a proof with nothing but the log's key. Exit code 4 if it does not hold."""
    from selfproof.audit.sharing import HistoryDiffers
    from selfproof.ledger.note import Verifier
    from selfproof.ledger.proof_file import Proof, proven

    try:
        log = Verifier.parse(text_of(key))
    except ValueError as error:
        raise UsageError(f"that is no key: {error}", advice="A log's key is the file vkey in its ledger.") from None
    cosigners = cosigners_of(witnesses)
    try:
        found = proven(Proof.parse(file.read_bytes()), log, cosigners=cosigners)
    except ValueError as error:
        raise HistoryDiffers(f"NOT proven: {error}", advice="Do not rely on it.") from None
    if missing := [one.name for one in cosigners if one.vkey not in found.witnesses]:
        raise HistoryDiffers(f"NOT proven: not cosigned by {', '.join(missing)}", advice="Do not rely on it.")
    entry = json.loads(found.entry)
    kind = entry["predicateType"].split("/")[-2]
    if as_json:
        dump({"ok": True, "index": found.index, "kind": kind, "entries": found.checkpoint.size,
              "root": found.checkpoint.root.hex(), "origin": found.checkpoint.origin,
              "witnesses": [one.name for one in cosigners], "entry": entry})  # fmt: skip
        return
    click.echo(f"proven: entry {found.index} ({kind}) of {found.checkpoint.origin} at {found.checkpoint.size} entries")
    for name in ("title", "objective", "version", "tree"):
        if name in entry["predicate"]:
            click.echo(f"  {name:<10} {_printable(str(entry['predicate'][name]))}")


@command.command(
    "key", epilog="\b\nExamples:\n  selfproof ledger key\n  selfproof ledger key --new\n  selfproof ledger key --end"
)
@click.option("--new", "turn", flag_value="new", help="Put a new key in force; the one before signs along.")
@click.option("--end", "turn", flag_value="end", help="The one before signs no longer; its file is deleted.")
@at_option
@json_option
def rotate(turn: str | None, folder: Path, as_json: bool) -> None:
    """The log's keys, and how to replace the one that signs. Not while a run is going on."""
    from selfproof.audit import keys

    told = keys.turned(folder, turn) if turn else keys.told(Paths(folder).ledger)
    if as_json:
        dump(told)
        return
    for vkey in told["keys"]:
        signs = "signs" if vkey in told["in_force"] else "signed once"
        click.echo(f"{signs:<12} {vkey}")
    if turn == "new":
        click.echo(
            "Both sign from now on. Give the new one to whoever checks this log; then: selfproof ledger key --end"
        )


@command.command(epilog="\b\nExample:\n  selfproof ledger redact 81.words --reason 'names a patient'")
@click.argument("place", metavar="ENTRY.FIELD")
@click.option("--reason", required=True, help="Why; it stays in the ledger.")
@click.option("--by", default=getpass.getuser, show_default="your account", help="Who does this.")
@at_option
@json_option
def redact(place: str, reason: str, by: str, folder: Path, as_json: bool) -> None:
    """Take a person's text out of the ledger for good; every proof stays valid, and an entry says that it is gone."""
    from selfproof import submitting

    told = submitting.redact(folder, place, reason, by)
    if as_json:
        dump(told)
    else:
        click.echo(f"{place} is gone, entry {told['entry']} says so. Copies that others have are theirs to delete.")


def cosigners_of(witnesses: Sequence[str]) -> list[Cosigner]:
    """Witnesses' keys, given themselves or as files.

    Raises:
        UsageError: one of them is none.
    """
    from selfproof.ledger.cosignature import Cosigner

    try:
        return [Cosigner.parse(text_of(one)) for one in witnesses]
    except ValueError as error:
        raise UsageError(f"that is no witness's key: {error}", advice="It is what its address shows.") from None


def text_of(given: str) -> str:
    """A key that is given itself, or a file that holds it."""
    path = Path(given)
    return path.read_text("utf-8").strip() if path.is_file() else given.strip()


def _printable(text: str) -> str:
    return "".join(ch if ch.isprintable() else " " for ch in text)[:200]
