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
from selfproof.trial.calls import is_object
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
    """The call with other contents: same number of arguments, same types and lengths.

    What is equal in it stays equal: a name or a number that comes twice is changed to the same one both times.
    """
    change = VARIANTS[kind](rng)
    return [change(argument) for argument in call]


Change = Callable[[Any], Any]


def _inside(value: Any, change: Change) -> Any:
    """The same containers with every scalar changed; keys of dicts and members of sets stay."""
    kind = type(value)
    if kind in (list, tuple):
        named = 2 if is_object(value) else 0  # the class of an object stays
        return kind([*value[:named], *(_inside(item, change) for item in value[named:])])
    if kind is dict:
        return {key: _inside(item, change) for key, item in value.items()}
    return change(value)


def _translated(old: str, new: str) -> Change:
    """Texts and bytes with some characters for others."""
    table = str.maketrans(old, new)

    def change(text: Any) -> Any:
        if type(text) is bytes:
            return text.decode("latin-1").translate(table).encode("latin-1")
        return text.translate(table) if type(text) is str else text

    return lambda value: _inside(value, change)


def _digits(rng: random.Random) -> Change:
    """One digit for another in texts, never for a zero."""
    return _translated("123456789", "".join(rng.sample("123456789", 9)))


def _letters(rng: random.Random) -> Change:
    """One ASCII letter for another in texts; they keep their case."""
    lower = "abcdefghijklmnopqrstuvwxyz"
    other = "".join(rng.sample(lower, len(lower)))
    return _translated(lower + lower.upper(), other + other.upper())


def _order(rng: random.Random) -> Change:
    """Items of lists in another order; words of texts too."""

    def change(value: Any) -> Any:
        if type(value) is list:
            items = [change(item) for item in value]
            return rng.sample(items, len(items))
        if type(value) is tuple:
            named = 2 if is_object(value) else 0
            return (*value[:named], *map(change, value[named:]))
        if type(value) is dict:
            return {key: change(item) for key, item in value.items()}
        if type(value) is str and " " in value:
            words = value.split(" ")
            return " ".join(rng.sample(words, len(words)))
        return value

    return change


def _numbers(rng: random.Random) -> Change:
    """Numbers of about the same size inside containers: a whole number among those of as many digits."""
    known: dict[Any, Any] = {}

    def number(value: Any) -> Any:
        if type(value) not in (int, float):
            return _permuted(value, rng)
        key = (type(value), value)
        if key not in known:
            known[key] = _near(value, rng)
        return known[key]

    return lambda value: value if _is_scalar(value) else _inside(value, number)


def _near(value: int | float, rng: random.Random) -> int | float:
    if type(value) is float:
        return value * rng.uniform(0.5, 1.5) if math.isfinite(value) else value
    assert isinstance(value, int)
    digits = len(str(abs(value))) if abs(value) < 10**300 else 0
    if abs(value) < 2 or not digits:
        return value
    near = rng.randint(10 ** (digits - 1), 10**digits - 1)
    return near if value > 0 else -near


def _sizes(rng: random.Random) -> Change:
    """Numbers that are arguments themselves, at most a tenth larger or smaller."""

    def change(value: Any) -> Any:
        if type(value) is int and abs(value) >= 10:
            return value + rng.randint(-abs(value) // 10, abs(value) // 10)
        return value * rng.uniform(0.9, 1.1) if type(value) is float and math.isfinite(value) else value

    return change


def _permuted(value: Any, rng: random.Random) -> Any:
    """An array's numbers in another order: the same values, shape and type. Everything else as it is."""
    if not hasattr(value, "dtype"):
        return value
    import numpy as np

    flat = np.array(value).reshape(-1)
    return np.random.default_rng(rng.getrandbits(64)).permutation(flat).reshape(value.shape)


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, list | tuple | dict) and not hasattr(value, "dtype")


VARIANTS: Final[Mapping[str, Callable[[random.Random], Change]]] = {
    "digits": _digits, "letters": _letters, "order": _order, "numbers": _numbers, "sizes": _sizes,
}  # fmt: skip
"""How a call may be varied without changing its lengths and types: each makes one change for a whole call."""
