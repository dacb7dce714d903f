"""Somebody at the dashboard without a browser: the whole application, the door included, by ASGI."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from selfproof.web.app import create_app
from selfproof.web.security import names_of

PORT = 8000
HOME = f"http://127.0.0.1:{PORT}"
TOKEN = "t" * 43


def in_a_loop(what: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine comes to; in a thread of its own, since a browser of other tests keeps a loop in this one."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, what).result()


class Visitor:
    """A client with the owner's token as its bearer, unless it came in by the door (``enter``)."""

    def __init__(
        self, *folders: Path, token: str | None = TOKEN, read_only: bool = False, archives: Sequence[str] = ()
    ) -> None:
        names = names_of("127.0.0.1", PORT)
        app = create_app(folders, TOKEN, names=names, read_only=read_only, archives=archives)
        self.client = TestClient(app, base_url=HOME, follow_redirects=False)
        if token is not None:
            self.client.headers["authorization"] = f"Bearer {token}"

    def enter(self, token: str = TOKEN) -> int:
        """Come in as a browser does; afterwards the cookie is all there is."""
        del self.client.headers["authorization"]
        return self.client.post("/enter", data={"token": token}, headers={"origin": HOME}).status_code

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=headers)

    def post(self, path: str, data: Any = None, **headers: str) -> Any:
        return self.client.post(path, data=data or {}, headers={"origin": HOME, **headers})

    def word(self, path: str) -> str:
        """The word that a form of this page carries."""
        return re.search(r'name="word" value="([^"]*)"', self.get(path).text)[1]  # type: ignore[index]

    @property
    def pages(self) -> list[str]:
        """Every page of the navigation."""
        found = re.findall(r'<li><a href="(/p/[^"]*)"', self.get(self.front).text)
        assert len(found) > 8, found
        return found

    @property
    def front(self) -> str:
        return str(self.get("/").headers["location"])
