"""What the loops of other engines cost on the task of ``overhead.py``, with a model without latency beside them.

``overhead.py --beside PYTHON`` starts this with an interpreter that has ``openevolve`` and ``gepa``; nothing of
selfproof is imported. OpenEvolve asks a small server on loopback that speaks the OpenAI protocol, in a process of its
own; GEPA calls a function. Both get their defaults, two evaluations at a time, and a folder to write to. An iteration
is the time from one question to the model to the next. Neither isolates what it runs, or tests whether a gain is more
than noise.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import multiprocessing
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

LAST = "return 1.0 + total / turns + abs(scale)"
BLOCK = re.compile(r"# EVOLVE-BLOCK-START\n(.*?)# EVOLVE-BLOCK-END", re.DOTALL)


def edited(text: str, number: int) -> tuple[str, str]:
    """A line of the last program in a text, and the same line with one constant scaled."""
    block = BLOCK.findall(text)[-1]
    places = [*re.finditer(r"\d+\.\d+", block)]
    draw = hashlib.sha256(f"{number}|{block}".encode()).digest()
    place = places[draw[0] % len(places)]
    factor = 1.0 + (int.from_bytes(draw[1:4], "big") / 2**24 - 0.5) * 0.2
    changed = f"{block[: place.start()]}{float(place[0]) * factor:.6f}{block[place.end() :]}"
    return next((a, b) for a, b in zip(block.split("\n"), changed.split("\n"), strict=True) if a != b)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, marks: list[float]) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(found[1])) if found else b""
            if head.startswith(b"GET"):
                told: Any = marks
            else:
                marks.append(time.monotonic())
                old, new = edited(json.loads(body)["messages"][-1]["content"], len(marks))
                text = f"One constant.\n\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n"
                message = {"role": "assistant", "content": text}
                told = {
                    "id": "1", "object": "chat.completion", "created": 1, "model": "scripted",
                    "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
                }  # fmt: skip
            data = json.dumps(told).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data))
            writer.write(data)
            await writer.drain()


def _serve(pipe: Any) -> None:
    async def main() -> None:
        marks: list[float] = []
        server = await asyncio.start_server(lambda r, w: _answer(r, w, marks), "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        async with server:
            await server.serve_forever()

    asyncio.run(main())


def openevolve(program: str, folder: Path, iterations: int) -> list[float]:
    """When the model was asked, in seconds of the machine's monotonic clock."""
    import urllib.request

    from openevolve import OpenEvolve
    from openevolve.config import Config, LLMModelConfig

    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ours.recv()}/v1"
    (folder / "program.py").write_text(program)
    (folder / "evaluate.py").write_text(
        "def evaluate(path):\n    space = {}\n    exec(compile(open(path).read(), path, 'exec'), space)\n"
        f"    return {{'combined_score': -space['search']({os.environ['TURNS']})}}\n"
    )
    config = Config(max_iterations=iterations, log_level="ERROR")
    config.llm.models = [LLMModelConfig(name="scripted", api_base=url, api_key="none", timeout=60, retries=0)]
    config.llm.evaluator_models = list(config.llm.models)
    config.evaluator.parallel_evaluations = 2
    config.evaluator.cascade_evaluation = False
    engine = OpenEvolve(str(folder / "program.py"), str(folder / "evaluate.py"), config, str(folder / "out"))
    asyncio.run(engine.run(iterations=iterations))
    with urllib.request.urlopen(url) as reply:
        marks: list[float] = json.loads(reply.read())
    server.terminate()
    return marks


def gepa(program: str, folder: Path, iterations: int) -> list[float]:
    """The same for GEPA: the model is a function."""
    from gepa.optimize_anything import EngineConfig, GEPAConfig, ReflectionConfig, optimize_anything

    marks: list[float] = []
    turns = int(os.environ["TURNS"])

    def model(prompt: Any) -> str:
        marks.append(time.monotonic())
        text = prompt if isinstance(prompt, str) else prompt[-1]["content"]
        old, new = edited(text, len(marks))
        whole: str = text[text.index('"""A point') : text.index(LAST) + len(LAST)]
        return f"```\n{whole.replace(old, new)}\n```"

    def evaluate(candidate: str) -> tuple[float, dict[str, str]]:
        space: dict[str, Any] = {}
        exec(candidate, space)
        return -space["search"](turns), {"note": "none"}

    engine = EngineConfig(run_dir=str(folder / "out"), max_candidate_proposals=iterations, parallel=True, max_workers=2)
    config = GEPAConfig(engine=engine, reflection=ReflectionConfig(reflection_lm=model))
    optimize_anything(program, evaluator=evaluate, objective="less", config=config)
    return marks


if __name__ == "__main__":
    name, place, count = sys.argv[1:]
    run = {"openevolve": openevolve, "gepa": gepa}[name]
    with contextlib.redirect_stdout(sys.stderr):
        asked = run(Path(place, "given.py").read_text(), Path(place), int(count))
    print(json.dumps(asked))
