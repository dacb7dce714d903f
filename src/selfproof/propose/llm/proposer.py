"""A language model as a proposer: brief in, request out; reply in, suggestion out.

What a model says is trusted by nobody. A model that gives nothing usable, or the same again, costs little: after a row
of such replies it is not asked any more.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from selfproof.nouns import UsageError
from selfproof.propose import prompt, reply
from selfproof.propose.brief import Brief, Proposer, ProposerFailed, Spent, Suggestion
from selfproof.propose.llm.cassette import Asker, Recorder, Replayer
from selfproof.propose.llm.endpoints import Model, parse
from selfproof.propose.llm.handle import Answered, Handle, Patience, Told, TooLong

USELESS_IN_A_ROW = 20
_REMEMBERED = 1000
_SHORTENED = 3


@dataclass(frozen=True)
class Progress:
    """How far a proposer is, for people: ``status`` "asking", "streaming", "waiting", "retrying", "done" or "failed".

    ``spent`` is what this question has cost so far, an estimate until it is done.
    """

    name: str
    status: str
    spent: Spent
    note: str = ""


class LLMProposer:
    """One model. ``on_progress`` is called from the thread that asks."""

    def __init__(self, model: Model, key: str, asker: Asker, *, on_close: Callable[[], None] | None = None) -> None:
        self.model = model
        self.on_progress: Callable[[Progress], None] | None = None
        self._key = key
        self.asker = asker
        self._on_close = on_close or asker.close
        self._lock = threading.Lock()
        self._useless = 0
        self._given: OrderedDict[str, int] = OrderedDict()
        self._total = Spent()
        self._limit = model.prompt_bytes
        self._open = True

    @property
    def name(self) -> str:
        """The model's name, as in the charter."""
        return self.model.name

    @property
    def spent(self) -> Spent:
        """What it has cost in this run."""
        with self._lock:
            return self._total

    def propose(self, brief: Brief) -> Iterator[Suggestion]:
        """Ask once; yields one suggestion.

        Raises:
            ProposerFailed: no answer, or none that can be used; ``spent`` is what that cost all the same.
        """
        useless = self._useless
        if useless >= USELESS_IN_A_ROW:
            raise ProposerFailed(f"{useless} replies in a row were of no use: it is not asked any more", fatal=True)
        try:
            got, before = self._ask(brief)
            spent = before + got.spent
            self._tell("done", spent)
            suggestion = self._useful(got, brief, spent)
        except ProposerFailed as why:
            with self._lock:
                self._total += why.spent
            self._tell("failed", why.spent, str(why))
            raise
        with self._lock:
            self._total += spent
            self._useless = 0
        yield suggestion

    def close(self) -> None:
        """Let go of the broker; it ends with the last proposer that uses it."""
        with self._lock:
            was_open, self._open = self._open, False
        if was_open:
            self._on_close()

    def _ask(self, brief: Brief) -> tuple[Answered, Spent]:
        """The answer, and what was spent on attempts before it, with less and less of the program if it must be."""
        before = Spent()
        for last in (*[False] * _SHORTENED, True):
            limit = self._limit
            request = prompt.request(brief, limit=limit, reply_tokens=self.model.reply_tokens)
            try:
                return self.asker.ask(self._key, request, self._tell_of), before
            except TooLong as why:
                before += why.spent
                if last or limit // 2 < prompt.LEAST_BYTES:
                    raise ProposerFailed(str(why), fatal=True, advice=why.advice(), spent=before) from None
                with self._lock:
                    self._limit = min(self._limit, limit // 2)
        raise AssertionError("unreachable")

    def _useful(self, got: Answered, brief: Brief, spent: Spent) -> Suggestion:
        try:
            suggestion = reply.suggestion(got.text, brief, spent=spent)
        except ProposerFailed as why:
            with self._lock:
                self._useless += 1
            if got.ended == "length":
                told = f"the reply was cut off after {self.model.reply_tokens} tokens, before any edit was complete"
                advice = f"Give it more room: {self.model.name}?reply_tokens={2 * self.model.reply_tokens}"
                raise ProposerFailed(told, advice=advice, spent=spent) from None
            raise why
        with self._lock:
            again = _count(self._given, (brief.parent, sorted(suggestion.files.items()))) > 0
            self._useless += again
        if again:
            raise ProposerFailed("it suggests the same edit again", spent=spent)
        return suggestion

    def _tell_of(self, told: Told) -> None:
        self._tell(told.status, told.so_far, told.note)

    def _tell(self, status: str, spent: Spent, note: str = "") -> None:
        if self.on_progress is not None:
            self.on_progress(Progress(self.name, status, spent, note))


def proposers(
    models: Sequence[str], *, journal: Path, dollars: float, tokens: int, record: Path | None = None,
    replay: Path | None = None, keep_keys: bool = False, patience: Patience | None = None,
) -> list[Proposer]:  # fmt: skip
    """One proposer for each model of a charter, over one broker that keeps them all within one budget.

    ``dollars`` (0: only models that cost nothing) and ``tokens`` (0: no ceiling) are for the whole life that
    ``journal`` tells of, in .selfproof/; a prices.toml beside that folder adds to the price table. ``record`` writes a
    cassette; ``replay`` answers from one, for the models that it holds if none is named, as "cassette:FILE" does. The
    keys leave this process's environment unless ``keep_keys``: say so where the process is the user's own, a notebook.

    Raises:
        UsageError: a name is no model's, or a model cannot be asked: no key, no price, no library, journal in use.
    """
    if record is not None and replay is not None:
        raise UsageError("a run is recorded or replayed, not both")
    if not math.isfinite(dollars) or dollars < 0 or tokens < 0:
        raise UsageError(f"no budget: {dollars} dollars, {tokens} tokens")
    taped = [name for name in models if name.startswith("cassette:")]
    parsed = {name: parse(name) for name in models if name not in taped}
    made = [one for name in taped for one in _from_cassette(Path(name.removeprefix("cassette:")))]
    if replay is not None:
        tape = Replayer(replay)
        made += [LLMProposer(model, name, tape) for name, model in parsed.items()]
        made += [] if parsed else _replayed(tape, "")
    elif parsed:
        own = journal.resolve().parent.parent / "prices.toml"
        handle = Handle(
            list(parsed), list(parsed.values()), journal=journal, dollars=dollars, tokens=tokens or None, prices=own,
            patience=patience, keep_keys=keep_keys,
        )  # fmt: skip
        asker = _recorded(handle, record)
        left = _Last(len(parsed), asker.close)
        made += [LLMProposer(model, name, asker, on_close=left.leave) for name, model in parsed.items()]
    if len({one.name for one in made}) < len(made):
        for one in made:
            one.close()
        raise UsageError("a model is named twice")
    return list(made)


def _recorded(handle: Handle, record: Path | None) -> Asker:
    try:
        return Recorder(handle, record) if record is not None else handle
    except BaseException:
        handle.close()
        raise


def _count(seen: OrderedDict[str, int], thing: object) -> int:
    """How often ``seen`` was asked about this thing before."""
    known = hashlib.sha256(repr(thing).encode("utf-8", "replace")).hexdigest()
    times = seen.pop(known, 0)
    seen[known] = times + 1
    if len(seen) > _REMEMBERED:
        seen.popitem(last=False)
    return times


class _Last:
    """Calls ``end`` when the last of ``count`` has left."""

    def __init__(self, count: int, end: Callable[[], None]) -> None:
        self._count = count
        self._end = end
        self._lock = threading.Lock()

    def leave(self) -> None:
        with self._lock:
            self._count -= 1
            last = self._count == 0
        if last:
            self._end()


def _from_cassette(path: Path) -> list[LLMProposer]:
    """A proposer for each model that a cassette was recorded from, named after it."""
    return _replayed(Replayer(path), "cassette: ")


def _replayed(tape: Replayer, prefix: str) -> list[LLMProposer]:
    if not tape.models:
        raise UsageError(f"{tape.path} holds no answer")
    return [LLMProposer(replace(parse(name), name=prefix + parse(name).name), name, tape) for name in tape.models]
