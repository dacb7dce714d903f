"""Stop: anybody who may read may stop. It asks first, and works without a script."""

from __future__ import annotations

from starlette.responses import Response

from selfproof.oversight import control
from selfproof.oversight.stop import order
from selfproof.web import security, standing
from selfproof.web.page import Asked, Page


def show(asked: Asked) -> Response:
    """The question, or the order."""
    asked.needs(security.STOP)
    paths = asked.reading.paths
    if asked.request.method == "POST":
        form = asked.form()
        order(paths, by(asked), form.get("reason", ""))
        return asked.go("stop")
    with asked.reading.turn() as reading:
        return asked.render("stop.html", stopped=standing.stopped(reading), engine=control.engine(paths))


def by(asked: Asked) -> str:
    """Whom the ledger names."""
    return f"dashboard ({asked.session.who})"


PAGES = (Page("stop", "stop", "Stop", show, methods=("GET", "POST"), waits=True),)
