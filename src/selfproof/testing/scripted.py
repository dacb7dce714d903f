"""A proposer that needs no model: it says what it is told to, for tests of whatever asks proposers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

from selfproof.propose import reply
from selfproof.propose.brief import Brief, ProposerFailed, Spent, Suggestion


class ScriptedModel:
    """Gives one turn of its script for each time that it is asked: a suggestion, a reply's text, or a failure.

        ScriptedModel([blocks.written(before, after), "no idea", ProposerFailed("out of money", fatal=True)])

    A text is read as a model's reply is. After the last turn it fails for good, unless it is to ``repeat``; ``each`` is
    what a turn costs. ``briefs`` are all that it was shown.
    """

    def __init__(
        self, script: Sequence[Suggestion | str | ProposerFailed], *, name: str = "scripted", repeat: bool = False,
        each: Spent | None = None,
    ) -> None:  # fmt: skip
        self._script = list(script)
        self._name = name
        self._repeat = repeat
        self._each = each or Spent()
        self._lock = threading.Lock()
        self.briefs: list[Brief] = []
        self.closed = False

    @property
    def name(self) -> str:
        """As it is shown."""
        return self._name

    def propose(self, brief: Brief) -> Iterator[Suggestion]:
        """Yield the next turn. Raises ProposerFailed where that is one, or where nothing is left."""
        with self._lock:
            number = len(self.briefs)
            self.briefs.append(brief)
        if not self._script or (number >= len(self._script) and not self._repeat):
            raise ProposerFailed("the script is at its end", fatal=True)
        turn = self._script[number % len(self._script)]
        if isinstance(turn, ProposerFailed):
            raise ProposerFailed(str(turn), fatal=turn.fatal, advice=turn.advice(), spent=turn.spent + self._each)
        if isinstance(turn, str):
            yield reply.suggestion(turn, brief, spent=self._each)
        else:
            yield replace(turn, spent=turn.spent + self._each)

    def close(self) -> None:
        """Take note that it was closed."""
        self.closed = True
