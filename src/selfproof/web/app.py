"""The dashboard as an ASGI application: programs, pages, the door."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from selfproof import __version__, tokens
from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.nouns import SelfproofError, UsageError
from selfproof.places import Paths
from selfproof.web import live, security, standing, texts
from selfproof.web.api import CALLS
from selfproof.web.fleet import Fleet, as_json
from selfproof.web.guard import Guard, session_of
from selfproof.web.live import Hub
from selfproof.web.page import Asked, NotAllowed, NotHere, Page, Program
from selfproof.web.pages import all_pages
from selfproof.web.present import Present
from selfproof.web.reading import Reading
from selfproof.web.security import Door, Session
from selfproof.web.static_files import Static


class Dashboard:
    """What all requests share."""

    def __init__(
        self, folders: Sequence[Path], door: Door, names: frozenset[str], cookie: str, archives: Sequence[str] = ()
    ) -> None:  # fmt: skip
        """``names``: how this server may be called, HOST:PORT; ``cookie``: what its sessions' cookie is called;
        ``archives``: others than those that the programs' charters name."""
        self.programs = named(folders)
        self.fleet = Fleet(self.programs, archives)
        self.door, self.names, self.cookie = door, names, cookie
        for one in self.programs:
            with contextlib.suppress(SelfproofError):  # its page says what is wrong
                one.reading.refresh()  # so that the first page does not wait for a long ledger
        door.known = self._known
        self.hubs = {program.slug: Hub(program) for program in self.programs}
        self.static = Static()
        self.templates: Environment = texts.environment(self.static)
        self.pages = all_pages()
        self.navigation = tuple(page for page in self.pages if page.order)

    def _known(self, token: str) -> Session | None:
        """What a token of somebody else's is worth: here, for the program that it was made for."""
        now = rfc3339(utc_now())
        for one in self.programs:
            role = tokens.role_of(token, one.reading.paths.tokens, one.reading.state.overseen.tokens, now)
            if role is not None:
                return Session(role, tokens.SCOPES[role], only=one.slug)
        return None

    def app(self) -> ASGIApp:
        """The application."""
        routes = [
            Route("/", self._front),
            Route("/programs", self._all),
            Route("/fleet", self._fleet),
            Route("/api/v1/fleet", self._fleet),
            Route("/enter", self._enter, methods=["GET", "POST"]),
            Route("/static/{name}", self.static.serve),
            Route("/p/{program}/live", self._live),
            Route("/api/v1/programs", self._listed),
            Route("/api/v1/{program}/live", self._live),
            *[
                Route(
                    "/api/v1/{program}/" + call.path, self._endpoint(call), methods=list(call.methods), name=call.name
                )
                for call in CALLS
            ],
            *[
                Route("/p/{program}/" + page.path, self._endpoint(page), methods=list(page.methods), name=page.name)
                for page in self.pages
            ],
        ]
        inner = Starlette(
            routes=routes, middleware=[Middleware(GZipMiddleware, minimum_size=1000)],
            exception_handlers={404: self._missing, 405: self._missing, 500: self._broken},
        )  # fmt: skip
        return Guard(inner, self.door, self.names, self.cookie)  # around everything, what goes wrong in it too

    def program(self, slug: str, session: Session) -> Program:
        """The program that an address names, if this session may see it.

        Raises:
            NotHere: none is called so.
        """
        found = next((one for one in self.seen_by(session) if one.slug == slug), None)
        if found is None:
            raise NotHere(f"no program here is called {slug!r}", advice="The front page lists them.")
        return found

    def seen_by(self, session: Session | None) -> tuple[Program, ...]:
        """The programs that a session may see."""
        only = session.only if session is not None else ""
        return tuple(one for one in self.programs if only in {"", one.slug})

    def _endpoint(self, page: Page):  # type: ignore[no-untyped-def]
        async def endpoint(request: Request) -> Response:
            body = await request.body()
            return await run_in_threadpool(self._answer, page, request, body)

        return endpoint

    def _answer(self, page: Page, request: Request, body: bytes) -> Response:
        session = session_of(request.scope)
        assert session is not None  # the guard lets nobody else through
        try:
            program = self.program(request.path_params["program"], session)
            asked = Asked(request, body, session, page, program, self.seen_by(session), self.navigation, self.templates)
            if page.waits:
                return page.show(asked)
            with program.reading.turn() as reading:
                if not reading.born:
                    return asked.render("unborn.html", title=program.name)
                return page.show(asked)
        except NotHere as error:
            return self._wrong(request, error, 404)
        except NotAllowed as error:
            return self._wrong(request, error, 403)
        except UsageError as error:
            return self._wrong(request, error, 400)
        except SelfproofError as error:
            return self._wrong(request, error, 500)

    def _wrong(self, request: Request, error: Exception, status: int) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": str(error)}, status)
        advice = getattr(error, "advice", None)
        told = {"what": str(error), "advice": advice() if callable(advice) else "", "status": status}
        return HTMLResponse(self.templates.get_template("wrong.html").render(told), status)

    async def _live(self, request: Request) -> Response:
        session = session_of(request.scope)
        assert session is not None
        try:
            program = self.program(request.path_params["program"], session)
        except NotHere as error:
            return self._wrong(request, error, 404)
        return await live.answer(self.hubs[program.slug], request.scope["still"])

    async def _listed(self, request: Request) -> Response:
        found = self.seen_by(session_of(request.scope))
        return JSONResponse([{"name": one.name, "program": one.slug} for one in found])

    async def _missing(self, request: Request, error: Exception) -> Response:
        del error
        return self._wrong(request, NotHere(f"there is no page {request.url.path[:200]}"), 404)

    async def _broken(self, request: Request, error: Exception) -> Response:
        """A fault of ours: where, the terminal is told."""
        return self._wrong(request, SelfproofError(f"This page has a fault ({type(error).__name__})."), 500)

    async def _front(self, request: Request) -> Response:
        session = session_of(request.scope)
        programs = self.seen_by(session)
        if len(programs) == 1 and not self._sees_fleet(session):
            return RedirectResponse(f"/p/{programs[0].slug}/", status_code=303)
        return await self._all(request)

    async def _all(self, request: Request) -> Response:
        session = session_of(request.scope)
        fleet = self._sees_fleet(session)
        return HTMLResponse(await run_in_threadpool(self._overview, self.seen_by(session), fleet))

    def _sees_fleet(self, session: Session | None) -> bool:
        """Whether there is one to see: not for who may see one program alone."""
        return session is not None and not session.only and bool(self.fleet.archives())

    async def _fleet(self, request: Request) -> Response:
        """Everyone in the archives."""
        session = session_of(request.scope)
        if session is None or session.only:
            return self._wrong(request, NotAllowed("this token is for one program, and the fleet is not"), 403)
        told = await run_in_threadpool(self.fleet.told)
        if request.url.path.startswith("/api/"):
            return JSONResponse(as_json(told))
        return HTMLResponse(self.templates.get_template("fleet.html").render(told=told, product=__version__))

    def _overview(self, programs: Sequence[Program], fleet: bool) -> str:
        """Several programs on one page: what each is doing, and where it stands."""
        rows: list[dict[str, Any]] = []
        for one in programs:
            one.present.catch_up()
            with one.reading.turn() as reading:
                row: dict[str, Any] = {"name": one.name, "slug": one.slug, "born": reading.born, "fault": reading.fault}
                if reading.born:
                    improved = standing.improved(reading)
                    row |= {
                        "running": one.present.running, "stopped": standing.stopped(reading), "improved": len(improved),
                        "version": reading.state.current, "waiting": len(reading.state.waiting),
                        "newest": improved[0] if improved else None, "doing": one.present.now,
                    }  # fmt: skip
            rows.append(row)
        return self.templates.get_template("programs.html").render(rows=rows, fleet=fleet, product=__version__)

    async def _enter(self, request: Request) -> Response:
        """The door: a page that asks for the token, or the exchange of one for a cookie."""
        if request.method == "GET":
            asked = str(request.scope.get("asked", "/"))
            if asked.startswith("/api/"):
                return JSONResponse({"error": "a token is needed: Authorization: Bearer TOKEN"}, 401)
            text = self.templates.get_template("enter.html").render(back=asked, wrong=False)
            return HTMLResponse(text, 401)
        body = (await request.body()).decode("utf-8", "replace")
        token = re.search(r"(?:^|&)token=([A-Za-z0-9_.~-]{1,200})(?:&|$)", body)
        found = self.door.enter(token[1]) if token else None
        if found is None:
            return HTMLResponse(self.templates.get_template("enter.html").render(back="/", wrong=True), 401)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(
            self.cookie, found[0], max_age=int(security.SESSION_S), httponly=True, samesite="strict", path="/"
        )
        return answer


def named(folders: Sequence[Path]) -> tuple[Program, ...]:
    """Programs with names that an address may hold; a folder that is given twice is one program."""
    programs: dict[str, Program] = {}
    for folder in {path.resolve(): path for path in folders}.values():
        base = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "program"
        slug, number = base, 1
        while slug in programs:
            number += 1
            slug = f"{base}-{number}"
        programs[slug] = Program(slug, folder, Reading(folder), Present(Paths(folder)))
    return tuple(programs.values())


def create_app(
    folders: Sequence[Path], token: str, *, names: frozenset[str], cookie: str = "selfproof", read_only: bool = False,
    archives: Sequence[str] = (),
) -> ASGIApp:  # fmt: skip
    """The dashboard of these programs, for whoever has the token."""
    scopes = frozenset({security.READ}) if read_only else frozenset(security.SCOPES)
    return Dashboard(folders, Door(token, scopes), names, cookie, archives).app()
