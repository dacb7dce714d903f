"""New weights: tuned in a process of its own, kept in a folder that is named by the hash of its files.

The folder is written aside and renamed, then its entry is logged; a kill leaves the weights of before, and what was
half written is deleted by the next call. Weights that were made are not certified: no run asks them
(`tuning.keeping`).
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from selfproof.life import Life
from selfproof.nouns import Event, SelfproofError, UsageError
from selfproof.propose.local.asking import environment
from selfproof.propose.local.folder import Folder, digest_of
from selfproof.tuning.examples import Examples
from selfproof.tuning.keeping import ASIDE, models, place_of

LEAST_EXAMPLES = 8
TICK_S = 0.5


@dataclass(frozen=True)
class Recipe:
    """How weights are tuned: ``steps`` of four examples (and half as many of preference), ``context`` 0: the model's
    own.
    """

    steps: int = 200
    rate: float = 2e-5
    lora: bool = False
    seed: int = 0
    context: int = 0


def tuned(
    life: Life, base: Folder, examples: Examples, recipe: Recipe, *, command: Sequence[str] | None = None
) -> Iterator[Event]:
    """Make new weights from ``base``; the last event is {"event": "tuned", "model", ...}.

    Raises:
        UsageError: there is too little to learn from.
        SelfproofError: training failed; nothing is kept of it.
    """
    if len(examples.sft) < LEAST_EXAMPLES:
        raise UsageError(
            f"this life has {len(examples.sft)} accepted edits to learn from, at least {LEAST_EXAMPLES} are needed",
            advice="Let the program run longer; `selfproof train --dry-run` says what there is.",
        )
    digest = digest_of(base.path)
    folder = models(life)
    folder.mkdir(mode=0o700, exist_ok=True)
    for leftover in folder.glob(ASIDE + "*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix="selfproof-train-") as scratch:
        aside = folder / (ASIDE + Path(scratch).name)
        spec = {
            "base": str(base.path.resolve()), "digest": digest, "out": str(aside), "scratch": scratch,
            "examples": str(Path(scratch) / "examples.json"), **asdict(recipe),
            "settings": {"prompt_kb": base.prompt_bytes / 1000, "reply_tokens": base.reply_tokens,
                         "temperature": base.temperature, "base": digest, "program": life.state.genesis["program"]},
        }  # fmt: skip
        rows = {"sft": examples.sft, "pairs": examples.pairs, "held_sft": examples.held_sft}
        Path(spec["examples"]).write_text(json.dumps(rows), "utf-8")
        told = yield from _run(life, spec, Path(scratch), command)
    name = digest_of(aside)
    if place_of(life, name).exists():
        shutil.rmtree(aside)
    else:
        aside.rename(place_of(life, name))
    if name not in life.state.tuned:
        life.log(
            "tuned",
            {"model": name, "base": digest, "examples": examples.digest, "counts": examples.counts,
             "recipe": asdict(recipe), "told": told},
            durable=True,
        )  # fmt: skip
    yield {"event": "tuned", "model": name, "folder": str(place_of(life, name)), **told}


def _run(
    life: Life, spec: Mapping[str, Any], scratch: Path, command: Sequence[str] | None
) -> Generator[Event, None, dict[str, Any]]:
    """Run the training process; returns what it said at its end, through the generator."""
    path = scratch / "spec.json"
    path.write_text(json.dumps(spec), "utf-8")
    words = [*(command or [sys.executable, "-m", "selfproof.tuning.training"]), str(path)]
    process = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(scratch),
        start_new_session=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None
    told: dict[str, Any] = {"failed": "its process ended without a word"}
    try:
        for line in _lines(life, process.stdout.fileno()):
            found = _object(line)
            if "event" in found:
                yield found
            elif found:
                told = found
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
    done = told.get("done")
    if not isinstance(done, dict):
        raise SelfproofError(f"training failed: {str(told.get('failed'))[:300]}", advice=str(told.get("advice", "")))
    return done


def _lines(life: Life, out: int) -> Iterator[bytes]:
    """Lines as they come; a person's stop ends the wait for them."""
    held = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(out, selectors.EVENT_READ)
        while True:
            life.pause_point()
            if not waiting.select(TICK_S):
                continue
            data = os.read(out, 1 << 16)
            if not data:
                return
            *lines, held = (held + data).split(b"\n")
            yield from lines


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
