"""``selfproof mcp``: serve coding agents."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import dump, json_option

EPILOG = """\b
Examples:
  claude mcp add selfproof -- selfproof mcp --root ~/work
  codex mcp add selfproof -- selfproof mcp
  selfproof mcp --json                 the tools, without serving"""


@click.command(epilog=EPILOG)
@click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path(),
    help="Only folders below this one can be named.", show_default="this folder",
)  # fmt: skip
@json_option
def command(root: Path, as_json: bool) -> None:
    """Serve the Model Context Protocol on standard input and output, for a coding agent that starts it."""
    from selfproof.mcp import server
    from selfproof.mcp.tools import Tools

    if as_json:
        told = {name: (getattr(Tools, name).__doc__ or "").strip().partition("\n")[0] for name in server.NAMES}
        dump({"root": str(root.resolve()), "tools": {f"selfproof_{name}": text for name, text in told.items()}})
        return
    server.serve(root)
