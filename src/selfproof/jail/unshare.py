"""Our own launcher, for machines without bubblewrap: namespaces, a minimal root, few capabilities, then exec.

It runs as a process of its own outside and stays as the parent, as bubblewrap does: it ends with the engine, and
the fork-server, PID 1 of its namespace, with it. Sources: unshare(2), pivot_root(2), mount_setattr(2),
user_namespaces(7), capabilities(7); numbers of x86_64. Whatever cannot be done ends it: nothing is left out.

Does not protect against:
- what it leaves to others: no Landlock, no filter, no limits; those are the fork-server's.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

from selfproof.jail import kernel

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_FLAGS: Final = {"mnt": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000,
                 "pid": 0x20000000, "net": 0x40000000}  # fmt: skip
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_READ_ONLY, _NO_SETUID, _NO_DEVICES, _NO_PROGRAMS = 1, 2, 4, 8  # MOUNT_ATTR_...
_PIVOT_ROOT, _MOUNT_SETATTR = 155, 442
_AT_FDCWD, _AT_RECURSIVE, _MNT_DETACH = -100, 0x8000, 2
_PR_CAPBSET_DROP: Final = 24
_CAPABILITIES, _KEPT = 64, (6, 7)  # CAP_SETGID, CAP_SETUID: until the fork-server has changed its uid
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_OLD: Final = "/.old"


def main(text: str) -> NoReturn:
    """Carry out a launch (JSON from `launch`) and wait for its end."""
    spec = json.loads(text)
    engine = os.getppid()
    kernel.die_with_parent()
    uid, gid = os.geteuid(), os.getegid()
    names = [*spec["namespaces"], *(["user"] if spec["nobody"] else [])]
    _check(_LIBC.unshare(ctypes.c_int(sum(_FLAGS[name] for name in names))), "unshare")
    if spec["nobody"]:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{spec['nobody']} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{spec['nobody']} {gid} 1")
    child = os.fork()
    if child == 0:
        try:
            _become(spec)
        except BaseException as error:  # noqa: BLE001  told, then ended: nothing of the caller's may run in here
            print(error, file=sys.stderr, flush=True)  # noqa: T201
        finally:
            os._exit(1)
    for standard in (0, 1, 2):  # the engine hears the end of the fork-server only if nobody else holds these
        os.dup2(os.open(os.devnull, os.O_RDWR), standard)
    if os.getppid() != engine:
        os.kill(child, signal.SIGKILL)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)


def _become(spec: dict[str, Any]) -> None:
    kernel.die_with_parent()
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    if "net" in spec["namespaces"]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    if spec["root"]:
        _build(spec["root"])
    os.chdir("/")
    for capability in range(_CAPABILITIES) if spec["drop"] else ():
        if spec["nobody"] or capability not in _KEPT:
            result = _LIBC.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
            if ctypes.get_errno() != errno.EINVAL:  # beyond the kernel's last one
                _check(result, "drop a capability")
    os.execv(spec["command"][0], spec["command"])  # noqa: S606  that is its purpose


def _build(steps: list[list[str]]) -> None:
    """Make a new root in memory, fill it from the old one, and let go of that."""
    os.umask(0o022)
    _mount("tmpfs", "/tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755")  # noqa: S108  covered, not used
    os.chdir("/tmp")  # noqa: S108
    Path("." + _OLD).mkdir()
    _check(_LIBC.syscall(ctypes.c_long(_PIVOT_ROOT), b".", _OLD[1:].encode()), "pivot_root")
    os.chdir("/")
    seals = []
    for kind, *rest in steps:
        match kind, rest:
            case "dir", [path]:
                Path(path).mkdir(exist_ok=True)
            case "bind", [source, path]:
                _bind(source, path, _READ_ONLY | _NO_SETUID | _NO_DEVICES)
            case "device", [source, path]:
                _bind(source, path, _NO_SETUID | _NO_PROGRAMS)
            case "link", [target, path]:
                Path(path).symlink_to(target)
            case "empty", [path]:
                _mount("tmpfs", path, "tmpfs", _MS_NOSUID | _MS_NODEV, "mode=0755")
            case "scratch", [path, size]:
                Path(path).mkdir()
                _mount("tmpfs", path, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, f"mode=0777,size={size}")
            case "seal", [path]:
                seals.append(path)
            case _:
                raise ValueError(f"no such step: {kind}")
    _check(_LIBC.umount2(_OLD.encode(), _MNT_DETACH), "umount")
    Path(_OLD).rmdir()
    for path in seals:
        _attributes(path, _READ_ONLY | _NO_SETUID | _NO_DEVICES, 0)


def _bind(source: str, path: str, attributes: int) -> None:
    old = Path(_OLD + source)
    if old.is_dir():
        Path(path).mkdir(exist_ok=True)
    elif not Path(path).exists():
        Path(path).touch()
    _mount(str(old), path, None, _MS_BIND | _MS_REC)
    _attributes(path, attributes, _AT_RECURSIVE)


def _attributes(path: str, wanted: int, flags: int) -> None:
    packed = struct.pack("<4Q", wanted, 0, 0, 0)
    arguments = (ctypes.c_int(_AT_FDCWD), path.encode(), ctypes.c_uint(flags), packed, ctypes.c_size_t(len(packed)))
    _check(_LIBC.syscall(ctypes.c_long(_MOUNT_SETATTR), *arguments), f"mount_setattr {path}")


def _mount(source: str | None, path: str, kind: str | None, flags: int, options: str | None = None) -> None:
    texts = [None if text is None else text.encode() for text in (source, path, kind, options)]
    _check(_LIBC.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]), f"mount {path}")


def _check(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
