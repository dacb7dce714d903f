"""A proposer that needs no model: it says what it is told to, for tests of whatever asks proposers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from selfproof.propose import reply
from selfproof.propose.brief import Brief, ProposerFailed, Spent, Suggestion

Turn = Suggestion | str | ProposerFailed


class ScriptedModel:
    """Gives one turn of its script for each time that it is asked: a suggestion, a reply's text, or a failure.

        ScriptedModel([blocks.written(before, after), "no idea", ProposerFailed("out of money", fatal=True)])

    A text is read as a model's reply is; a turn may also be a function of the brief that gives one. After the last turn
    it fails for good, unless it is to ``repeat``; ``each`` is what a turn costs, ``seconds`` how long it takes. Closing
    it ends the wait. ``briefs`` are all that it was shown.
    """

    def __init__(
        self, script: Sequence[Turn | Callable[[Brief], Turn]], *, name: str = "scripted", repeat: bool = False,
        each: Spent | None = None, seconds: float = 0.0,
    ) -> None:  # fmt: skip
        self._script = list(script)
        self._name = name
        self._repeat = repeat
        self._each = each or Spent()
        self._seconds = seconds
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.briefs: list[Brief] = []

    @property
    def name(self) -> str:
        """As it is shown."""
        return self._name

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed.is_set()

    def propose(self, brief: Brief) -> Iterator[Suggestion]:
        """Yield the next turn.

        Raises:
            ProposerFailed: the turn is one, nothing is left, or it was closed.
        """
        with self._lock:
            number = len(self.briefs)
            self.briefs.append(brief)
        if self._closed.wait(self._seconds):
            raise ProposerFailed("it was closed", fatal=True)
        if not self._script or (number >= len(self._script) and not self._repeat):
            raise ProposerFailed("the script is at its end", fatal=True)
        turn = self._script[number % len(self._script)]
        if callable(turn):
            turn = turn(brief)
        if isinstance(turn, ProposerFailed):
            raise ProposerFailed(str(turn), fatal=turn.fatal, advice=turn.advice(), spent=turn.spent + self._each)
        if isinstance(turn, str):
            yield reply.suggestion(turn, brief, spent=self._each)
        else:
            yield replace(turn, spent=turn.spent + self._each)

    def close(self) -> None:
        """End every call that waits; it gives nothing more."""
        self._closed.set()
