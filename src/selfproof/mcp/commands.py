"""Run ``selfproof`` commands as processes of their own, and read what they print with ``--json``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

LONGEST: Final = 4 << 20
"""Bytes of one line, and of a whole answer: a patch of a large program fits."""
_QUICK_S: Final = 600.0
_ORDERLY_S: Final = 30.0


class Refused(Exception):
    """A command failed: what it said, in a line or two."""


async def answer(words: Sequence[str], *, given: str = "", fine: Sequence[int] = (0,)) -> Any:
    """The JSON document that a command prints; ``given`` is its standard input, ``fine`` the codes of success.

    Raises:
        Refused: another exit code, no JSON, too much of it, or longer than ten minutes.
    """
    process = await _start(words)
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    out, err = (asyncio.ensure_future(_tail(pipe, LONGEST + 1)) for pipe in (process.stdout, process.stderr))
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(given.encode())
            await process.stdin.drain()
        process.stdin.close()
        code = await asyncio.wait_for(process.wait(), _QUICK_S)
        printed, errors = await out, await err
    except TimeoutError:
        raise Refused(f"selfproof {words[0]} took longer than {_QUICK_S:.0f} s") from None
    finally:
        await end(process)
        out.cancel()
        err.cancel()
    if code not in fine:
        raise Refused(said(errors, f"exit code {code}"))
    if len(printed) > LONGEST:
        raise Refused(f"the answer of selfproof {words[0]} is larger than {LONGEST >> 20} MB")
    try:
        return json.loads(printed)
    except ValueError:
        raise Refused(said(errors, f"selfproof {words[0]} printed no JSON")) from None


async def lines(words: Sequence[str], *, fine: Sequence[int] = (0,)) -> AsyncIterator[Any]:
    """The JSON lines that a command prints, as they come. Close it to end the command in order.

    Raises:
        Refused: another exit code, or a line that is none.
    """
    process = await _start(words)
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    errors = asyncio.ensure_future(_tail(process.stderr, 1 << 16))
    try:
        process.stdin.close()
        while line := await process.stdout.readline():
            yield json.loads(line)
        code = await process.wait()
        if code not in fine:
            raise Refused(said(await errors, f"exit code {code}"))
    except ValueError as error:
        raise Refused(f"selfproof {words[0]} printed what is no line of JSON: {error}") from None
    finally:
        rest = asyncio.ensure_future(_tail(process.stdout, 0))  # a full pipe would keep it from ending
        await end(process)
        rest.cancel()
        errors.cancel()


async def _start(words: Sequence[str]) -> asyncio.subprocess.Process:
    env = {**os.environ, "NO_COLOR": "1"}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "selfproof", *words, stdin=pipe, stdout=pipe, stderr=pipe, env=env,
        limit=LONGEST, start_new_session=True,
    )  # fmt: skip


async def _tail(stream: asyncio.StreamReader, most: int) -> bytes:
    """Read to the end; the last ``most`` bytes of it."""
    kept = b""
    while data := await stream.read(1 << 16):
        kept = (kept + data)[-most:] if most else b""
    return kept


async def end(process: asyncio.subprocess.Process) -> None:
    """End a command that still runs, even if this is cancelled meanwhile; somebody must read its pipes."""
    if process.returncode is not None:
        return
    ending = asyncio.ensure_future(_end(process))
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ending
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ctrl-C, which saves everything; after half a minute the end of its whole session."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), _ORDERLY_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def said(err: bytes, otherwise: str) -> str:
    """What a command said when it failed: its last lines, without its name."""
    text = "".join(ch if ch.isprintable() or ch == "\n" else " " for ch in err.decode(errors="replace"))
    rows = [row.strip().removeprefix("selfproof: ") for row in text.splitlines() if row.strip()]
    return "\n".join(rows[-3:])[:2000] or otherwise
