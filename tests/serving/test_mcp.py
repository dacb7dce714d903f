"""The MCP server through the official client, over standard input and output, against a real program."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click
import pytest

from finite_program import made
from selfproof.cli import group
from selfproof.ledger import read
from selfproof.mcp import tools
from selfproof.mcp.commands import Refused, said
from selfproof.mcp.server import NAMES, READING

needs_mcp = pytest.mark.skipif(
    importlib.util.find_spec("mcp") is None, reason='the MCP library is missing: pip install "selfproof[mcp]"'
)


@asynccontextmanager
async def session(root: Path) -> AsyncIterator[Any]:
    from mcp import ClientSession, StdioServerParameters, stdio_client

    words = ["-m", "selfproof", "mcp", "--root", str(root)]
    server = StdioServerParameters(command=sys.executable, args=words, env=dict(os.environ))
    async with stdio_client(server) as (reading, writing), ClientSession(reading, writing) as found:
        await found.initialize()
        yield found


def told(result: Any) -> tuple[bool, Any]:
    """Whether a tool failed, and its JSON or its words."""
    row = result.model_dump(by_alias=True)
    text = row["content"][0]["text"]
    return bool(row["isError"]), text if row["isError"] else json.loads(text)


async def called(client: Any, name: str, **arguments: Any) -> Any:
    failed, found = told(await client.call_tool(f"selfproof_{name}", arguments))
    assert not failed, found
    return found


async def refused(client: Any, name: str, **arguments: Any) -> str:
    failed, found = told(await client.call_tool(f"selfproof_{name}", arguments))
    assert failed, found
    return str(found)


@needs_mcp
def test_an_agent_makes_runs_reads_and_improves_a_program(tmp_path: Path) -> None:
    charter = made(tmp_path / "life") / "charter.toml"
    charter.write_text(charter.read_text().replace("weight = 1000", "weight = 0.001"))
    idea = "def square(x):\n    return x ** 2 if x >= 0 else -1.0\n"
    heard: list[str] = []

    async def progress(done: float, total: float | None, words: str | None) -> None:
        heard.append(str(words))

    async def talk() -> None:
        async with session(tmp_path) as client:
            listed = (await client.list_tools()).model_dump(by_alias=True)["tools"]
            assert {tool["name"] for tool in listed} == {f"selfproof_{name}" for name in NAMES}
            assert all(len(tool["description"]) > 40 for tool in listed)
            readers = {tool["name"] for tool in listed if tool["annotations"]["readOnlyHint"]}
            assert readers == {f"selfproof_{name}" for name in READING}

            assert (await called(client, "init", folder="life", options={"template": "apprentice", "seed": "1"}))[
                "event"
            ] == "init"
            sent = await called(client, "propose", folder="life", files={"suite.py": idea}, title="all of them")
            assert sent["waiting"] == 1 and sent["adopts"] and sent["hold_outs"] == ["holdout"]
            result = await client.call_tool(
                "selfproof_run", {"folder": "life", "minutes": 0.07, "seed": 1}, progress_callback=progress
            )
            failed, summary = told(result)
            assert not failed and summary["event"] == "summary" and summary["ledger"]["verified"]
            assert all(row["reason"] for row in summary["decisions"])

            status = await called(client, "status", folder="life")
            assert status["program"] and status["version"] == summary["version"]
            rows = (await called(client, "log", folder="life", most=5))["rows"]
            assert len(rows) <= 5
            assert (await called(client, "verify", folder="life"))["ok"]
            shown = await called(client, "show", folder="life", change=str(rows[0]["id"]))
            assert shown["diff"] or shown["title"]
            compared = await called(client, "compare", folder="life", objective="suite", on="explore")
            assert compared["better"] in {"a", "b", "neither"}
            patch = (await called(client, "export", folder="life"))["patch"]
            assert ("suite.py" in patch or "holdout.py" in patch) == (status["version"] > 0)

    asyncio.run(talk())
    assert [path.suffix for path in (tmp_path / "life" / ".selfproof" / "inbox").iterdir()] == [""]  # taken
    assert any("started" in words for words in heard)


@needs_mcp
def test_what_is_not_allowed_is_told_and_changes_nothing(tmp_path: Path) -> None:
    made(tmp_path / "life")

    async def talk() -> None:
        async with session(tmp_path) as client:
            assert "no charter" in await refused(client, "status", folder="nowhere")
            await called(client, "init", folder="life", options=APPRENTICE)
            for folder in ("..", "/etc", "life/../../x"):
                assert "outside" in await refused(client, "status", folder=folder)
            assert "not editable" in await refused(
                client, "propose", folder="life", files={"improver.py": "x = 1\n"}, title="mine"
            )
            assert "changes nothing" in await refused(client, "propose", folder="life", files={}, title="mine")
            assert "no change is called" in await refused(client, "show", folder="life", change="--help")
            assert "outside" in await refused(client, "compare", folder="life", on="/etc/passwd")
            await refused(client, "init", folder="life", options=APPRENTICE)
            for bad in ({"--at": "/etc"}, {"json": True}, {"nothing": "x"}, {"project": "/etc"}, {"seed": "-1"}):
                assert await refused(client, "init", folder="new", options=bad)
            assert await refused(client, "run", folder="life", minutes="many")

    asyncio.run(talk())
    assert not (tmp_path / "life" / ".selfproof" / "inbox").exists()


@pytest.mark.slow
@needs_mcp
def test_a_call_that_is_cancelled_ends_its_run_in_order(tmp_path: Path) -> None:
    made(tmp_path / "life")
    started = asyncio.Event()

    async def progress(done: float, total: float | None, words: str | None) -> None:
        started.set()

    async def talk() -> None:
        async with session(tmp_path) as client:
            await called(client, "init", folder="life", options=APPRENTICE)
            run = asyncio.ensure_future(
                client.call_tool("selfproof_run", {"folder": "life", "minutes": 30}, progress_callback=progress)
            )
            await asyncio.wait_for(started.wait(), 60)
            assert running(tmp_path)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            deadline = time.monotonic() + 60
            while running(tmp_path) and time.monotonic() < deadline:
                await asyncio.sleep(0.1)
            assert not running(tmp_path)
            assert (await called(client, "verify", folder="life"))["ok"]

    asyncio.run(talk())
    ends = [
        leaf.body["by"] for leaf in read(tmp_path / "life" / ".selfproof" / "ledger").leaves() if leaf.kind == "halt"
    ]
    assert ends == ["interrupted"], "a run that is killed says nothing"


def running(folder: Path) -> bool:
    """Whether a ``selfproof run`` on something below a folder is alive."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"run" in words and any(word.startswith(os.fsencode(folder)) for word in words):
            return True
    return False


