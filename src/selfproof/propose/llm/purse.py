"""A budget that cannot be overdrawn: the most that a call may cost is set aside before it is made.

Pure arithmetic in whole tokens and picodollars; `journal` keeps it on disk.
"""

from __future__ import annotations

from dataclasses import dataclass

from selfproof.propose.brief import Spent
from selfproof.propose.llm.prices import PICO


@dataclass(frozen=True)
class Amount:
    """Tokens read and written, and picodollars; each at least 0."""

    tokens_in: int = 0
    tokens_out: int = 0
    pico: int = 0

    def __add__(self, other: Amount) -> Amount:
        """Both together."""
        return Amount(self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out, self.pico + other.pico)

    def __sub__(self, other: Amount) -> Amount:
        """This without the other, which was a part of it."""
        return Amount(self.tokens_in - other.tokens_in, self.tokens_out - other.tokens_out, self.pico - other.pico)

    @property
    def tokens(self) -> int:
        """All tokens."""
        return self.tokens_in + self.tokens_out

    def spent(self) -> Spent:
        """The same for people, in dollars."""
        return Spent(self.tokens_in, self.tokens_out, self.pico / PICO)


NOTHING = Amount()


@dataclass
class Purse:
    """What may be spent (``dollars`` in picodollars; None: no ceiling), what was, and what is set aside."""

    dollars: int | None
    tokens: int | None
    settled: Amount = NOTHING
    aside: Amount = NOTHING

    def holds(self, worst: Amount, *, after_all: bool = False) -> bool:
        """Whether a call that may cost ``worst`` fits; ``after_all``: if every call under way turned out free."""
        total = self.settled + worst if after_all else self.settled + self.aside + worst
        if self.dollars is not None and worst.pico > 0 and total.pico > self.dollars:
            return False
        return self.tokens is None or total.tokens <= self.tokens

    def take(self, worst: Amount) -> None:
        """Set ``worst`` aside. Raises ValueError if it does not fit."""
        if not self.holds(worst):
            raise ValueError("more than the budget holds")
        self.aside += worst

    def settle(self, worst: Amount, true: Amount) -> None:
        """What was set aside as ``worst`` did cost ``true``."""
        self.aside -= worst
        self.settled += true


def worst_case(prompt_bytes: int, messages: int, reply_tokens: int) -> tuple[int, int]:
    """The most tokens that a call can read and write.

    A tokenizer makes no more tokens of a text than it has bytes; the form around a message is a few tokens more, and
    some servers count a reply's end too.
    """
    return prompt_bytes + 64 * messages + 64, reply_tokens + 16
