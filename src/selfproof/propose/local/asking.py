"""Questions to a process that holds weights: lines of JSON over pipes, one question at a time, with a deadline.

The process gets an environment without keys, is told to stay offline, and ends when its input is closed. What it
answers is text of bounded length and nothing else; it is a model's reply, which nobody trusts.

    ->  {"prompt": "...", "seed": 7, "tokens": 800, "temperature": 0.8}
    <-  {"text": "...", "tokens_in": 300, "tokens_out": 120}   or   {"failed": "why", "fatal": false}
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfproof.nouns import SelfproofError
from selfproof.propose.local.folder import Folder

ANSWER_S = 600.0
START_S = 600.0  # large weights take long to read
LONGEST = 4 << 20
_KEPT = (
    "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "CUDA_HOME",
    "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
)  # fmt: skip
INSTALL = "pip install 'selfproof[train]'"


class Refused(SelfproofError):
    """The weights gave no answer: one line why. ``fatal``: asking again cannot help."""

    def __init__(self, message: str, *, fatal: bool = False, advice: str = "") -> None:
        super().__init__(" ".join("".join(ch if ch.isprintable() else " " for ch in message[:2000]).split())[:400],
                         advice=advice)  # fmt: skip
        self.fatal = fatal


@dataclass(frozen=True)
class Answer:
    """What the weights said, and how many tokens were read and written."""

    text: str
    tokens_in: int = 0
    tokens_out: int = 0


def environment(home: Path | None = None) -> dict[str, str]:
    """What a process that handles weights may know of ours: no key; and that it is to stay offline."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1",
               "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "false",
               "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}  # fmt: skip
    return {**kept, **offline, "HOME": str(home or "/nonexistent"), "PYTHONDONTWRITEBYTECODE": "1"}


class Asker:
    """One process that holds one folder's weights; started with the first question. Use it from any thread."""

    def __init__(self, folder: Folder, digest: str, *, command: Sequence[str] | None = None) -> None:
        self.folder, self.digest = folder, digest
        serving = [sys.executable, "-m", "selfproof.propose.local.serving"]
        self._command = [*(command or serving), str(folder.path.resolve()), digest]
        self._process: subprocess.Popen[bytes] | None = None
        self._asking, self._handling = threading.Lock(), threading.Lock()
        self._closed = False
        self._held = b""

    def ask(self, prompt: str, seed: int, *, seconds: float = ANSWER_S) -> Answer:
        """The answer to a prompt; the same seed gives the same answer, as far as the libraries keep to it.

        Raises:
            Refused: no answer in time, none that can be read, or the process has ended; ``fatal`` if it cannot start.
        """
        with self._asking:
            try:
                return self._ask(prompt, seed, seconds)
            except (OSError, ValueError) as error:
                self._end()
                raise Refused("it was closed" if self._closed else f"its process failed: {error}") from None

    def _ask(self, prompt: str, seed: int, seconds: float) -> Answer:
        process = self._running()
        question = {"prompt": prompt, "seed": seed % 2**63, "tokens": self.folder.reply_tokens,
                    "temperature": self.folder.temperature}  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(json.dumps(question).encode() + b"\n")
        process.stdin.flush()
        told = self._line(process, seconds)
        if "text" not in told:
            raise Refused(str(told.get("failed", "it gave no text")), fatal=bool(told.get("fatal")))
        counts = [told.get(key) for key in ("tokens_in", "tokens_out")]
        read, written = (n if isinstance(n, int) and not isinstance(n, bool) and n >= 0 else 0 for n in counts)
        return Answer(str(told["text"])[:LONGEST], read, written)

    def _running(self) -> subprocess.Popen[bytes]:
        with self._handling:
            if self._closed:
                raise Refused("it was closed", fatal=True)
            if self._process is None:
                self._held = b""
                self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                    env=environment(), start_new_session=True,
                )  # fmt: skip
                started = self._process
            else:
                return self._process
        told = self._line(started, START_S)
        if told.get("ready") is not True:
            self._end()
            raise Refused(str(told.get("failed", "it did not start")), fatal=True, advice=str(told.get("advice", "")))
        return started

    def _line(self, process: subprocess.Popen[bytes], seconds: float) -> Mapping[str, Any]:
        """The process's next line, an object.

        Raises:
            ValueError: none came in time, it is too long, or it is no object.
        """
        assert process.stdout is not None
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._held:
                if not waiting.select(max(0.0, end - time.monotonic())):
                    raise ValueError(f"no answer within {seconds:g} s")
                data = os.read(process.stdout.fileno(), 1 << 16)
                self._held += data
                if not data or len(self._held) > 2 * LONGEST:
                    raise ValueError("it ended" if not data else "its answer is too long")
        line, _, self._held = self._held.partition(b"\n")
        told = json.loads(line)
        if not isinstance(told, dict):
            raise ValueError("its answer is no object")
        return told

    def _end(self) -> None:
        """Kill the process; the next question starts another."""
        with self._handling:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def close(self) -> None:
        """End the process, whatever it is at. May be called twice, and from another thread."""
        self._closed = True
        with self._handling:
            process = self._process
        if process is not None:
            process.kill()  # a question that waits for it finds its pipe closed
        if self._asking.acquire(timeout=5):
            try:
                self._end()
            finally:
                self._asking.release()
