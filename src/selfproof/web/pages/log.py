"""Log: every change that was confirmed, certified or refused, newest first; searched by a box."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from selfproof.web import standing
from selfproof.web.page import Asked, Page
from selfproof.web.where import Where

SIZE = 50


def show(asked: Asked) -> Response:
    """The page, or its list alone where a script of ours asks for that."""
    text = asked.word("where")
    where = Where.parse(text)
    rows = [row for row in standing.changes(asked.reading) if where.holds(row)]
    begin = min(max(0, asked.whole("from")), max(0, len(rows) - 1))
    more: dict[str, Any] = {
        "rows": rows[begin : begin + SIZE], "begin": begin, "size": SIZE, "found": len(rows), "where": text,
        "problem": where.problem, "all": len(standing.changes(asked.reading)),
    }  # fmt: skip
    return asked.render("log_list.html" if asked.fragment else "log.html", **more)


PAGES = (Page("log", "log", "Log", show, order=30, key="l"),)
