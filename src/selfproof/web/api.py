"""The HTTP API, /api/v1/PROGRAM/...: what the commands say with --json, for scripts that hold a token.

Reading takes the scope `read`; `stop` takes `stop`; `pause`, `drain` and `go-on` take `operate`. What changes something
is a POST with `Authorization: Bearer TOKEN`, its body JSON or a form.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from selfproof.monitoring.metrics import CONTENT_TYPE, metrics
from selfproof.nouns import UsageError
from selfproof.oversight import control
from selfproof.oversight.stop import order
from selfproof.viewing.changes import change_of
from selfproof.viewing.rows import lineages_of, rows_of
from selfproof.viewing.status import status_of
from selfproof.web import security
from selfproof.web.page import Asked, NotHere, Page
from selfproof.web.pages.stop import by
from selfproof.web.where import Where

MOST = 1000


def status(asked: Asked) -> Response:
    """As `selfproof status --json`, with the ledger's root."""
    return JSONResponse({**status_of(asked.reading), "root": asked.reading.tree.root.hex()})


def log(asked: Asked) -> Response:
    """As `selfproof log --json`, searched (`where`), cut (`n`, at most MOST; `from`)."""
    where = Where.parse(asked.word("where"))
    if where.problem:
        raise UsageError(where.problem)
    rows = asked.reading.memo("log", lambda: rows_of(asked.reading.state, lineages_of(asked.reading)))
    found = [row for row in rows if where.holds(row)]
    begin = asked.whole("from")
    return JSONResponse(found[begin : begin + min(asked.whole("n", 100), MOST)])


def versions(asked: Asked) -> Response:
    """The certified line, oldest first."""
    state = asked.reading.state
    return JSONResponse([
        {"version": one.number, "tree": one.tree, "entry": one.leaf, "time": one.time, "objective": one.objective,
         "title": one.title, "effect": one.effect, "certified": one.certified, "rolled_back": one.rolled_back,
         "now": one.number == state.current}
        for one in state.versions
    ])  # fmt: skip


def change(asked: Asked) -> Response:
    """As `selfproof show --json`."""
    try:
        return JSONResponse(change_of(asked.reading, asked.request.path_params["change"]))
    except UsageError as error:
        raise NotHere(str(error)) from None


def measured(asked: Asked) -> Response:
    """Metrics for Prometheus."""
    return PlainTextResponse(metrics(asked.reading), media_type=CONTENT_TYPE)


def stop(asked: Asked) -> Response:
    """Stop, and stay stopped: the same order as `selfproof stop` leaves."""
    asked.needs(security.STOP)
    form = asked.form()
    order(asked.reading.paths, by(asked), form.get("reason", ""))
    return JSONResponse({"stopped": True, "running": control.engine(asked.reading.paths) is not None})


def held(asked: Asked) -> Response:
    """Pause, drain, or go on after one of them."""
    asked.needs(security.OPERATE)
    form, paths = asked.form(), asked.reading.paths
    what: dict[str, Any] = {"running": control.engine(paths) is not None}
    if asked.page.path == "pause":
        control.pause(paths, by(asked), form.get("reason", ""))
    elif asked.page.path == "drain":
        control.drain(paths, by(asked))
    else:
        what["held"] = control.go_on(paths)
    return JSONResponse(what)


CALLS = (
    Page("api-status", "status", "", status),
    Page("api-log", "log", "", log),
    Page("api-versions", "versions", "", versions),
    Page("api-change", "change/{change}", "", change),
    Page("api-metrics", "metrics", "", measured),
    Page("api-stop", "stop", "", stop, methods=("POST",), waits=True),
    *[
        Page(f"api-{name}", name, "", held, methods=("POST",), waits=True)
        for name in ("pause", "drain", "go-on")
    ],
)  # fmt: skip
