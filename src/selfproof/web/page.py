"""What a page is, and what it is given: one module in `pages/` holds one or a few, named ``PAGES``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from selfproof import __version__
from selfproof.nouns import SelfproofError, UsageError
from selfproof.web import security
from selfproof.web.present import Present
from selfproof.web.reading import Reading
from selfproof.web.security import Session


class NotHere(SelfproofError):
    """There is no such thing to show."""


class NotAllowed(SelfproofError):
    """This session may not do that."""


@dataclass(frozen=True)
class Program:
    """One life on the dashboard; ``slug`` names it in addresses."""

    slug: str
    folder: Path
    reading: Reading
    present: Present

    @property
    def name(self) -> str:
        """What people call it: its folder's name."""
        return self.folder.resolve().name


@dataclass(frozen=True)
class Page:
    """One address of a program: ``/p/PROGRAM/path``.

    ``order`` is its place in the navigation, 0 for none; ``key`` the letter that goes there after ``g``. ``show`` runs
    in a thread, within a turn of the program's reading; one that ``waits``, for a process or for nobody (a stop never
    stands in a queue), takes its turn by itself. A page that takes POST asks what a change needs (``Asked.needs``,
    ``Asked.form``).
    """

    name: str
    path: str
    title: str
    show: Callable[[Asked], Response]
    order: int = 0
    key: str = ""
    methods: tuple[str, ...] = ("GET",)
    waits: bool = False


@dataclass(frozen=True)
class Asked:
    """One request for a page, and how to answer it."""

    request: Request
    body: bytes
    session: Session
    page: Page
    program: Program
    programs: tuple[Program, ...]
    navigation: tuple[Page, ...]
    templates: Environment
    read_only: bool = False

    @property
    def reading(self) -> Reading:
        """The program's life."""
        return self.program.reading

    def number(self, name: str) -> int:
        """A number of the address."""
        return int(self.request.path_params[name])

    def word(self, name: str, default: str = "", most: int = 500) -> str:
        """A word behind the question mark, cut to a length that can be meant."""
        return self.request.query_params.get(name, default)[:most]

    def whole(self, name: str, default: int = 0) -> int:
        """A number behind the question mark; the default for anything else."""
        text = self.word(name, most=12)
        return int(text) if text.isascii() and text.isdecimal() else default

    @property
    def fragment(self) -> bool:
        """Whether a part of the page is asked for, by a script of ours."""
        return self.request.headers.get("hx-request") == "true"

    def url(self, path: str = "") -> str:
        """An address of this program."""
        return f"/p/{self.program.slug}/{path}"

    def form(self) -> dict[str, str]:
        """What a form sent.

        Raises:
            NotAllowed: it does not carry its session's word.
        """
        text = self.body.decode("utf-8", "replace")
        try:
            if self.request.headers.get("content-type", "").startswith("application/json"):
                form = {str(key): str(value) for key, value in dict(json.loads(text)).items()}
            else:
                told = parse_qs(text, keep_blank_values=True, max_num_fields=50)
                form = {key: values[-1] for key, values in told.items()}
        except (ValueError, TypeError, RecursionError):
            raise UsageError("the body is neither a form nor a JSON object") from None
        if not self.session.bearer and not security.word_is(form.get("word", ""), self.session):
            raise NotAllowed("this form is not from this session", advice="Load the page again, and send it once more.")
        return form

    def needs(self, scope: str) -> None:
        """Go on only if the session may do this.

        Raises:
            NotAllowed: it may not.
        """
        if not self.session.may(scope):
            raise NotAllowed(
                f"this session may not {scope}",
                advice="The dashboard was started with --read-only, or your token is for reading only.",
            )

    def render(self, template: str, status: int = 200, **more: Any) -> Response:
        """A template as the answer, with what the frame around every page needs."""
        return HTMLResponse(self.text(template, **more), status)

    def text(self, template: str, **more: Any) -> str:
        """The same as text."""
        about: Mapping[str, Any] = {
            "asked": self, "page": self.page, "program": self.program, "programs": self.programs,
            "title": self.page.title,
            "navigation": self.navigation, "session": self.session, "url": self.url, "product": __version__,
            "reading": self.reading, "state": self.reading.state,
        }  # fmt: skip
        return self.templates.get_template(template).render({**about, **more})

    def part(self, template: str, **more: Any) -> Markup:
        """A template within a page: it has escaped what it was given."""
        return Markup(self.text(template, **more))  # noqa: S704  written by a template that escapes

    def go(self, path: str) -> Response:
        """Send the browser to another page of this program."""
        return RedirectResponse(self.url(path), status_code=303)
