"""``selfproof witness``: cosign others' logs, nothing but extensions of what they showed; have one's own cosigned."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option
from selfproof.nouns import UsageError
from selfproof.places import Paths

EPILOG = """\b
Examples:
  selfproof witness serve --name witness.example/w1 --log vkey      for somebody else's log
  selfproof witness ask http://127.0.0.1:8643 --key w1.vkey         for one's own"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Witnesses: nobody can show two histories to those who ask for a witness's signature."""


@command.command(epilog="\b\nExample:\n  selfproof witness serve --name witness.example/w1 --log vkey")
@click.option("--name", required=True, metavar="NAME", help="What it is called, for instance witness.example/w1.")
@click.option("--log", "logs", multiple=True, metavar="FILE|VKEY", help="Key of a log to serve; the known ones stay.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default="witness", show_default=True,
              help="Where it remembers.")  # fmt: skip
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8643, show_default=True, help="Port to listen on; 0 takes any."
)
@json_option
def serve(name: str, logs: tuple[str, ...], folder: Path, host: str, port: int, as_json: bool) -> None:
    """Be a witness (C2SP tlog-witness): POST /add-checkpoint. Behind a web server for HTTPS."""
    from selfproof.cli.ledger import text_of
    from selfproof.ledger.witness import Witness
    from selfproof.ledger.witness_http import Server

    try:
        witness = Witness(folder, name)
        for log in logs:
            witness.trust(text_of(log))
    except ValueError as error:
        raise UsageError(str(error), advice="A log's key is the file vkey in its ledger.") from None
    try:
        server = Server((host, port), witness)
    except OSError as error:
        raise UsageError(f"{host}:{port} cannot be used: {error.strerror}", advice="Try --port 0.") from None
    url = f"http://{host}:{server.server_port}"
    if as_json:
        dump({"event": "serving", "vkey": witness.key.cosigner.vkey, "url": url})
    else:
        click.echo(f"{witness.key.cosigner.vkey}\n{url}   (Ctrl-C ends)")
    sys.stdout.flush()
    try:
        with server:
            server.serve_forever()
    finally:
        threading.Thread(target=server.shutdown, daemon=True).start()
        witness.close()


@command.command(epilog="\b\nExample:\n  selfproof witness ask https://witness.example --key w1.vkey")
@click.argument("url")
@click.option(
    "--key", required=True, metavar="FILE|VKEY", help="The witness's key, as you got it from whoever runs it."
)
@at_option
@json_option
def ask(url: str, key: str, folder: Path, as_json: bool) -> None:
    """Have the newest checkpoint cosigned by the witness at URL. Exit code 4 if it has seen another history."""
    from selfproof.audit.witnessing import ask as ask_one
    from selfproof.cli.ledger import cosigners_of, shared
    from selfproof.ledger.witness_http import Asked

    if not url.startswith(("http://", "https://")):
        raise UsageError(f"{url} is no address", advice="It begins with http:// or https://.")
    (cosigner,) = cosigners_of([key])
    asked = Asked(url, cosigner)
    found, place = shared(folder), Paths(folder).witnessed
    ask_one(found, place, asked)
    if as_json:
        dump({"witness": asked.cosigner.name, "entries": found.signed.size, "root": found.signed.root.hex()})
    else:
        click.echo(f"{asked.cosigner.name} cosigned {found.signed.size} entries; kept in {place}")
