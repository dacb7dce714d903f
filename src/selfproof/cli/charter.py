"""``selfproof charter``: check and explain."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from itertools import pairwise
from pathlib import Path

import click

from selfproof import charter as charters
from selfproof.cli.common import at_option, dump, json_option
from selfproof.places import Paths


@click.command(epilog="\b\nExamples:\n  selfproof charter\n  selfproof charter --explain")
@click.option("--explain", is_flag=True, help="Describe every field that a charter may have.")
@at_option
@json_option
def command(explain: bool, folder: Path, as_json: bool) -> None:
    """Check the charter of this program, or explain what a charter may say."""
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
    for name, kind in [*charters.TABLES.items(), *charters.LISTS.items()]:
        docs = docs_of(kind)
        for spec in dataclasses.fields(kind):
            default = "required"
            if spec.default is not dataclasses.MISSING:
                default = "none" if spec.default == () else repr(spec.default)
            place = f"[[{name}]] {spec.name}" if name in charters.LISTS else f"[{name}] {spec.name}"
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
