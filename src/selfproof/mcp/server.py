"""The tools behind the official MCP library (version 1 or 2), over standard input and output."""

from __future__ import annotations

import functools
import importlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from selfproof.mcp.commands import Refused
from selfproof.mcp.tools import Tools
from selfproof.nouns import UsageError

INSTRUCTIONS = """\
selfproof improves programs and proves each step: a change is adopted only when a test on fresh samples certifies it.
Usual order: selfproof_init once, selfproof_run, selfproof_log and selfproof_show to see what was certified and why,
selfproof_export for the patch. With selfproof_propose you suggest edits of your own for the next run; they are tested
like all others, so say honestly what you expect. Where selfproof_propose answers with hold_outs, its samples are few
and are used again: do not read certificates or compare before you suggest, or its promise does not hold. The charter
(charter.toml) is a person's: do not change it unasked."""

READING = frozenset({"status", "log", "show", "compare", "verify", "export"})
NAMES = ("init", "run", *sorted(READING), "propose")


def serve(root: Path) -> None:
    """Serve until standard input ends.

    Raises:
        UsageError: the library is not installed.
    """
    server_class, context, tool_error = _library()
    server = server_class("selfproof", instructions=INSTRUCTIONS, log_level="ERROR")
    tools = Tools(root)
    for name in NAMES:
        call = _with_progress(tools.run, context) if name == "run" else getattr(tools, name)
        annotations = importlib.import_module("mcp.types").ToolAnnotations(**_hints(name))
        server.add_tool(_told(call, tool_error), name=f"selfproof_{name}", annotations=annotations)
    server.run("stdio")


def _hints(name: str) -> dict[str, Any]:
    """What a client may tell its user: reading tools change nothing, none destroys, none leaves this machine."""
    hints: dict[str, Any] = {"title": f"selfproof {name}", "readOnlyHint": name in READING, "openWorldHint": False}
    return hints if name in READING else {**hints, "destructiveHint": False}


def _library() -> tuple[Any, Any, type[Exception]]:
    """Server class, context class and error class, by the names of version 2 or of version 1."""
    for module, name in (("mcp.server.mcpserver", "MCPServer"), ("mcp.server.fastmcp", "FastMCP")):
        try:
            found = importlib.import_module(module)
            errors = importlib.import_module(f"{module}.exceptions")
        except ModuleNotFoundError:
            continue
        return getattr(found, name), found.Context, errors.ToolError
    raise UsageError("the MCP library is not installed", advice='Type: pip install "selfproof[mcp]"')


def _told(call: Callable[..., Awaitable[Any]], tool_error: type[Exception]) -> Callable[..., Awaitable[Any]]:
    """The call with its refusals as the library's errors, which a client is shown."""

    @functools.wraps(call)
    async def told(*args: Any, **kwargs: Any) -> Any:
        try:
            return await call(*args, **kwargs)
        except Refused as refused:
            raise tool_error(str(refused)) from None

    return told


def _with_progress(run: Callable[..., Awaitable[Any]], context: Any) -> Callable[..., Awaitable[Any]]:
    """``run`` as a tool: what it tells goes to the client as progress, at most twice a second, never backwards."""

    async def tool(folder: str = ".", minutes: float = 2.0, seed: int | None = None, *, ctx: Any) -> Any:
        furthest, last = 0.0, 0.0

        async def tell(done: float, total: float, words: str) -> None:
            nonlocal furthest, last
            if time.monotonic() - last < 0.5 and not words.startswith(("adopted", "refused")):
                return
            last = time.monotonic()
            furthest = max(furthest + 1e-3, done)
            await ctx.report_progress(furthest, total, words)

        return await run(folder, minutes, seed, tell=tell)

    tool.__doc__ = run.__doc__
    tool.__annotations__ = {
        "folder": str, "minutes": float, "seed": int | None, "ctx": context, "return": dict[str, Any],
    }  # fmt: skip
    return tool
