"""A speed task whose inputs are calls that were recorded from the user's own tests or script, and variants of them.

A call's split follows from the SHA-256 of its arguments, so that no call is in two splits. From each recorded call
*variants* are drawn, fresh for each seed: the same lengths and types, with other digits, other numbers, another order
(only the kinds that the task names; ``selfproof init`` names those under which the function went on as before). A
variant is in the split that its own hash says.

Does not protect against: variants of one recorded call in two splits, which are other calls but close relatives; and
without any kind of variant the confirm split is the few recorded calls alone, asked again and again. What is claimed
is about calls like these, and `pool` says how many there are.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Final

from selfproof.jail import values
from selfproof.nouns import Split, UsageError
from selfproof.trial.task import Workload

SPLITS: Final[tuple[tuple[Split, float], ...]] = (("explore", 0.5), ("confirm", 0.85), ("report", 1.0))
TRIES: Final = 40
"""Draws for each call that is wanted, before fewer are given."""

Call = list[Any]


def split_of(call: Call) -> Split:
    """The split that a call is in, by the hash of its arguments."""
    place = int.from_bytes(hashlib.sha256(values.encode(call)).digest()[:8], "big") / 2**64
    return next(split for split, end in SPLITS if place < end)


class RecordedCalls(Workload):
    """Lists of calls for a runner: ``calls`` are argument lists, ``kinds`` names of variants, see ``VARIANTS``."""

    calls: ClassVar[Sequence[Call]]
    kinds: ClassVar[tuple[str, ...]] = ()
    per_input: ClassVar[int] = 16
    """Calls in one input."""

    @cached_property
    def parts(self) -> Mapping[Split, Sequence[Call]]:
        """The recorded calls of each split.

        Raises:
            UsageError: there is no call, or an unknown kind of variant.
        """
        if unknown := set(self.kinds) - set(VARIANTS):
            raise UsageError(
                f"no kind of variant is called {min(unknown)!r}", advice=f"There are {', '.join(VARIANTS)}."
            )
        found: dict[Split, list[Call]] = {split: [] for split, _ in SPLITS}
        for call in {values.encode(call): call for call in self.calls}.values():
            found[split_of(call)].append(call)
        if not any(found.values()):
            raise UsageError("the workload has no calls", advice="Put some into tasks/calls.py: lists of arguments.")
        return found

    def inputs(self, split: Split, seed: int, n: int) -> list[Any]:
        """``n`` lists of different calls, the same for the same seed.

        Raises:
            UsageError: this split has no calls.
        """
        rng = random.Random(f"{split}|{seed}")
        return [self._input(split, rng) for _ in range(n)]

    def _input(self, split: Split, rng: random.Random) -> list[Call]:
        found: dict[bytes, Call] = {}
        for call in self._draws(split, rng):
            found.setdefault(values.encode(call), call)
            if len(found) >= self.per_input:
                break
        if not found:
            raise UsageError(
                f"no recorded call is in the {split} split", advice="Record more different calls, or generate some."
            )
        return list(found.values())

    def _draws(self, split: Split, rng: random.Random) -> Iterator[Call]:
        """Calls of a split: recorded ones and variants in turn, at random."""
        own, every = self.parts[split], [call for part in self.parts.values() for call in part]
        for _ in range(TRIES * self.per_input):
            if own and (not self.kinds or rng.random() < 0.5):
                yield rng.choice(own)
            elif self.kinds and split_of(call := variant(rng.choice(every), rng.choice(self.kinds), rng)) == split:
                yield call

    def pool(self, split: Split) -> dict[str, object]:
        """What the calls of a split are drawn from: how many were recorded, and how they are varied."""
        return {"split": split, "recorded_calls": len(self.parts[split]), "variants": list(self.kinds)}


def variant(call: Call, kind: str, rng: random.Random) -> Call:
    """The call with other contents: same number of arguments, same types and lengths."""
    return [VARIANTS[kind](argument, rng) for argument in call]


def _inside(value: Any, rng: random.Random, change: Callable[[Any, random.Random], Any]) -> Any:
    """The same containers with every scalar changed; keys of dicts and members of sets stay."""
    kind = type(value)
    if kind in (list, tuple):
        named = 2 if _is_object(value) else 0  # the class of an object stays
        return kind([*value[:named], *(_inside(item, rng, change) for item in value[named:])])
    if kind is dict:
        return {key: _inside(item, rng, change) for key, item in value.items()}
    return change(value, rng)


def _digits(value: Any, rng: random.Random) -> Any:
    """Other digits where digits are, never a leading zero where there was none: text and bytes only."""

    def change(text: Any, rng: random.Random) -> Any:
        if type(text) is bytes:
            return change(text.decode("latin-1"), rng).encode("latin-1")
        if type(text) is not str:
            return text
        return "".join(rng.choice("123456789") if "1" <= ch <= "9" else ch for ch in text)

    return _inside(value, rng, change)


def _letters(value: Any, rng: random.Random) -> Any:
    """One letter for another, the same one all over a text: ASCII letters keep their case."""

    def change(text: Any, rng: random.Random) -> Any:
        if type(text) is bytes:
            return change(text.decode("latin-1"), rng).encode("latin-1")
        if type(text) is not str:
            return text
        lower = "abcdefghijklmnopqrstuvwxyz"
        other = "".join(rng.sample(lower, len(lower)))
        return text.translate(str.maketrans(lower + lower.upper(), other + other.upper()))

    return _inside(value, rng, change)


def _order(value: Any, rng: random.Random) -> Any:
    """Items of lists in another order; words of texts too."""
    if type(value) is list:
        items = [_order(item, rng) for item in value]
        rng.shuffle(items)
        return items
    if type(value) is tuple:
        named = 2 if _is_object(value) else 0
        return (*value[:named], *(_order(item, rng) for item in value[named:]))
    if type(value) is dict:
        return {key: _order(item, rng) for key, item in value.items()}
    if type(value) is str and " " in value:
        words = value.split(" ")
        rng.shuffle(words)
        return " ".join(words)
    return value


def _numbers(value: Any, rng: random.Random) -> Any:
    """Numbers of about the same size inside containers: a whole number among those of as many digits."""
    return value if _is_scalar(value) else _inside(value, rng, _number)


def _sizes(value: Any, rng: random.Random) -> Any:
    """Numbers that are arguments themselves, at most a tenth larger or smaller."""
    if type(value) is int and abs(value) >= 10:
        return value + rng.randint(-abs(value) // 10, abs(value) // 10)
    return value * rng.uniform(0.9, 1.1) if type(value) is float and math.isfinite(value) else value


def _number(value: Any, rng: random.Random) -> Any:
    if type(value) is int and abs(value) > 1:
        digits = len(str(abs(value)))
        near = rng.randint(10 ** (digits - 1), 10**digits - 1) if digits < 300 else abs(value) + rng.randint(0, 9)
        return near if value > 0 else -near
    if type(value) is float and math.isfinite(value):
        return value * rng.uniform(0.5, 1.5)
    return _array(value, rng)


def _array(value: Any, rng: random.Random) -> Any:
    """An array's numbers in another order: the same values, shape and type."""
    if not hasattr(value, "dtype"):
        return value
    import numpy as np

    flat = np.array(value).reshape(-1)
    return np.random.default_rng(rng.getrandbits(64)).permutation(flat).reshape(value.shape)


def _is_object(value: Any) -> bool:
    """Whether plain data stands for an object: see the template `function`, selfproof_objects.py."""
    return type(value) is tuple and bool(value) and value[0] in ("$new", "$call", "$name")


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, list | tuple | dict) and not hasattr(value, "dtype")


VARIANTS: Final[Mapping[str, Callable[[Any, random.Random], Any]]] = {
    "digits": _digits, "letters": _letters, "order": _order, "numbers": _numbers, "sizes": _sizes,
}  # fmt: skip
"""How a call may be varied without changing its lengths and types."""
