"""What a locked-in child does: take a program in, answer its inputs, say what went wrong.

It runs in the program's own process, at its mercy: nothing here is relied on for honesty.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from selfproof.grants import SCRATCH
from selfproof.jail import frames, harness, values, values_reader
from selfproof.jail.memory_import import Program

_MESSAGE_MAX: Final = 2000
_WARM: Final = 40


@dataclass
class _Loaded:
    """A program that was read in, and how much it may still say."""

    program: Program
    function: harness.Function
    modules: dict[str, ModuleType]
    mode: harness.Mode
    limit: int
    room: int
    exchange: bool


def serve(incoming: int, outgoing: int) -> int:
    """Answer what comes over these descriptors until there is no more; return the exit code."""
    try:
        tag, body = _answer_all(incoming, outgoing)
    except MemoryError:
        tag, body = frames.OOM, b"out of memory"
    except values.ValueInvalid as error:
        tag, body = frames.INVALID, str(error).encode(errors="replace")
    except BaseException as error:  # noqa: BLE001  what it raises, SystemExit too, is its answer
        tag, body = frames.ERROR, _describe(error)
    with contextlib.suppress(Exception):  # the program may have replaced or closed its streams
        sys.stdout.flush()
        sys.stderr.flush()
    if tag:
        frames.send(outgoing, tag, body)
    return 0


def warm_up() -> None:
    """Answer for a program that does nothing until the interpreter has adapted itself to doing so.

    What it learns it writes beside the code; a child that learned it anew would have to copy every such page.
    """
    source = {
        "files": {"warm.py": "def f(x): return x"},
        "entry": "warm.py:f",
        "mode": "call",
        "output_bytes": 64,
        "exchange": False,
    }
    said = [(frames.SOURCE, values.encode(source)), (frames.INPUT, values.encode(1))]
    for _ in range(_WARM):
        (reader, writer), (outcome, outgoing) = os.pipe(), os.pipe()
        for tag, body in said:
            frames.send(writer, tag, body)
        os.close(writer)
        serve(reader, outgoing)
        for descriptor in (reader, outgoing, outcome):
            os.close(descriptor)
        for program in [finder for finder in sys.meta_path if isinstance(finder, Program)]:
            sys.meta_path.remove(program)
            program.forget()


def _answer_all(incoming: int, outgoing: int) -> tuple[int, bytes]:
    """Answer inputs until there are no more; return the frame to end with, tag 0 for none."""
    loaded: _Loaded | None = None
    kept: list[memoryview] = []
    while (frame := frames.receive(incoming, shift=values_reader.FIRST_BLOB)) is not None:
        tag, body = frame
        if tag == frames.SOURCE:
            if loaded is not None:
                _unload(loaded)
            loaded = _load(values.decode_trusted(body))
            frames.send(outgoing, frames.LOADED)
            continue
        if loaded is None:
            return frames.ERROR, b"an input came before any program"
        if tag == frames.KEEP:
            kept.append(body)
        elif tag == frames.AGAIN:
            body = kept[frames.NUMBER.unpack(body)[0]]
        result = loaded.mode(loaded.function, loaded.modules, values.decode_trusted(body))
        answer = values.encode(result)
        loaded.room = (loaded.limit if loaded.exchange else loaded.room) - len(answer)
        if loaded.room < 0:
            raise values.ValueInvalid(f"outputs are over the limit of {loaded.limit} bytes")
        frames.send(outgoing, frames.OUTPUT, answer)
    return 0, b""


def _load(source: Any) -> _Loaded:
    """Read a program in. Python's own generator was seeded anew by the fork; NumPy's is as the fork-server left it."""
    random.seed(0)
    if source["mode"] not in harness.MODES:
        raise ValueError(f"no mode {source['mode']!r}; there are {', '.join(harness.MODES)}")
    program = Program(source["files"])
    if os.environ.get("HOME") == SCRATCH:
        _lay_out(source["files"])
    sys.meta_path.insert(0, program)
    function, modules = program.load(source["entry"])
    limit = source["output_bytes"]
    return _Loaded(program, function, modules, harness.MODES[source["mode"]], limit, limit, source["exchange"])


def _lay_out(files: dict[str, str]) -> None:
    """Write the program where it may write, and go there: `open("prompt.txt")` and a subprocess find its files."""
    folder = Path(SCRATCH, "program")
    shutil.rmtree(folder, ignore_errors=True)  # another program's, in a process that lives on
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    os.chdir(folder)


def settle_numpy() -> None:
    """Bring NumPy's global generator and its warnings into the state in which every program finds them."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
        numpy.seterr(divide="warn", over="warn", under="ignore", invalid="warn")


def _unload(loaded: _Loaded) -> None:
    """Forget a program, as far as it lets itself be forgotten: it is for screening only."""
    sys.meta_path.remove(loaded.program)
    loaded.program.forget()
    settle_numpy()
    sys.stdout.flush()
    sys.stderr.flush()


def _describe(error: BaseException) -> bytes:
    try:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_globals.get("__package__") == __package__:
            trace = trace.tb_next  # the program's own part is what a reader can use
        traceback.print_exception(error.with_traceback(trace), limit=-8)
        return f"{type(error).__name__}: {error}"[:_MESSAGE_MAX].encode(errors="replace")
    except BaseException:  # noqa: BLE001  an exception whose own text raises is still an error
        return type(error).__name__.encode(errors="replace")
