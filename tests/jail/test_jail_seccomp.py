"""The filter's program, run line by line as the kernel would, against the tables that it is made from."""

from __future__ import annotations

import errno
import itertools
import random
import struct

import pytest

from selfproof.grants import Grants
from selfproof.jail import seccomp

ALLOW, KILL, REFUSED, MISSING = 0x7FFF0000, 0x80000000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
X86_64 = 0xC000003E
GRANTS = [
    Grants(), Grants(subprocesses=True), Grants(scratch_mb=1), Grants(network=("a:1",)), Grants(gpu=True),
    Grants(subprocesses=True, scratch_mb=1, network=("a:1",), gpu=True),
]  # fmt: skip


def decide(program: bytes, number: int, arguments: tuple[int, ...] = (0,) * 6, architecture: int = X86_64) -> int:
    """Interpret classic BPF on one struct seccomp_data; the kernel refuses programs that could loop or run off."""
    data = struct.pack("<iIQ6Q", number & 0x7FFFFFFF, architecture, 0, *arguments)
    lines = list(struct.iter_unpack("<HBBI", program))
    position = accumulator = 0
    while True:
        code, if_true, if_false, k = lines[position]
        position += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, k)
            case 0x54:
                accumulator &= k
            case 0x05:
                position += k
            case 0x15:
                position += if_true if accumulator == k else if_false
            case 0x35:
                position += if_true if accumulator >= k else if_false
            case 0x06:
                return int(k)
            case _:
                raise AssertionError(f"no such line: {code:#x}")


def named(*tables: str) -> set[int]:
    return {int(pair.partition("=")[2]) for table in tables for pair in table.split()}


def plainly_allowed(grants: Grants) -> set[int]:
    tables = [seccomp._ALWAYS]
    tables += [seccomp._SUBPROCESSES] * grants.subprocesses + [seccomp._SCRATCH] * bool(grants.scratch_mb)
    return named(*tables, *[seccomp._NETWORK] * bool(grants.network))


@pytest.mark.parametrize("grants", GRANTS, ids=lambda grants: ",".join(grants.lines()) or "nothing")
def test_what_is_not_named_is_refused_and_what_is_named_is_not(grants: Grants) -> None:
    program = seccomp.compiled(grants)
    allowed = plainly_allowed(grants)
    checked = {16, 44, 53, 56, 72, 157, 302} | ({41, 54} if grants.network else set())
    worst = tuple(2**64 - 1 for _ in range(6))
    for number in range(1200):
        expected = ALLOW if number in allowed else MISSING if number == 435 else REFUSED
        if number in checked - allowed:
            assert decide(program, number, worst) == REFUSED, number
        else:
            assert decide(program, number) == decide(program, number, worst) == expected, number
    for number in (*random.Random(1).sample(range(1 << 30), 200), (1 << 30) - 1):
        assert number < 1200 or decide(program, number) == REFUSED


@pytest.mark.parametrize("grants", GRANTS)
def test_another_architecture_and_its_numbers_end_the_process(grants: Grants) -> None:
    program = seccomp.compiled(grants)
    for number in (0, 1, 39, 57, 435, 1000):
        assert decide(program, number, architecture=0x40000003) == KILL  # i386
        assert decide(program, number | 0x40000000) == KILL  # x32


CASES = [  # (grants, call, arguments, whether it is allowed)
    (Grants(), 56, (0x3D0F00,), True),  # pthread_create
    (Grants(), 56, (0x01200011,), False),  # fork
    (Grants(), 56, (0x00010000 | 0x10000000,), False),  # a thread in a user namespace
    (Grants(subprocesses=True), 56, (0x01200011,), True),
    (Grants(subprocesses=True), 56, (0x10000011,), False),
    (Grants(), 16, (0, 0x5401), True), (Grants(), 16, (0, 0x5412), False), (Grants(), 16, (0, 0x8901), False),
    (Grants(gpu=True), 16, (0, 0xC020462A), True), (Grants(gpu=True), 16, (0, 0x30000001), True),
    (Grants(gpu=True), 16, (0, 0x5412), False), (Grants(gpu=True), 16, (0, 0x8901), False),
    (Grants(), 41, (2, 1, 0), False), (Grants(network=("a:1",)), 41, (2, 1, 0), True),
    (Grants(network=("a:1",)), 41, (2, 1 | 0x80000, 6), True), (Grants(network=("a:1",)), 41, (2, 2, 0), False),
    (Grants(network=("a:1",)), 41, (1, 1, 0), False), (Grants(network=("a:1",)), 41, (10, 1, 0), False),
    (Grants(network=("a:1",)), 41, (2, 1, 262), False), (Grants(network=("a:1",)), 54, (3, 6, 1), True),
    (Grants(network=("a:1",)), 54, (3, 6, 31), False), (Grants(network=("a:1",)), 54, (3, 0, 1), False),
    (Grants(), 53, (1, 1), True), (Grants(), 53, (1, 2), False),
    (Grants(), 302, (0, 7, 0, 1), True), (Grants(), 302, (0, 7, 1 << 32, 1), False),
    (Grants(), 302, (5, 7, 0, 1), False),
    (Grants(subprocesses=True), 302, (0, 7, 99, 1), True), (Grants(subprocesses=True), 302, (5, 7, 99, 1), False),
    (Grants(), 44, (3, 0, 0, 0, 0, 0), True), (Grants(), 44, (3, 0, 0, 0, 0, 16), False),
    (Grants(), 72, (3, 1), True), (Grants(), 72, (3, 8), False), (Grants(), 72, (3, 10), False),
    (Grants(), 157, (15,), True), (Grants(), 157, (4,), False), (Grants(), 157, (1,), False),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_arguments_are_looked_at(case: tuple[Grants, int, tuple[int, ...], bool]) -> None:
    grants, number, arguments, allowed = case
    given = tuple(itertools.islice(itertools.chain(arguments, itertools.repeat(0)), 6))
    assert decide(seccomp.compiled(grants), number, given) == (ALLOW if allowed else REFUSED)
