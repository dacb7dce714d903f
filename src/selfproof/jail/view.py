"""What a candidate may see of the file system, and the command lines that start a fork-server which sees
that.

Visible are system and Python libraries, three devices, and of this package only what runs inside; everything
else does not exist in the `jail` tier and cannot be opened in either. Nothing here depends on the
environment: a changed PATH or LD_PRELOAD must not weaken the jail.

Does not protect against:
- secrets that somebody has put among the installed libraries.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(os.path.realpath(__file__)).parents[1]
_NAMES: Final = """
__init__.py operators jail/__init__.py jail/child.py jail/forkserver.py jail/frames.py jail/harness.py
jail/kernel.py jail/memory_import.py jail/values.py jail/values_reader.py
"""
_INSIDE: Final = tuple(_PACKAGE / name for name in _NAMES.split())
# The documentation is text that programs are asked to learn: a copy inside the jail would be an answer sheet.
_HIDDEN: Final = (_PACKAGE, Path(os.path.realpath(sysconfig.get_path("stdlib"))) / "pydoc_data")
_SYSTEM: Final = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/lib", "/lib32", "/lib64")
_SMALL: Final = ("/etc/ld.so.cache", "/dev/zero", "/dev/urandom")
_BUBBLEWRAP: Final = (
    "/usr/bin/bwrap",
    "/bin/bwrap",
    "/usr/local/bin/bwrap",
    "/run/current-system/sw/bin/bwrap",
)
_ANYONE: Final = "65534"
# The arguments can be read inside: library folders, no secrets; all else goes over the control socket.
_BOOT: Final = "import sys; sys.path.extend(sys.argv[1:]); from selfproof.jail.forkserver import main; main()"
_ONE_THREAD: Final = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "BLIS", "VECLIB")

ENVIRONMENT: Final = {
    "PATH": "/usr/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/",
    "MALLOC_ARENA_MAX": "2",  # each further one would reserve 64 MiB of the address space that is limited
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),  # reuse freed arrays: fresh pages are what costs time in a fork
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
} | {f"{library}_NUM_THREADS": "1" for library in _ONE_THREAD}


def bubblewrap() -> str | None:
    """Find bubblewrap in the places where systems install it, not through PATH."""
    return next((path for path in _BUBBLEWRAP if os.access(path, os.X_OK)), None)


def python_command() -> list[str]:
    """Return the command that starts a fork-server without namespaces."""
    paths = [str(path) for path in _site_packages()] + [str(_PACKAGE.parent)]
    return [_interpreter(), "-s", "-S", "-P", "-B", "-c", _BOOT, *paths]


def jailed_command(program: str, uid: int | None) -> list[str]:
    """Return the command that starts a fork-server as PID 1 of new namespaces with a minimal read-only root.

    With a `uid` (the engine is root) the fork-server keeps two capabilities until it has changed to that uid;
    without, it is nobody in a user namespace, because under one that root made RLIMIT_NPROC would not hold.
    """
    command = [program, "--as-pid-1", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    command += [f"--unshare-{name}" for name in ("pid", "net", "ipc", "uts", "cgroup-try")]
    if uid is None:
        command += ["--unshare-user", "--uid", _ANYONE, "--gid", _ANYONE]
    else:
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    roots = _roots()
    hidden = [path for path in _HIDDEN if path.is_dir() and _within(path, roots)]
    small = [Path(path) for path in _SMALL if Path(path).exists()]
    inside = [path for path in _INSIDE if path.exists()]
    command += _folders([*roots, *small, Path(_interpreter())], bound=[], emptied=[])
    command += [part for root in roots for part in ("--ro-bind", str(root), str(root))]
    command += _library_links()
    command += ["--ro-bind", _interpreter(), _interpreter()]
    command += [part for path in hidden for part in ("--tmpfs", str(path))]
    command += _folders(inside, bound=roots, emptied=hidden)
    command += [part for path in inside for part in ("--ro-bind", str(path), str(path))]
    command += [part for path in small for part in ("--dev-bind", str(path), str(path))]
    command += ["--dev-bind", os.devnull, os.devnull]
    command += [part for path in hidden for part in ("--remount-ro", str(path))]
    return [*command, "--remount-ro", "/", "--chdir", "/", "--", *python_command()]


def visible() -> tuple[list[str], list[str]]:
    """Return what a candidate may read, and the folders it may list: the roots without what is hidden."""
    readable: list[Path] = [*_INSIDE, *map(Path, _SMALL)]
    listable: list[Path] = []
    for root in _roots():
        for path, whole in _without_hidden(root):
            (readable if whole else listable).append(path)
    return [str(path) for path in readable if path.exists()], [str(path) for path in listable]


def _without_hidden(path: Path) -> Iterator[tuple[Path, bool]]:
    if path in _HIDDEN or path.is_symlink():  # a link may lead out; where it leads inside, that is covered
        return
    if not any(path in hidden.parents for hidden in _HIDDEN):
        yield path, True
        return
    yield path, False
    for child in sorted(path.iterdir()):
        yield from _without_hidden(child)


def _interpreter() -> str:
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _site_packages() -> list[Path]:
    found = (Path(os.path.realpath(entry)) for entry in sys.path if entry)
    return [path for path in found if path.name in ("site-packages", "dist-packages") and path.is_dir()]


def _roots() -> list[Path]:
    """Return the library folders, real paths, none inside another."""
    prefixes = {os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    names = [*_SYSTEM, *(f"{prefix}/{lib}" for prefix in prefixes for lib in ("lib", "lib64"))]
    paths = {Path(os.path.realpath(name)) for name in names if Path(name).is_dir()} | set(_site_packages())
    return sorted(path for path in paths if not any(parent in paths for parent in path.parents))


def _library_links() -> list[str]:
    """Return arguments for /lib and its like where they are links, as programs name their loader by them."""
    links = [path for path in map(Path, _SYSTEM) if path.is_symlink()]
    return [part for path in links for part in ("--symlink", os.path.realpath(path), str(path))]


def _folders(paths: list[Path], *, bound: list[Path], emptied: list[Path]) -> list[str]:
    """Return arguments that make the folders above `paths`, open to any uid, unless a bind has them."""
    needed = sorted({parent for path in paths for parent in path.parents if parent.parent != parent})
    needed = [path for path in needed if not _within(path, bound) or _within(path, emptied)]
    return [part for path in needed for part in ("--perms", "0755", "--dir", str(path))]


def _within(path: Path, folders: list[Path]) -> bool:
    return any(folder == path or folder in path.parents for folder in folders)
