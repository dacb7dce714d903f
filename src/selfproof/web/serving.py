"""The dashboard's process: which programs, which address, which token; then serve until somebody ends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from selfproof.charter.archiving import url_fault
from selfproof.nouns import UsageError
from selfproof.places import Paths
from selfproof.web import security
from selfproof.web.app import create_app, named

MOST_CONNECTIONS = 300


@dataclass(frozen=True)
class Wanted:
    """What somebody asked for."""

    folders: Sequence[Path]
    host: str = "127.0.0.1"
    port: int = 0
    token_file: Path | None = None
    read_only: bool = False
    archives: Sequence[str] = ()


def programs_in(folders: Sequence[Path]) -> list[Path]:
    """The programs that these folders are, or hold.

    Raises:
        UsageError: one of them neither is a program nor holds any.
    """
    found: list[Path] = []
    for folder in folders:
        if Paths(folder).charter.is_file():
            found.append(folder)
            continue
        below = sorted(path.parent for path in folder.glob("*/charter.toml")) if folder.is_dir() else []
        if not below:
            raise UsageError(
                f"there is no program in {folder}", advice="Name one with --at, or make one: `selfproof init`."
            )
        found += below
    return found


def token_of(wanted: Wanted) -> str:
    """The token: of the file that was named, else a new one.

    Raises:
        UsageError: the file may be read by others, or holds too little; or the address needs one and none was named.
    """
    if wanted.token_file is None:
        if not security.is_loopback(wanted.host):
            raise UsageError(
                f"{wanted.host} can be reached from other machines, without encryption; that takes --token-file",
                advice="Better: leave it on this machine, and use `ssh -L` from the other one.",
            )
        return secrets.token_urlsafe(32)
    token = wanted.token_file.read_text("utf-8").strip()
    if stat.S_IMODE(wanted.token_file.stat().st_mode) & 0o077:
        raise UsageError(f"{wanted.token_file} can be read by others", advice=f"chmod 600 {wanted.token_file}")
    if len(token) < 32 or not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"{wanted.token_file} must hold 32 characters or more, letters and digits, in one line")
    return token


def listening(host: str, port: int) -> socket.socket:
    """A socket on this address.

    Raises:
        UsageError: it is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((host.strip("[]"), port))
    except OSError as error:
        opened.close()
        raise UsageError(f"{host}:{port}: {error.strerror}", advice="--port 0 takes any that is free.") from None
    opened.set_inheritable(False)
    return opened


def serve(wanted: Wanted, told: Callable[[str, str, list[str]], None]) -> None:
    """Serve until Ctrl-C or SIGTERM; ``told`` gets address, token and the programs' names once it can be reached."""
    token, folders = token_of(wanted), programs_in(wanted.folders)
    if wrong := next(filter(None, map(url_fault, wanted.archives)), None):
        raise UsageError(f"archive: {wrong}", advice="For instance postgresql://selfproof@db.example/selfproof")
    with contextlib.closing(listening(wanted.host, wanted.port)) as opened:
        port = opened.getsockname()[1]
        app = create_app(
            folders, token, names=security.names_of(wanted.host, port), cookie=f"selfproof-{port}",
            read_only=wanted.read_only, archives=wanted.archives,
        )  # fmt: skip
        settings = uvicorn.Config(
            app, log_level=logging.ERROR, access_log=False, server_header=False, date_header=False, lifespan="off",
            ws="none", limit_concurrency=MOST_CONNECTIONS, timeout_keep_alive=15, timeout_graceful_shutdown=2,
            h11_max_incomplete_event_size=1 << 15, proxy_headers=False,
        )  # fmt: skip
        server = _Server(settings)
        host = f"[{wanted.host}]" if ":" in wanted.host else wanted.host
        server.ready = lambda: told(f"http://{host}:{port}", token, [one.name for one in named(folders)])
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again when it has ended in good order
            asyncio.run(server.serve([opened]))


class _Server(uvicorn.Server):
    ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()
