"""What the Linux kernel offers a process to lock itself in: prctl, Landlock and seccomp, through ctypes.

Sources: landlock(7), seccomp(2), prctl(2); numbers from the x86_64 ABI, which `supported` asserts. Once set,
none of these can be undone by the process or its children. The seccomp filter is an allow-list: everything
not named is EPERM, and calls that could reach beyond the process are allowed only with harmless arguments.

Does not protect against:
- bugs in the kernel itself, and side channels of the processor: for hostile people use a virtual machine.
- names: Landlock denies opening files, not asking whether a path exists (the `jail` tier has no such paths).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import stat
import struct
import sys
from collections.abc import Iterable
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_GET_SECCOMP, _PR_SET_SECCOMP = 1, 4, 21, 22
_PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS = 38, 39
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446

# Landlock access rights. All that a kernel knows are handled, so that all but the granted are denied.
_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_FS_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # ABI version -> number of rights it handles
_NET_RIGHTS, _SCOPES = 0b11, 0b11  # bind and connect TCP; abstract sockets and signals

_AUDIT_ARCH_X86_64, _X32_BIT = 0xC000003E, 0x40000000
_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _AND, _RETURN = (
    0x20,
    0x15,
    0x35,
    0x54,
    0x06,
)  # BPF opcodes on 32-bit words
_NR, _ARCH = 0, 4  # offsets in struct seccomp_data; argument n is at 16 + 8n, low word first

_TABLE: Final = """
read=0 write=1 open=2 close=3 stat=4 fstat=5 lstat=6 poll=7 lseek=8 mmap=9 mprotect=10 munmap=11 brk=12
rt_sigaction=13 rt_sigprocmask=14 rt_sigreturn=15 pread64=17 readv=19 writev=20 access=21 pipe=22 select=23
sched_yield=24 mremap=25 madvise=28 dup=32 dup2=33 nanosleep=35 getitimer=36 alarm=37 setitimer=38 getpid=39
recvfrom=45 exit=60 uname=63 getcwd=79 readlink=89 gettimeofday=96 getrlimit=97 getrusage=98 sysinfo=99
times=100 getuid=102 getgid=104 geteuid=107 getegid=108 getppid=110 sigaltstack=131 arch_prctl=158
gettid=186 time=201 futex=202 sched_getaffinity=204 epoll_create=213 getdents64=217 set_tid_address=218
restart_syscall=219 clock_gettime=228 clock_getres=229 clock_nanosleep=230 exit_group=231 epoll_wait=232
epoll_ctl=233 openat=257 newfstatat=262 readlinkat=267 faccessat=269 pselect6=270 ppoll=271
set_robust_list=273 epoll_pwait=281 eventfd2=290 epoll_create1=291 dup3=292 pipe2=293 getrandom=318
membarrier=324 statx=332 rseq=334 faccessat2=439
"""
_ALLOWED: Final = sorted(int(pair.partition("=")[2]) for pair in _TABLE.split())

# syscall -> (argument, or with .5 its high word; bits looked at; values allowed)
_ALL_BITS: Final = 0xFFFFFFFF
_NEW_NAMESPACES, _CLONE_THREAD = 0x7E020000, 0x00010000
_CHECKED: Final[dict[int, tuple[tuple[float, int, tuple[int, ...]], ...]]] = {
    16: ((1, _ALL_BITS, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),),  # ioctl: isatty, size, FIONREAD, FIONBIO
    44: ((4, _ALL_BITS, (0,)), (5, _ALL_BITS, (0,))),  # sendto: only where already connected
    53: (
        (0, _ALL_BITS, (1,)),
        (1, 0xF, (1,)),
    ),  # socketpair: AF_UNIX, SOCK_STREAM (asyncio wakes itself with one)
    56: ((0, _NEW_NAMESPACES | _CLONE_THREAD, (_CLONE_THREAD,)),),  # clone: threads only
    72: ((1, _ALL_BITS, (0, 1, 2, 3, 4, 1030)),),  # fcntl: dup, flags; no owner, signal, lock or pipe size
    157: ((0, _ALL_BITS, (3, 15, 16, 21, 39)),),  # prctl: thread name and reading one's own state
    # prlimit64: oneself, and only to read: under a lower limit of its own making it would seem killed from outside
    302: ((0, _ALL_BITS, (0,)), (2, _ALL_BITS, (0,)), (2.5, _ALL_BITS, (0,))),
}
_CLONE3: Final = 435  # its arguments cannot be checked; ENOSYS makes the C library fall back to clone


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


def lock_state() -> tuple[bool, bool]:
    """Return whether no_new_privs is set, and whether a seccomp filter is in force, as the kernel sees it."""
    return _prctl(_PR_GET_NO_NEW_PRIVS) == 1, _prctl(_PR_GET_SECCOMP) == 2


def landlock_rules(readable: Iterable[str], listable: Iterable[str], devices: Iterable[str]) -> tuple[int, int]:
    """Build a ruleset: `readable` paths can be read, `listable` folders listed, `devices` read and written,
    no more.

    Returns (descriptor, ABI version). Opens the paths, so call it before the uid is dropped. Raises OSError.
    """
    abi = landlock_abi()
    if abi < 1:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    attributes = [(1 << _FS_RIGHTS[min(abi, 5)]) - 1]
    if abi >= 4:
        attributes.append(_NET_RIGHTS)
    if abi >= 6:
        attributes.append(_SCOPES)
    packed = struct.pack(f"<{len(attributes)}Q", *attributes)
    ruleset = _syscall(_LANDLOCK_CREATE, packed, ctypes.c_size_t(len(packed)), ctypes.c_uint32(0))
    for path in readable:
        _grant(ruleset, path, _READ_FILE | _READ_DIR)
    for path in listable:
        _grant(ruleset, path, _READ_DIR)
    for path in devices:
        _grant(ruleset, path, _READ_FILE | _WRITE_FILE)
    return ruleset, abi


def landlock_restrict(ruleset: int) -> None:
    """Put a ruleset in force for this process and all it will ever start. Raises OSError."""
    _syscall(_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)


def seccomp_restrict() -> None:
    """Put the allow-list in force for this process. Raises OSError."""
    count = len(FILTER) // 8
    buffer = ctypes.create_string_buffer(FILTER, len(FILTER))
    program = struct.pack("<HxxxxxxQ", count, ctypes.addressof(buffer))
    _prctl(_PR_SET_SECCOMP, 2, ctypes.c_char_p(program))


def _grant(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= ~_READ_DIR
        rule = struct.pack("<Qi", rights, descriptor)
        _syscall(_LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
    finally:
        os.close(descriptor)


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


def _compile_filter() -> bytes:
    """Assemble the BPF program: one jump for each allowed call, a block for each checked one."""
    lines: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH),
        (_JUMP_EQUAL, 1, 0, _AUDIT_ARCH_X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NR),
        (_JUMP_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _KILL),
    ]
    for position, number in enumerate(_ALLOWED):
        lines.append((_JUMP_EQUAL, len(_ALLOWED) - position, 0, number))
    lines += [(0x05, 0, 0, 1), (_RETURN, 0, 0, _ALLOW)]  # 0x05: jump over the common "allow"
    for number, checks in _CHECKED.items():
        block: list[tuple[int, int, int, int]] = []
        for argument, bits, allowed in checks:
            block += [(_LOAD, 0, 0, 16 + int(8 * argument)), (_AND, 0, 0, bits)]
            block += [(_JUMP_EQUAL, len(allowed) - i, 0, value) for i, value in enumerate(allowed)]
            block.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
        block.append((_RETURN, 0, 0, _ALLOW))
        lines += [(_JUMP_EQUAL, 0, len(block), number), *block]
    lines += [(_JUMP_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    lines.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


FILTER: Final = _compile_filter()
