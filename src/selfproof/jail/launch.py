"""The command line that starts a fork-server behind namespaces: bubblewrap's, or our own `unshare`.

Both build the same root (`view.root`) and leave the same account behind: root keeps two capabilities until the
fork-server has changed to a uid of its own; who cannot change (no root, or root of a namespace with no other uid) is
nobody in a user namespace. Where root can change it has none, because under one RLIMIT_NPROC would not hold.

Does not protect against:
- a bubblewrap that somebody with write access to the system's folders has replaced.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Final

from selfproof.grants import Grants
from selfproof.jail import view

_BUBBLEWRAP: Final = ("/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap", "/run/current-system/sw/bin/bwrap")
NOBODY: Final = 65534
_NAMESPACES: Final = {"pidns": "pid", "netns": "net", "ipcns": "ipc"}
_AS_BUBBLEWRAP: Final = {
    "dir": ("--perms", "0755", "--dir"), "bind": ("--ro-bind",), "link": ("--symlink",), "empty": ("--tmpfs",),
    "device": ("--dev-bind",), "seal": ("--remount-ro",),
}  # fmt: skip
_OWN: Final = "import sys; sys.path.append(sys.argv[1]); from selfproof.jail.unshare import main; main(sys.argv[2])"
LAUNCHERS: Final = ("bubblewrap", "unshare")


class LauncherMissing(Exception):
    """The launcher is not on this machine."""


def command(launcher: str, without: frozenset[str], grants: Grants, *, nobody: bool) -> list[str]:
    """Return the command for one of LAUNCHERS, or the bare fork-server's for "". Raises LauncherMissing.

    `nobody`: in a user namespace of its own, as nobody; otherwise the engine is root and the uid changes later.
    """
    if not launcher:
        return view.fork_server()
    steps = [] if "mntns" in without else view.root(grants)
    if launcher == "unshare":
        return _unshare(without, steps, nobody)
    program = bubblewrap()
    if program is None:
        raise LauncherMissing("bubblewrap is not installed")
    return [program, *_bubblewrap(without, steps, nobody)]


def bubblewrap() -> str | None:
    """Find bubblewrap in the places where systems install it, not through PATH."""
    return next((path for path in _BUBBLEWRAP if os.access(path, os.X_OK)), None)


def _bubblewrap(without: frozenset[str], steps: list[tuple[str, ...]], nobody: bool) -> Iterator[str]:
    yield from ("--die-with-parent", "--new-session", "--unshare-uts", "--unshare-cgroup-try")
    yield from (f"--unshare-{name}" for layer, name in _NAMESPACES.items() if layer not in without)
    if "pidns" not in without:
        yield "--as-pid-1"
    if nobody:
        yield from ("--cap-drop", "ALL", "--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY))
    elif "uid" in without:
        yield from ("--cap-add", "ALL")
    else:
        yield from ("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
    for kind, *rest in steps:
        if kind == "scratch":
            yield from ("--perms", "0777", "--size", rest[1], "--tmpfs", rest[0])
        else:
            yield from (*_AS_BUBBLEWRAP[kind], *rest)
    if not steps:
        yield from ("--dev-bind", "/", "/")
    yield from ("--chdir", "/", "--", *view.fork_server())


def _unshare(without: frozenset[str], steps: list[tuple[str, ...]], nobody: bool) -> list[str]:
    spec = {
        "namespaces": ["mnt", "uts", "cgroup", *(name for layer, name in _NAMESPACES.items() if layer not in without)],
        "nobody": NOBODY if nobody else None, "drop": "uid" not in without, "root": steps,
        "command": view.fork_server(),
    }  # fmt: skip
    return view.python(_OWN, view.package_path(), json.dumps(spec))
