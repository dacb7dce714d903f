"""``selfproof web``: the dashboard."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import home, json_option

EPILOG = """\b
Examples:
  selfproof web
  selfproof web --at my-program --at another --port 8123
  selfproof web --read-only
  selfproof web --at experiments      every program in that folder"""


@click.command(epilog=EPILOG)
@click.option("--at", "folders", type=click.Path(path_type=Path, file_okay=False), multiple=True,
              help="A program's folder, or one that holds several; may be repeated.",
              show_default="this folder, or ./living")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0: any that is free.")
@click.option("--open", "browse", is_flag=True, help="Open it in the browser.")
@click.option("--archive", "archives", metavar="URL", multiple=True, help="Show everyone in this archive too; those "
              "that charters name are shown anyway (docs/archive.md).")  # fmt: skip
@click.option("--read-only", is_flag=True, help="Nothing can be changed from it, not even stopped.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Another address than this machine's own needs "
              "--token-file: whoever reaches it and has the token may read, stop and leave signatures.")  # fmt: skip
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="A file of yours (mode 0600) that holds the token, 32 characters or more.")  # fmt: skip
@json_option
def command(
    folders: tuple[Path, ...], port: int, browse: bool, read_only: bool, host: str, token_file: Path | None,
    archives: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Serve the dashboard to this machine, until Ctrl-C. The address that it prints holds a token: keep it secret."""
    from selfproof.web.serving import Wanted, serve

    serve(Wanted(folders or (home(None),), host, port, token_file, read_only, archives), _told(browse, as_json))


def _told(browse: bool, as_json: bool):  # type: ignore[no-untyped-def]
    from selfproof.cli.common import dump

    def told(address: str, token: str, programs: list[str]) -> None:
        url = f"{address}/#token={token}"
        if as_json:
            dump({"event": "ready", "url": url, "address": address, "token": token, "programs": programs})
        else:
            click.echo(f"dashboard of {', '.join(programs)}:\n\n  {url}\n\nIt is for this machine; Ctrl-C ends it.")
        if browse:
            click.launch(url)

    return told
