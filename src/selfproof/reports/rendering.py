"""A card as a page, as Markdown, as JSON. What machines or strangers wrote is escaped, and marked as theirs.

The page is one file: no script, no network, styles inside. It can be printed, and follows a dark mode.
"""

from __future__ import annotations

import json
import re
from typing import Any

from selfproof.reports.card import Card
from selfproof.reports.form import Column, words
from selfproof.viewing.texts import visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!~&])")
FORMATS = ("html", "md", "json")


def rendered(card: Card, form: str) -> str:
    """The card in one of ``FORMATS``."""
    return {"html": html, "md": markdown, "json": as_json}[form](card)


def as_json(card: Card) -> str:
    """One JSON document, keys in order."""
    return json.dumps(card.plain, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"


def cell(row: dict[str, Any], column: Column) -> str:
    """A cell's words; nothing in them moves a cursor or turns the direction of writing."""
    return visible(words(row.get(column.key), column.kind)).replace("\t", " ")


def html(card: Card) -> str:
    """One page."""
    import jinja2

    space = jinja2.Environment(
        loader=jinja2.PackageLoader("selfproof.reports", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True,
    )  # fmt: skip
    space.globals["cell"] = cell
    return space.get_template("card.html.j2").render(card=card)


def markdown(card: Card) -> str:
    """Plain Markdown with anchors."""
    state = "verified" if card.verified else f"NOT VERIFIED: {_escaped(words(dict(card.first_bad or {})))}"
    lines = [
        f"# System card of program {_escaped(card.program)}", "",
        f"From the ledger `{card.origin}`: {card.entries} entries, root `{card.root}`, as of {card.as_of}. "
        f"This ledger is {state}.", "", f"Key: `{card.key}`", "", card.note, "",
        "Numbers in the last column are entries of the ledger; each is at the end of this page with its hash. "
        "`selfproof ledger proof NUMBER` writes a proof of one that needs nothing else.", "",
    ]  # fmt: skip
    lines += [f"- [{one.title}](#{one.id})" for one in card.sections]
    for section in card.sections:
        lines += ["", f'<a id="{section.id}"></a>', "", f"## {section.title}", ""]
        lines += [line for text in section.words for line in (_escaped(text), "")]
        if not section.rows:
            lines.append(section.empty)
            continue
        proven = any(row.get("entries") for row in section.rows)
        heads = [one.title for one in section.columns] + ["Proof"] * proven
        lines += [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        for row in section.rows:
            cells = [_escaped(cell(row, column)) for column in section.columns]
            if proven:
                cells.append(" ".join(f"[{number}](#entry-{number})" for number in row.get("entries", ())))
            lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "## Entries that are cited",
        "",
        "| Entry | Kind | Time | Leaf hash | Its proof |",
        "|---|---|---|---|---|",
    ]
    lines += [f'| <a id="entry-{one.index}"></a>{one.index} | {one.kind} | {one.time} | `{one.leaf_hash}` | '
              f"`selfproof ledger proof {one.index}` |" for one in card.cited]  # fmt: skip
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text.replace("\n", " "))
