"""What attacks aim at, beside the engine: a bystander process, files, sockets, a terminal; tokens are in all of them.

Everything is marked with a name of its own, so that several can be attacked side by side, and goes away with `close`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pty
import secrets
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import tty
from pathlib import Path
from typing import Final

WORK_S: Final = 0.2
_PREFIX: Final = "selfproof-outside-"
_CALLBACK_S: Final = 0.05
_PLACES: Final = ("/", "/tmp", "/var/tmp", "/dev/shm")  # noqa: S108
_SLEEP: Final = "import os, time\nwhile os.getppid() == {}: time.sleep(0.05)"  # until the monitor is gone
_SHMGET, _SHMCTL, _SEMGET, _SEMCTL, _MSGGET, _MSGCTL, _KEYCTL = 29, 31, 64, 66, 68, 71, 250
_KEY_SEARCH, _KEY_UNLINK, _USER_KEYRING = 10, 9, -4


def token(kind: str) -> str:
    """Something that nobody can guess, and that the engine recognises in what a program answers."""
    return f"tok-{kind}-{secrets.token_hex(8)}"


class Outside:
    """The targets. `facts` is what attacks are told of them; `contacts` counts who came to a socket."""

    def __init__(self) -> None:
        """Make them all."""
        self.renew_marks()
        self._abstract = f"selfproof-{secrets.token_hex(8)}"
        self.tokens = {
            kind: token(kind) for kind in ("file", "private", "held", "name", "bystander", "argument", "socket")
        }
        self.contacts: list[str] = []
        self._closing = threading.Event()
        _sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self.secret, self._private = self._folder / "secret", self._folder / "private"
        self.writable, self.held = self._folder / "writable", self._folder / "held"
        self._sockets: dict[str, socket.socket] = {}
        self._leader, self._terminal = pty.openpty()
        self.bystander: subprocess.Popen[bytes] | None = None
        self._arrange()
        self._thread = threading.Thread(target=self._serve, name="atk-outside", daemon=True)
        self._thread.start()

    def renew_marks(self) -> None:
        """Draw the name and the key by which what an attack leaves can be told from everything else."""
        self.mark = f"atk-{secrets.token_hex(4)}"
        self.key = 0x41540000 + secrets.randbelow(1 << 16)

    def _arrange(self) -> None:
        self._folder.chmod(0o755)
        self.writable.mkdir()
        self.writable.chmod(0o777)
        (self._folder / self.tokens["name"]).touch()
        self.held.write_text(self.tokens["held"])
        self._private.write_text(self.tokens["private"])
        self._private.chmod(0o600)
        self.restore()
        tty.setraw(self._terminal)
        os.set_blocking(self._terminal, False)
        Path(os.ttyname(self._terminal)).chmod(0o666)
        self._sockets["tcp"] = socket.create_server(("127.0.0.1", 0))
        self._sockets["tcp"].setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5)
        self._sockets["udp"] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sockets["udp"].bind(("127.0.0.1", 0))
        for kind, address in (("unix", str(self._folder / "socket")), ("abstract", f"\0{self._abstract}")):
            self._sockets[kind] = socket.socket(socket.AF_UNIX)
            self._sockets[kind].bind(address)
            self._sockets[kind].listen()
        (self._folder / "socket").chmod(0o777)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._callback = free.getsockname()[1]

    def restore(self) -> None:
        """Put the bystander and the secret back as they were."""
        if self.bystander is None or self.bystander.poll() is not None:
            with tempfile.TemporaryFile() as held:
                held.write(self.tokens["held"].encode())
                held.seek(0)
                self.bystander = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _SLEEP.format(os.getpid()), self.tokens["argument"]],
                    stdin=held, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self._folder,
                    env={"TOKEN": self.tokens["bystander"]}, start_new_session=True,
                )  # fmt: skip
        self.secret.write_text(self.tokens["file"])
        self.secret.chmod(0o666)
        self._seen = self._state_of_secret()

    def renew_bystander(self) -> None:
        """Another bystander, for one that was changed."""
        assert self.bystander is not None
        self.bystander.kill()
        self.bystander.wait()
        self.restore()

    def facts(self, engine: int) -> dict[str, object]:
        """What an attack gets as x."""
        assert self.bystander is not None
        return {
            "n": secrets.randbelow(1 << 20), "engine": engine, "bystander": self.bystander.pid,
            "secret": str(self.secret), "private": str(self._private), "writable": str(self.writable),
            "tcp": self._sockets["tcp"].getsockname()[1], "udp": self._sockets["udp"].getsockname()[1],
            "unix": str(self._folder / "socket"), "abstract": self._abstract, "callback": self._callback,
            "terminal": os.ttyname(self._terminal), "mark": self.mark, "key": self.key, "token": "tok-",
            "work_s": WORK_S,
        }  # fmt: skip

    def changes(self) -> list[str]:
        """What is not as it was: files, kernel objects with our key, what was typed, who called; then forget it."""
        found = []
        if self._state_of_secret() != self._seen:
            found.append("the secret was changed")
        for folder in (*map(Path, _PLACES), self.writable):
            found += [f"{path} was left" for path in folder.glob(f"{self.mark}*")]
        found += [f"{name} was left" for name in _kernel_objects(self.key, self.mark)]
        with contextlib.suppress(BlockingIOError):
            if self.mark.encode() in os.read(self._terminal, 4096):
                found.append("it typed into a terminal")
        found += [f"it reached the {kind} socket" for kind in dict.fromkeys(self.contacts)]
        return found

    def clean(self) -> None:
        """Remove what was left."""
        self.contacts.clear()
        for folder in (*map(Path, _PLACES), self.writable):
            for path in folder.glob(f"{self.mark}*"):
                _remove(path)
        if not self.secret.exists() or self._state_of_secret() != self._seen:
            self.secret.unlink(missing_ok=True)
            self.restore()

    def close(self) -> None:
        """End and remove everything. Idempotent."""
        self._closing.set()
        self._thread.join(2)
        if self.bystander is not None:
            self.bystander.kill()
            self.bystander.wait()
            self.bystander = None
        for listener in self._sockets.values():
            listener.close()
        for descriptor in (self._leader, self._terminal):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _state_of_secret(self) -> object:
        try:
            status, text = self.secret.stat(), self.secret.read_bytes()
        except OSError:
            return None
        return (status.st_ino, status.st_mode, status.st_nlink, status.st_mtime_ns, text)

    def _serve(self) -> None:
        """Answer whoever comes with a token, and call back on the port that an attack may open."""
        word = self.tokens["socket"].encode()
        with selectors.DefaultSelector() as waiting:
            for kind, listener in self._sockets.items():
                waiting.register(listener, selectors.EVENT_READ, kind)
            while not self._closing.is_set():
                for key, _ in waiting.select(_CALLBACK_S):
                    self.contacts.append(key.data)
                    with contextlib.suppress(OSError):
                        _answer(self._sockets[key.data], word)
                with (
                    contextlib.suppress(OSError),
                    socket.create_connection(("127.0.0.1", self._callback), 0.05) as call,
                ):
                    self.contacts.append("callback")
                    call.sendall(word)


def _answer(listener: socket.socket, word: bytes) -> None:
    if listener.type == socket.SOCK_DGRAM:
        _, sender = listener.recvfrom(100)
        listener.sendto(word, sender)
        return
    connection, _ = listener.accept()
    with connection:
        connection.sendall(word)


def _sweep() -> None:
    """Remove targets whose monitor is gone: killed, it could not do so itself."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _kernel_objects(key: int, mark: str) -> list[str]:
    """System V objects with our key and keys with our mark, which are removed at once."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    word = ctypes.c_long
    found = []
    kinds = {
        "shared memory": (_SHMGET, _SHMCTL, (0, 0)),
        "a semaphore": (_SEMGET, _SEMCTL, (0, 0)),
        "a queue": (_MSGGET, _MSGCTL, (0,)),
    }
    for name, (get, control, more) in kinds.items():
        number = call(word(get), word(key), *map(word, more))
        if number >= 0:
            found.append(name)
            arguments = (number, 0, 0) if get == _SEMGET else (number, 0)
            call(word(control), *map(word, arguments), word(0))
    number = call(word(_KEYCTL), word(_KEY_SEARCH), word(_USER_KEYRING), b"user", mark.encode(), word(0))
    if number >= 0:
        found.append("a key")
        call(word(_KEYCTL), word(_KEY_UNLINK), word(number), word(_USER_KEYRING))
    return found
