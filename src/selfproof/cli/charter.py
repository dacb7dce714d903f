"""``selfproof charter``: check and explain."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
from itertools import pairwise
from pathlib import Path

import click

from selfproof import charter as charters
from selfproof.archive.state import fold
from selfproof.charter import sections
from selfproof.cli.common import at_option, dump, json_option
from selfproof.ledger import read
from selfproof.places import Paths

EPILOG = """\b
Examples:
  selfproof charter
  selfproof charter --explain
  selfproof charter --in-force > charter.toml     put back what a run goes by"""


@click.command(epilog=EPILOG)
@click.option("--explain", is_flag=True, help="Describe every field that a charter may have.")
@click.option("--in-force", is_flag=True, help="Print the charter that the ledger has, which a run goes by.")
@at_option
@json_option
def command(explain: bool, in_force: bool, folder: Path, as_json: bool) -> None:
    """Check the charter of this program, or explain what a charter may say."""
    if in_force:
        reader = read(Paths(folder).ledger)  # not the file: it may be what has to be mended
        text = reader.get_blob(fold(reader.leaves()).charter["charter"]).decode()
        click.echo(json.dumps({"charter": text}) if as_json else text, nl=as_json)
        return
    if explain:
        rows = fields()
        if as_json:
            dump([{"field": place, "default": default, "meaning": text} for place, default, text in rows])
            return
        for place, default, text in rows:
            click.echo(f"{click.style(place, bold=True)} ({default})\n    {text}")
        return
    charter = charters.load(Paths(folder).charter)
    if as_json:
        dump({"ok": True, "sha256": charter.digest, "objectives": [o.name for o in charter.objectives]})
    else:
        names = ", ".join(o.name for o in charter.objectives)
        click.echo(f"the charter is sound: {names}; sha256 {charter.digest[:16]}")


def fields() -> list[tuple[str, str, str]]:
    """Rows (place, default, meaning) for every field that a charter may have."""
    rows = []
    for name, kind in [*sections.TABLES.items(), *sections.LISTS.items()]:
        docs = docs_of(kind)
        for spec in dataclasses.fields(kind):
            default = "required"
            if spec.default is not dataclasses.MISSING:
                default = "none" if spec.default == () else repr(spec.default)
            place = f"[[{name}]] {spec.name}" if name in sections.LISTS else f"[{name}] {spec.name}"
            rows.append((place, default, docs[spec.name]))
    return rows


def docs_of(kind: type) -> dict[str, str]:
    """The sentence below each field of a section, by the field's name."""
    (section,) = ast.parse(inspect.getsource(kind)).body
    found = {}
    for target, text in pairwise(getattr(section, "body", ())):
        if isinstance(target, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(target.target)] = " ".join(str(text.value.value).split())
    return found
