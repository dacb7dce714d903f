"""The process that holds the keys. The engine starts it, speaks to it over a socket pair, and never sees a key.

It reads the keys of the models that it is opened for, forgets the rest of its environment, and from then on answers
questions (`broker`). When the engine's end closes, it settles what is under way and ends.

Does not protect against: an engine that is someone else's already. It can spend the budget, though not overdraw it,
and cannot get a key, though it can have models asked anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import math
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from selfproof.nouns import UsageError
from selfproof.propose.llm import keys, wire
from selfproof.propose.llm.broker import Broker, Line
from selfproof.propose.llm.endpoints import in_the_clear, parse
from selfproof.propose.llm.journal import Journal
from selfproof.propose.llm.prices import load
from selfproof.propose.llm.purse import Purse

_MOST_AT_ONCE = 64


def opened(message: wire.Open) -> tuple[dict[str, Line], Purse, Journal, str]:
    """Read keys and prices, open the journal; afterwards no key is left in the environment.

    Raises:
        UsageError: a model cannot be asked; the message says which and why.
    """
    dollars = None if message.picodollars < 0 else message.picodollars
    prices = load(Path(message.prices) if message.prices else None)
    models = [parse(text) for text in message.models]
    lines = {}
    for text, model in zip(message.models, models, strict=True):
        lines[text] = Line(model, keys.first(model.keys), prices.of(model))
        _usable(lines[text], dollars)
    prefixes = [f"{model.url.upper()}_" for model in models if model.protocol == "any-llm"]
    clouds = {"BEDROCK_": "AWS_", "SAGEMAKER_": "AWS_", "VERTEXAI_": "GOOGLE_", "AZUREOPENAI_": "AZURE_"}
    keys.reduce([*prefixes, *(clouds[prefix] for prefix in prefixes if prefix in clouds)])
    journal = Journal(Path(message.journal))
    purse = Purse(dollars, None if message.tokens < 0 else message.tokens, journal.settled)
    return lines, purse, journal, prices.date


def _usable(line: Line, dollars: int | None) -> None:
    model = line.model
    if model.key_needed and not line.key:
        raise UsageError(f"{model.name}: there is no key for it", advice=f"Set {' or '.join(reversed(model.keys))}.")
    if line.key and in_the_clear(model):
        raise UsageError(f"{model.name}: its key would go over the network in the clear", advice="Use https.")
    if not line.key.isascii() or not line.key.isprintable():
        raise UsageError(f"{model.name}: its key has characters that no key has")
    if line.price is None and dollars is not None:
        row = f'"{model.name}" = {{ input = 0.5, output = 1.5 }}'
        raise UsageError(
            f"{model.name}: its price is not known, so that no budget in dollars can be kept",
            advice=f"Put its price into prices.toml beside the charter: [dollars_per_million_tokens] {row}",
        )
    if dollars == 0 and line.price is not None and line.price.of(1, 1) > 0:
        raise UsageError(
            f"{model.name} costs money, and [budget] dollars is 0", advice="Set [budget] dollars in the charter."
        )


def _library_missing(message: wire.Open) -> str:
    for text in message.models:
        library = "any_llm" if parse(text).protocol == "any-llm" else "httpx"
        try:
            importlib.import_module(library)
        except ImportError:
            return library
    return ""


async def serve(sock: socket.socket) -> None:
    """Answer the engine until its end of the socket closes."""
    reader, writer = await asyncio.open_connection(sock=sock, limit=1 << 20)

    async def send(message: wire.FromBroker) -> None:
        writer.write(wire.packed(message))
        with contextlib.suppress(ConnectionError):
            await writer.drain()

    async def receive() -> wire.ToBroker | None:
        try:
            count = wire.length(await reader.readexactly(wire.HEADER.size))
            return wire.to_broker(await reader.readexactly(count))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            return None

    first = await receive()
    if not isinstance(first, wire.Open):
        return
    locked = keys.lock_up()
    try:
        if missing := _library_missing(first):
            extra = "any-llm" if missing.startswith("any") else "llm"
            advice = f"pip install 'selfproof[{extra}]'"
            raise UsageError(f"asking models needs {missing}, which is not installed", advice=advice)
        lines, purse, journal, date = opened(first)
    except UsageError as error:
        await send(wire.Ready(str(error), error.advice(), 0, 0, 0, False))
        return
    spent = purse.settled
    await send(wire.Ready("", "", spent.tokens_in, spent.tokens_out, spent.pico, locked))
    await _conversation(Broker(lines, purse, journal, date, send), receive)
    journal.close()


async def _conversation(broker: Broker, receive: Callable[[], Awaitable[wire.ToBroker | None]]) -> None:
    tasks: dict[int, asyncio.Task[None]] = {}
    busy = asyncio.Semaphore(_MOST_AT_ONCE)

    async def one(ask: wire.Ask) -> None:
        async with busy:
            try:
                await broker.answer(ask)
            except Exception as error:  # noqa: BLE001  somebody waits for an answer, whatever went wrong
                await broker.give_up(ask, f"asking it failed: {type(error).__name__}")

    while (message := await receive()) is not None:
        tasks = {number: task for number, task in tasks.items() if not task.done()}
        if isinstance(message, wire.Ask) and message.id not in tasks and _sound(message):
            tasks[message.id] = asyncio.create_task(one(message))
        elif isinstance(message, wire.Cancel) and message.id in tasks:
            tasks[message.id].cancel()
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    await broker.close()


def _sound(ask: wire.Ask) -> bool:
    times = (ask.deadline_s, ask.gap_s, ask.pace)
    return all(math.isfinite(value) and value >= 0 for value in times) and 0 < ask.reply_tokens <= 1 << 20


def main() -> None:
    """Run on the socket whose number is the second argument."""
    with socket.socket(fileno=int(sys.argv[2])) as sock:
        sock.setblocking(False)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(sock))
    os._exit(0)  # a library's thread, or a slow connection that closes, must not keep the keys alive
