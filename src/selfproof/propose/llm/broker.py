"""Answers questions to models within a budget: attempts, patience, and the bill.

Each attempt is written down with the most that it may cost before it is made, and settled afterwards by what the reply
says, or by that most where it says nothing. Runs in the process that holds the keys (`holder`), on its event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from selfproof.propose.llm import wire
from selfproof.propose.llm.attempt import LONGEST_WAIT_S, body_of, by_library, over_http, unknown_field
from selfproof.propose.llm.endpoints import Model
from selfproof.propose.llm.journal import Journal
from selfproof.propose.llm.prices import PICO, Price
from selfproof.propose.llm.purse import NOTHING, Amount, Purse, worst_case
from selfproof.propose.llm.stream import Answer, Fault, plain

_FIRST_WAIT_S = 1.0
_TELL_EVERY_S = 0.2


@dataclass(frozen=True)
class Line:
    """A model that can be asked: its key, and its price where there is one."""

    model: Model
    key: str
    price: Price | None


class Broker:
    """Answers questions within a budget. One event loop, so that nothing in it needs a lock."""

    def __init__(self, lines: Mapping[str, Line], purse: Purse, journal: Journal, date: str, send: Any) -> None:
        self._lines = lines
        self._purse = purse
        self._journal = journal
        self._date = date
        self._send = send
        self._freed = asyncio.Condition()
        self._dice = random.Random()
        self._without: dict[str, frozenset[str]] = {}
        self._near: Any = None
        self._trust: ssl.SSLContext | None = None

    async def answer(self, ask: wire.Ask) -> None:
        """Answer one question, whatever happens; a cancelled one is settled at the most that it may cost."""
        bill = _Bill()
        try:
            line = self._lines.get(ask.model)
            if line is None:
                raise Fault(f"{ask.model} is not a model of this run", fatal=True, cost="free")
            answer = await self._insist(line, ask, bill)
            text, total = self._scrubbed(answer.text), bill.total
            told = wire.Reply(ask.id, text, answer.ended, total.tokens_in, total.tokens_out, total.pico)
            await self._send(told)
        except Fault as fault:
            advice = "Raise [budget] dollars or tokens in the charter." if fault.kind == "budget" else ""
            total, words = bill.total, plain(self._scrubbed(str(fault)))
            await self._send(
                wire.Failed(
                    ask.id, words, advice, fault.fatal, fault.kind, total.tokens_in, total.tokens_out, total.pico
                )
            )

    async def give_up(self, ask: wire.Ask, why: str) -> None:
        """Tell the engine that there is no answer."""
        await self._send(wire.Failed(ask.id, why, "", False, "", 0, 0, 0))

    async def close(self) -> None:
        """Let go of connections."""
        if self._near is not None:
            await self._near.aclose()

    async def _insist(self, line: Line, ask: wire.Ask, bill: _Bill) -> Answer:
        """Attempt until there is an answer, or no hope or time for one."""
        ends = time.monotonic() + 2 * ask.deadline_s
        number = 0
        while True:
            number += 1
            try:
                return await self._attempt(line, ask, bill, ends)
            except Fault as fault:
                extra = unknown_field(fault, body_of(line.model, ask, line.price, self._unwanted(line)))
                if extra is not None and extra not in self._unwanted(line):
                    self._without[line.model.name] = self._unwanted(line) | {extra}
                    continue
                wait = self._wait(fault, number, ask.pace)
                if not fault.again or number >= ask.attempts or time.monotonic() + wait > ends:
                    raise
                await self._tell(ask, "retrying", bill.total, f"{fault}; again in {wait:.1f} s")
                await asyncio.sleep(wait)

    async def _attempt(self, line: Line, ask: wire.Ask, bill: _Bill, ends: float) -> Answer:
        prompt = len(ask.system.encode("utf-8", "replace")) + len(ask.user.encode("utf-8", "replace"))
        most = worst_case(prompt, 2, ask.reply_tokens)
        guarded = self._purse.tokens is not None
        worst = Amount(*most, line.price.of(*most) if line.price else 0)
        await self._room(worst, ask, ends)
        self._purse.take(worst)
        true, by = worst, "bound"
        name = ""
        try:
            name = self._write_down(line.model, worst, durable=worst.pico > 0 or guarded)
            answer = await self._ask(line, ask, prompt)
            if answer.usage is not None and _credible(answer):
                true, by = self._amount(line, answer.usage), "usage"
            self._check(true, worst)
            return answer
        except Fault as fault:
            if fault.usage is not None and fault.cost == "bound":
                true, by = self._amount(line, fault.usage), "usage"
            elif fault.cost == "free":
                true, by = NOTHING, "free"
            raise
        finally:
            self._purse.settle(worst, true)
            bill.total += true
            if name:
                with contextlib.suppress(OSError):  # the reserve keeps counting then: never too little
                    self._journal.settle(name, true, by)
            async with self._freed:
                self._freed.notify_all()

    def _amount(self, line: Line, usage: tuple[int, int]) -> Amount:
        return Amount(*usage, line.price.of(*usage) if line.price else 0)

    def _check(self, true: Amount, worst: Amount) -> None:
        """A vendor that charges more than was asked for is not asked again: the next bound would be worth as little."""
        if true.tokens_in > worst.tokens_in or true.tokens_out > worst.tokens_out:
            why = f"it used {true.tokens_in} + {true.tokens_out} tokens, more than the {worst.tokens} that it may"
            raise Fault(why, fatal=True, usage=(true.tokens_in, true.tokens_out))

    async def _room(self, worst: Amount, ask: wire.Ask, ends: float) -> None:
        """Wait until the call fits beside those under way. Raises Fault if it cannot."""
        told = False
        while not self._purse.holds(worst):
            left = ends - time.monotonic()
            if not self._purse.holds(worst, after_all=True) or left <= 0:
                raise Fault(self._used_up(worst), fatal=True, cost="free", kind="budget")
            if not told:
                await self._tell(ask, "waiting", NOTHING, "for calls under way: the budget holds no more at once")
            told = True
            async with self._freed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._freed.wait(), left)

    def _used_up(self, worst: Amount) -> str:
        purse = self._purse
        if purse.dollars is not None and (purse.settled + worst).pico > purse.dollars and worst.pico:
            cost, spent, budget = worst.pico / PICO, purse.settled.pico / PICO, purse.dollars / PICO
            return f"the budget is used up: ${spent:.4f} of ${budget:.4f} spent, a call may cost ${cost:.4f}"
        return f"the budget is used up: {purse.settled.tokens} of {purse.tokens} tokens, a call may use {worst.tokens}"

    def _write_down(self, model: Model, worst: Amount, *, durable: bool) -> str:
        try:
            return self._journal.reserve(model.name, worst, self._date, durable=durable)
        except OSError as error:
            why = f"what it may cost cannot be written down ({error.strerror}), so it is not asked"
            raise Fault(why, fatal=True, cost="free") from None

    async def _ask(self, line: Line, ask: wire.Ask, prompt: int) -> Answer:
        await self._tell(ask, "asking", Amount(prompt // 4), "")
        last = time.monotonic()

        def wrote(tokens: int) -> None:
            nonlocal last
            if time.monotonic() - last > _TELL_EVERY_S:
                last = time.monotonic()
                so_far = Amount(prompt // 4, tokens, line.price.of(prompt // 4, tokens) if line.price else 0)
                telling.add(asyncio.ensure_future(self._tell(ask, "streaming", so_far, "")))

        telling: set[asyncio.Future[None]] = set()
        try:
            clean = self._clean(ask)
            if line.model.protocol == "any-llm":
                return await by_library(line.model, clean, line.key, wrote)
            body = body_of(line.model, clean, line.price, self._unwanted(line))
            if line.model.local:
                return await over_http(self._nearby(), line.model, clean, line.key, body, wrote)
            async with self._far() as client:
                return await over_http(client, line.model, clean, line.key, body, wrote)
        finally:
            await asyncio.gather(*telling)

    def _nearby(self) -> Any:
        """The client for servers on this machine: no proxy, connections are used again, and TLS has nobody to trust."""
        import httpx

        if self._near is None:
            nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=5)
            self._near = httpx.AsyncClient(follow_redirects=False, trust_env=False, limits=limits, verify=nobody)
        return self._near

    def _far(self) -> Any:
        """A client for one call: a connection that the server closed meanwhile would leave open what a call cost."""
        import httpx

        if self._trust is None:
            self._trust = httpx.create_ssl_context()
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        return httpx.AsyncClient(follow_redirects=False, trust_env=True, limits=limits, verify=self._trust)

    def _clean(self, ask: wire.Ask) -> wire.Ask:
        """The question without any key, should a program have got hold of one."""
        fields = {name: getattr(ask, name) for name in ask.__struct_fields__}
        return wire.Ask(**{**fields, "system": self._scrubbed(ask.system), "user": self._scrubbed(ask.user)})

    def _scrubbed(self, text: str) -> str:
        for line in self._lines.values():
            if len(line.key) >= 8:
                text = text.replace(line.key, "[key]")
        return text

    def _unwanted(self, line: Line) -> frozenset[str]:
        return self._without.get(line.model.name, frozenset())

    def _wait(self, fault: Fault, number: int, pace: float) -> float:
        """Twice as long each time, never less than the server asks for, and somewhat at random.

        Otherwise calls that were turned away together would come back together.
        """
        backoff = pace * min(_FIRST_WAIT_S * 2.0 ** (number - 1), LONGEST_WAIT_S)
        return fault.wait_s + backoff * self._dice.uniform(0.5, 1.5)

    async def _tell(self, ask: wire.Ask, status: str, so_far: Amount, note: str) -> None:
        words = plain(self._scrubbed(note))
        await self._send(wire.Progress(ask.id, status, so_far.tokens_in, so_far.tokens_out, so_far.pico, words))


@dataclass
class _Bill:
    """What one question has cost so far, all attempts together."""

    total: Amount = NOTHING


def _credible(answer: Answer) -> bool:
    """A count of no tokens for a text that is there is no count."""
    return answer.usage is not None and answer.usage[0] > 0 and answer.usage[1] > 0
