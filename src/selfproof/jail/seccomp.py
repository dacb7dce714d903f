"""Which calls into the kernel a program may make: a seccomp allow-list for x86_64, compiled to BPF.

Everything not named is EPERM, and calls that could reach beyond the process are allowed only with harmless
arguments. What a person grants (`grants`) adds calls, or other arguments of one.
Source: seccomp(2), and the kernel's table of system calls of x86_64.

Does not protect against:
- a bug in a call that is allowed: the fewer, the better.
- what a pointer points at: the filter sees registers, not memory.
"""

from __future__ import annotations

import errno
import itertools
import struct
from collections.abc import Iterator, Mapping
from typing import Final

from selfproof.grants import Grants

_AUDIT_ARCH_X86_64, _X32_BIT = 0xC000003E, 0x40000000
_KILL, _ALLOW, _ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
_LOAD, _JUMP, _JUMP_EQUAL, _JUMP_AT_LEAST, _AND, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x54, 0x06  # BPF, 32-bit words
_NR, _ARCH = 0, 4  # offsets in struct seccomp_data; argument n is at 16 + 8n, low word first

_ALWAYS: Final = """
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
_SUBPROCESSES: Final = """
fork=57 vfork=58 execve=59 wait4=61 kill=62 chdir=80 fchdir=81 umask=95 setpgid=109 getpgrp=111 setsid=112
getpgid=121 getsid=124 tkill=200 tgkill=234 waitid=247
"""
_SCRATCH: Final = """
pwrite64=18 sendfile=40 fsync=74 fdatasync=75 truncate=76 ftruncate=77 chdir=80 fchdir=81 rename=82 mkdir=83
rmdir=84 unlink=87 symlink=88 chmod=90 fchmod=91 umask=95 statfs=137 fstatfs=138 flock=73 mkdirat=258
unlinkat=263 renameat=264 symlinkat=266 fchmodat=268 utimensat=280 fallocate=285 pwritev=296 renameat2=316
copy_file_range=326
"""
_NETWORK: Final = "connect=42 sendmsg=46 recvmsg=47 shutdown=48 getsockname=51 getpeername=52 getsockopt=55"

_ALL_BITS: Final = 0xFFFFFFFF
_NEW_NAMESPACES, _CLONE_THREAD = 0x7E020000, 0x00010000
_CLONE3: Final = 435  # its arguments cannot be checked; ENOSYS makes the C library fall back to clone
_IOCTL, _SOCKET, _SENDTO, _SOCKETPAIR, _SETSOCKOPT = 16, 41, 44, 53, 54
_CLONE, _FCNTL, _PRCTL, _PRLIMIT = 56, 72, 157, 302
Checks = tuple[tuple[float, int, tuple[int, ...]], ...]  # (argument, .5: its high word; bits looked at; allowed)
_CHECKED: Final[Mapping[int, Checks]] = {
    _IOCTL: ((1, _ALL_BITS, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),),  # isatty, size, FIONREAD, FIONBIO
    _SENDTO: ((4, _ALL_BITS, (0,)), (5, _ALL_BITS, (0,))),  # only where already connected
    _SOCKETPAIR: ((0, _ALL_BITS, (1,)), (1, 0xF, (1,))),  # AF_UNIX, SOCK_STREAM: asyncio wakes itself with one
    _CLONE: ((0, _NEW_NAMESPACES | _CLONE_THREAD, (_CLONE_THREAD,)),),  # threads only
    _FCNTL: ((1, _ALL_BITS, (0, 1, 2, 3, 4, 1030)),),  # dup, flags; no owner, signal, lock or pipe size
    _PRCTL: ((0, _ALL_BITS, (3, 15, 16, 21, 39)),),  # thread name and reading one's own state
    # Oneself, and only to read: a program that a limit of its own making ended would seem killed from outside.
    _PRLIMIT: ((0, _ALL_BITS, (0,)), (2, _ALL_BITS, (0,)), (2.5, _ALL_BITS, (0,))),
}


def compiled(grants: Grants) -> bytes:
    """The BPF program (8 bytes a line): a search tree over the calls, then a block for each that is checked.

    A tree, because the kernel walks through the program once for each call there is whenever it is loaded.
    """
    table, checked = _ALWAYS, dict(_CHECKED)
    if grants.subprocesses:
        table += _SUBPROCESSES
        checked[_CLONE] = ((0, _NEW_NAMESPACES, (0,)),)
        checked[_PRLIMIT] = _CHECKED[_PRLIMIT][:1]  # as shells do, where a hard limit can only fall
    if grants.scratch_mb:
        table += _SCRATCH
    if grants.network:
        table += _NETWORK
        checked[_SOCKET] = ((0, _ALL_BITS, (2,)), (1, 0xF, (1,)), (2, _ALL_BITS, (0, 6)))  # TCP: the way to the broker
        checked[_SETSOCKOPT] = ((1, _ALL_BITS, (1, 6)), (2, _ALL_BITS, (1, 2, 7, 8, 9, 20, 21)))  # no delay, keep alive
    if grants.gpu:
        checked[_IOCTL] = ((1, 0xFF00, (0x4600, 0)),)  # how NVIDIA's driver is spoken to, and its shared memory's
    allowed = {int(pair.partition("=")[2]) for pair in table.split()}
    return b"".join(struct.pack("<HBBI", *line) for line in _lines(allowed, checked))


_Line = tuple[int, int, int, int]
_REFUSE: Final[_Line] = (_RETURN, 0, 0, _ERRNO | errno.EPERM)


def _lines(allowed: set[int], checked: Mapping[int, Checks]) -> Iterator[_Line]:
    leaves: dict[int, _Line | int] = dict.fromkeys(allowed, (_RETURN, 0, 0, _ALLOW))
    leaves |= {number: number for number in checked}  # a block, by its name until it has a place
    leaves[_CLONE3] = (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)
    tree = _tree([(number, leaves.get(number, _REFUSE)) for number in range(max(leaves) + 2)])
    blocks = {number: _block(checks) for number, checks in checked.items()}
    starts = dict(zip(blocks, itertools.accumulate(map(len, blocks.values()), initial=len(tree)), strict=False))
    yield from ((_LOAD, 0, 0, _ARCH), (_JUMP_EQUAL, 1, 0, _AUDIT_ARCH_X86_64), (_RETURN, 0, 0, _KILL))
    yield from ((_LOAD, 0, 0, _NR), (_JUMP_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL))
    for position, line in enumerate(tree):
        yield (_JUMP, 0, 0, starts[line] - position - 1) if isinstance(line, int) else line
    for block in blocks.values():
        yield from block


def _tree(calls: list[tuple[int, _Line | int]]) -> list[_Line | int]:
    """Lines that go to the leaf of the last of these calls whose number is not above the one at hand."""
    spans = [call for call, before in zip(calls, [(-1, None), *calls], strict=False) if call[1] != before[1]]
    if len(spans) == 1:
        return [spans[0][1]]
    left, right = spans[: len(spans) // 2], spans[len(spans) // 2 :]
    below, above = _tree(left), _tree(right)
    return [(_JUMP_AT_LEAST, len(below), 0, right[0][0]), *below, *above]


def _block(checks: Checks) -> list[_Line]:
    lines: list[_Line] = []
    for argument, bits, values in checks:
        lines += [(_LOAD, 0, 0, 16 + int(8 * argument)), (_AND, 0, 0, bits)]
        lines += [(_JUMP_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
        lines.append(_REFUSE)
    return [*lines, (_RETURN, 0, 0, _ALLOW)]
