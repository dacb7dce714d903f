"""What a candidate may see of the file system: the same list for every tier, as a root to build and as rules.

Visible are system and Python libraries, three devices, what a person granted, and of this package only what
runs inside; everything else does not exist in the `jail` tier and cannot be opened in either. Nothing here
depends on the environment: a changed PATH or LD_PRELOAD must not weaken the jail.

Does not protect against:
- secrets that somebody has put among the installed libraries, or in a folder that a person granted.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from selfproof.grants import SCRATCH, Grants

_PACKAGE: Final = Path(os.path.realpath(__file__)).parents[1]
_NAMES: Final = """
__init__.py grants.py operators jail/__init__.py jail/answering.py jail/child.py jail/forkserver.py jail/frames.py
jail/harness.py jail/kernel.py jail/memory_import.py jail/seccomp.py jail/stacks.py jail/values.py
jail/values_reader.py
"""
_INSIDE: Final = tuple(_PACKAGE / name for name in _NAMES.split())
# The documentation is text that programs are asked to learn: a copy inside the jail would be an answer sheet.
_HIDDEN: Final = (_PACKAGE, Path(os.path.realpath(sysconfig.get_path("stdlib"))) / "pydoc_data")
_SYSTEM: Final = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/lib", "/lib32", "/lib64")
_TOOLS: Final = ("/usr/bin", "/bin")
_CACHE: Final = "/etc/ld.so.cache"
_SMALL: Final = ("/dev/zero", "/dev/urandom")
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


def fork_server() -> list[str]:
    """Return the command that starts a fork-server."""
    return python(_BOOT, *(str(path) for path in _site_packages()), str(_PACKAGE.parent))


def python(script: str, *arguments: str) -> list[str]:
    """Return the command that runs a script in a bare interpreter: nothing of the environment, no site."""
    return [_interpreter(), "-s", "-S", "-P", "-B", "-c", script, *arguments]


def package_path() -> str:
    """Where this package is imported from."""
    return str(_PACKAGE.parent)


def root(grants: Grants) -> list[tuple[str, ...]]:
    """Return the steps that build a minimal root, in order; a launcher carries them out.

    ("dir", path), ("bind", source, path) read-only, ("link", target, path), ("empty", path), ("device", source, path),
    ("scratch", path, bytes), ("seal", path): read-only from now on. All paths are absolute.
    """
    roots = _roots(grants)
    hidden = [path for path in _HIDDEN if path.is_dir() and _within(path, roots)]
    devices = [*map(Path, _SMALL), Path(os.devnull), *(_drivers() if grants.gpu else [])]
    devices = [path for path in devices if path.exists()]
    data = [Path(folder) for folder in grants.data]
    inside = [path for path in _INSIDE if path.exists()]
    steps = _folders([*roots, *devices, *data, Path(_interpreter()), Path(_CACHE)], bound=[], emptied=[])
    steps += [("bind", str(path), str(path)) for path in roots]
    steps += [("link", os.path.realpath(path), path) for path in (*_SYSTEM, *_TOOLS) if Path(path).is_symlink()]
    files = [path for path in (Path(_interpreter()), Path(_CACHE)) if path.exists()]
    steps += [("bind", os.path.realpath(path), str(path)) for path in (*files, *data)]
    steps += [("empty", str(path)) for path in hidden]
    steps += _folders(inside, bound=roots, emptied=hidden)
    steps += [("bind", str(path), str(path)) for path in inside]
    steps += [("device", str(path), str(path)) for path in devices]
    steps += [("scratch", SCRATCH, str(grants.scratch_mb << 20))] * bool(grants.scratch_mb)
    return [*steps, *(("seal", str(path)) for path in [*hidden, Path("/")])]


def rules(grants: Grants) -> list[tuple[str, str]]:
    """Return (path, access) for Landlock: `root` again, but where it is not built the whole system is there."""
    found = [(str(path), "read") for path in (*_INSIDE, Path(_CACHE), *map(Path, (*_SMALL, *grants.data)))]
    found += [(os.devnull, "device"), *((str(path), "driver") for path in _drivers() if grants.gpu)]
    for path in _roots(grants):
        for part, whole in _without_hidden(path):
            found.append((str(part), "list" if not whole else "run" if grants.subprocesses else "read"))
    found = [(path, access) for path, access in found if Path(path).exists()]
    if grants.subprocesses:
        found.append((_interpreter(), "run"))
    return found + [(SCRATCH, "write")] * bool(grants.scratch_mb)


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


def _drivers() -> list[Path]:
    found = [*Path("/dev").glob("nvidia[0-9]*"), Path("/dev/nvidiactl"), Path("/dev/nvidia-uvm")]
    return sorted(path for path in found if path.exists())


def _roots(grants: Grants) -> list[Path]:
    """Return the library folders, real paths, none inside another; with subprocesses those of programs too."""
    prefixes = {os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    names = [*_SYSTEM, *(f"{prefix}/{lib}" for prefix in prefixes for lib in ("lib", "lib64"))]
    names += _TOOLS if grants.subprocesses else ()
    paths = {Path(os.path.realpath(name)) for name in names if Path(name).is_dir()} | set(_site_packages())
    return sorted(path for path in paths if not any(parent in paths for parent in path.parents))


def _folders(paths: list[Path], *, bound: list[Path], emptied: list[Path]) -> list[tuple[str, ...]]:
    """Return the steps that make the folders above `paths`, unless a bind has them."""
    needed = sorted({parent for path in paths for parent in path.parents if parent.parent != parent})
    return [("dir", str(path)) for path in needed if not _within(path, bound) or _within(path, emptied)]


def _within(path: Path, folders: list[Path]) -> bool:
    return any(folder == path or folder in path.parents for folder in folders)
