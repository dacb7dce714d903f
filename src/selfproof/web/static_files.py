"""Styles and scripts: read once at the start, served from memory by name. No request opens a file."""

from __future__ import annotations

import gzip
import hashlib
from importlib import resources

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOREVER = {"cache-control": "private, max-age=31536000, immutable", "vary": "accept-encoding"}


class Static:
    """All of them, by name; an address holds the hash, so that a browser keeps one until it changes."""

    def __init__(self) -> None:
        """Read the package's own folder."""
        self._files: dict[str, tuple[bytes, bytes, str, str]] = {}
        for found in (resources.files("selfproof.web") / "static").iterdir():
            kind = TYPES.get("." + found.name.rpartition(".")[2])
            if kind is not None:
                data = found.read_bytes()
                mark = hashlib.sha256(data).hexdigest()[:16]
                self._files[found.name] = (data, gzip.compress(data, 9, mtime=0), kind, mark)

    def url(self, name: str) -> str:
        """Where a page finds one."""
        return f"/static/{name}?{self._files[name][3]}"

    def serve(self, request: Request) -> Response:
        """One of them; anything else is not there."""
        found = self._files.get(request.path_params["name"])
        if found is None:
            return PlainTextResponse("not here\n", 404)
        data, packed, kind, _ = found
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(packed, media_type=kind, headers={**FOREVER, "content-encoding": "gzip"})
        return Response(data, media_type=kind, headers=FOREVER)
