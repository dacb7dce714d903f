"""Weights in a folder as a proposer: brief in, compact prompt out; reply in, suggestion out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from selfproof.propose import reply
from selfproof.propose.brief import Brief, ProposerFailed, Spent, Suggestion
from selfproof.propose.local.asking import Asker, Refused
from selfproof.propose.local.prompt import compact


class LocalProposer:
    """One folder's weights on the desk. They cost nothing but time, and are trusted no more than any model."""

    def __init__(self, asker: Asker, name: str = "") -> None:
        self.asker = asker
        self._name = name or asker.folder.name

    @property
    def name(self) -> str:
        """As it is shown and logged."""
        return self._name

    def propose(self, brief: Brief) -> Iterator[Suggestion]:
        """Ask once; yields one suggestion. What is drawn follows from the brief and its number.

        Raises:
            ProposerFailed: no answer, or none that can be used.
        """
        prompt = compact(brief, self.asker.folder.prompt_bytes)
        drawn = hashlib.sha256(f"{brief.number}\0{prompt}".encode()).digest()
        try:
            answer = self.asker.ask(prompt, int.from_bytes(drawn[:7], "big"))
        except Refused as why:
            raise ProposerFailed(str(why), fatal=why.fatal, advice=why.advice()) from None
        yield reply.suggestion(answer.text, brief, spent=Spent(answer.tokens_in, answer.tokens_out))

    def close(self) -> None:
        """End the process."""
        self.asker.close()
