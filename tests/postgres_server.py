"""A PostgreSQL server of the tests' own: in a temporary folder, on a socket there and on a port of this machine's."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "selfproof"
WAIT_S = 120


def programs() -> Path | None:
    """Where initdb and postgres are: Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).parent if there else None


def _account() -> list[str]:
    """What a command is run under: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return []
    for name in ("postgres", "nobody"):
        try:
            told = pwd.getpwnam(name)
        except KeyError:
            continue
        return ["setpriv", f"--reuid={told.pw_uid}", f"--regid={told.pw_gid}", "--clear-groups"]
    raise RuntimeError("no account to run PostgreSQL as")


def _dying_with_us() -> list[str]:
    """The same, and its end with ours: nobody else would stop a server whose tests were killed."""
    return [*(_account() or ["setpriv"]), "--pdeathsig=QUIT"] if shutil.which("setpriv") else _account()


class Server:
    """One server; ``url`` reaches it. It may be killed and started again."""

    def __init__(self, folder: Path, sync: bool = False) -> None:
        self._sync = "on" if sync else "off"
        self.folder, self._data = folder, folder / "data"
        bin_ = programs()
        assert bin_ is not None
        self._bin = bin_
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", self._data, "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.start()

    def _run(self, name: str, *arguments: object) -> None:
        done = subprocess.run(
            [*_account(), str(self._bin / name), *map(str, arguments)], capture_output=True, text=True, check=False,
            cwd=self.folder, env={**os.environ, "LC_ALL": "C", "HOME": str(self.folder)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    @property
    def socket_url(self) -> str:
        return f"postgresql://{USER}@/postgres?host={self.folder}&port={self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        import psycopg

        words = ["-D", self._data, "-k", self.folder, "-p", self.port, "-h", "127.0.0.1", "-c", f"fsync={self._sync}",
                 "-c", "max_connections=40", "-c", "shared_buffers=32MB", "-c", "log_min_messages=fatal"]  # fmt: skip
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_dying_with_us(), str(self._bin / "postgres"), *map(str, words)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                told = (self.folder / "server.log").read_text(errors="replace")
                assert self._process.poll() is None, told
                assert time.monotonic() < deadline, told
                time.sleep(0.05)

    def kill(self) -> None:
        """As a machine that loses its power: no connection is closed in order."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of a query."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as link:
            cursor = link.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []


@contextmanager
def server(sync: bool = False) -> Iterator[Server]:
    """A server, and its end; with ``sync`` what is committed is on disk.

    Its folder's name is short: a socket's may have 107 bytes.
    """
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if account := _account():
            uid, gid = (int(word.partition("=")[2]) for word in account[1:3])
            os.chown(folder, uid, gid)
        made = Server(folder, sync)
        try:
            yield made
        finally:
            made.close()
