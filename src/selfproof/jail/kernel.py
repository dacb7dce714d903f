"""What the Linux kernel offers a process to lock itself in: prctl, Landlock and seccomp, through ctypes.

Sources: landlock(7), seccomp(2), prctl(2); numbers from the x86_64 ABI, which `supported` asserts. Once set,
none of these can be undone by the process or its children.

Does not protect against:
- bugs in the kernel itself, and side channels of the processor: for hostile people use a virtual machine.
- names: Landlock denies opening files, not asking whether a path exists (the `jail` tier has no such paths).
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import platform
import signal
import stat
import struct
import sys
from collections.abc import Iterable
from typing import Final

from selfproof.grants import Grants
from selfproof.jail import seccomp

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_GET_DUMPABLE, _PR_SET_DUMPABLE, _PR_GET_SECCOMP, _PR_SET_SECCOMP = 1, 3, 4, 21, 22
_PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS = 38, 39
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446

# Landlock access rights. All that a kernel knows are handled, so that all but the granted are denied.
_READ_DIR = 1 << 3
_RIGHTS: Final = {
    "list": _READ_DIR,
    "read": 1 << 2 | _READ_DIR,
    "run": 1 | 1 << 2 | _READ_DIR,
    "device": 1 << 1 | 1 << 2,
    "driver": 1 << 1 | 1 << 2 | 1 << 15,
    "write": 0b111_0001_1011_1110,  # no device, socket or pipe files, and not to be started
}
_ON_FILES: Final = 0b1100_0000_0000_0111
_FS_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # ABI version -> number of rights it handles
_BENEATH, _NET_PORT, _CONNECT_TCP = 1, 2, 1 << 1
_NET_RIGHTS, _SCOPES = 0b11, 0b11  # bind and connect TCP; abstract sockets and signals


def supported() -> bool:
    """Tell whether this is a system whose numbers are known here."""
    return sys.platform == "linux" and platform.machine() == "x86_64" and sys.maxsize > 1 << 32


def landlock_abi() -> int:
    """Return the version of Landlock that the kernel offers, 0 for none."""
    return max(0, int(_LIBC.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))))


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends; a change of uid clears this."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def not_dumpable() -> None:
    """Close /proc/self and ptrace to others of the same uid."""
    _prctl(_PR_SET_DUMPABLE, 0)


def no_new_privileges() -> None:
    """Make set-uid programs useless to this process; Landlock and seccomp require it."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def lock_state() -> tuple[bool, bool, bool]:
    """Return whether no_new_privs is set, a seccomp filter in force and the process not dumpable."""
    return _prctl(_PR_GET_NO_NEW_PRIVS) == 1, _prctl(_PR_GET_SECCOMP) == 2, _prctl(_PR_GET_DUMPABLE) == 0


def landlock_rules(rules: Iterable[tuple[str, str]], port: int | None = None) -> tuple[int, int]:
    """Build a ruleset from (path, "list" | "read" | "run" | "device" | "driver" | "write"); nothing else is open.

    With a `port`, TCP may connect to it. Returns (descriptor, ABI version). Opens the paths, so call it before the
    uid is dropped. Raises OSError.
    """
    abi = landlock_abi()
    if abi < 1:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    handled = (1 << _FS_RIGHTS[min(abi, 5)]) - 1
    attributes = [handled]
    if abi >= 4:
        attributes.append(_NET_RIGHTS)
    if abi >= 6:
        attributes.append(_SCOPES)
    packed = struct.pack(f"<{len(attributes)}Q", *attributes)
    ruleset = _syscall(_LANDLOCK_CREATE, packed, ctypes.c_size_t(len(packed)), ctypes.c_uint32(0))
    for path, access in rules:
        _allow(ruleset, path, _RIGHTS[access] & handled)
    if port is not None and abi >= 4:
        _add(ruleset, _NET_PORT, struct.pack("<QQ", _CONNECT_TCP, port))
    return ruleset, abi


def landlock_restrict(ruleset: int) -> None:
    """Put a ruleset in force for this process and all it will ever start. Raises OSError."""
    _syscall(_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)


@functools.cache
def seccomp_program(grants: Grants) -> tuple[bytes, object]:
    """Return struct sock_fprog for the allow-list, and what it points to, which must be kept alive with it."""
    lines = seccomp.compiled(grants)
    buffer = ctypes.create_string_buffer(lines, len(lines))
    return struct.pack("<HxxxxxxQ", len(lines) // 8, ctypes.addressof(buffer)), buffer


def seccomp_restrict(grants: Grants) -> None:
    """Put the allow-list in force for this process. Raises OSError."""
    _prctl(_PR_SET_SECCOMP, 2, ctypes.c_char_p(seccomp_program(grants)[0]))


def _allow(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _ON_FILES
        _add(ruleset, _BENEATH, struct.pack("<Qi", rights, descriptor))
    finally:
        os.close(descriptor)


def _add(ruleset: int, kind: int, rule: bytes) -> None:
    _syscall(_LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(kind), rule, ctypes.c_uint32(0))


def _prctl(option: int, argument: object = 0, pointer: object = None) -> int:
    value = ctypes.c_ulong(argument) if isinstance(argument, int) else argument
    zero = ctypes.c_ulong(0)
    return _checked(_LIBC.prctl(ctypes.c_int(option), value, pointer or zero, zero, zero))


def _syscall(number: int, *arguments: object) -> int:
    return _checked(_LIBC.syscall(ctypes.c_long(number), *arguments))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