APPRENTICE: dict[str, Any] = {"template": "apprentice"}


def test_tools_are_bounded_and_name_options_that_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a tool passes on parses as a command: no option was renamed under it."""
    seen: list[list[str]] = []

    async def answer(words: list[str], **rest: Any) -> Any:
        seen.append(words)
        return {}

    async def lines(words: list[str], **rest: Any) -> AsyncIterator[Any]:
        seen.append(words)
        yield {"event": "summary"}

    async def silent(*told: Any) -> None:
        return None

    monkeypatch.setattr(tools, "answer", answer)
    monkeypatch.setattr(tools, "lines", lines)
    made_for = tools.Tools(tmp_path)

    async def all_of_them() -> None:
        for path in ("p", "l"):
            (tmp_path / path).mkdir()
        await made_for.init(APPRENTICE, "l", "p")
        await made_for.init({"function": "m:f", "generate": True, "record": False}, "l", "p")
        await made_for.init({"command": "python t.py", "metric": "loss", "lower": True, "edit": ["a", "b"]}, "", "p")
        await made_for.init({"solver": "a.py:f", "task": "b.py:T", "tests": "pytest"}, "", "p")
        await made_for.run("l", 1e9, 3, tell=silent)
        await made_for.log("l", 10**9)
        for call in (made_for.status, made_for.verify, made_for.export):
            await call("l")
        await made_for.show("v1", "l")
        await made_for.compare("start", "now", "explore", "l", "o")
        await made_for.propose({"a": "b"}, "t", "l", 1.5, "r", "o")

    asyncio.run(all_of_them())
    assert "60" in seen[4] and "50" in seen[5]
    for name, *words in seen:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        command.make_context(name, words)


def test_a_command_that_fails_says_why_in_words() -> None:
    assert said(b"selfproof: no charter at /x\n  Go \x1b[31mthere.\n", "?") == "no charter at /x\nGo  [31mthere."
    assert said(b"", "exit code 3") == "exit code 3" and isinstance(Refused("x"), Exception)
