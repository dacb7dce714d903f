"""Hard inputs for comparing two versions of a function, and when two transcripts of it are the same.

`hard_inputs` starts from argument lists that were recorded from real calls, because random ones rarely get
past a function's first line, and changes them in the ways in which rewritten code usually turns out to
differ: NaN, infinities and minus zero, empty and ragged data, `True` for 1 and 1.0 for 1, integers beyond
64 bits, text outside the basic plane, None and lists where a scalar was, repeated elements, and the same
object in two places.

Does not protect against:
- a difference on inputs that neither the recording nor the fuzz reaches: equality is tested hard, not
  proved.
- inputs on which the original takes very long: give each batch its own deadline, drop those the original
  misses.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from selfproof.jail import harness, values

_FLOATS: Final = (math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, 5e-324, 1e308, -1.5, 1e16, 0.1)
_INTS: Final = (0, 1, -1, 2, 3, 7, 255)
_HUGE: Final = (2**31, 2**63, -(2**63) - 1, 2**64 + 1, 10**30)
_TEXTS: Final = (
    "",
    "a",
    "A",
    " ",
    "e\u0301",
    "\u00e9",
    "\U0001f600",
    "\u00df",
    "\u0130",
    "\x00",
    "1",
    "nan",
    "a b\tc\n",
    "\u0660",
    "\u00b2",
    "\uff11",
    "\u03a3\u03c2",
    "\ufb01",
    "  ",
    "\r\n",
    "\u2028\u00a0",
)
_SCALARS: Final = (None, True, False, b"", b"a", *_FLOATS, *_INTS, *_TEXTS)

_SEQUENCES: Final = (list, tuple, str, bytes)
_SIZED: Final = (*_SEQUENCES, dict, set, frozenset)

PLANNED_OF: Final = 8
"""Of so many calls four are changed in one of the ways of `_PLANNED`, the others at random places."""

Path = tuple[Any, ...]
Change = Callable[[Any, random.Random], Any]


def hard_inputs(recorded: Sequence[list[Any]], rng: random.Random, n: int) -> list[list[Any]]:
    """Make `n` argument lists from `recorded` ones, which are left as they are; same `rng` state, same lists.

    Each keeps its number of arguments; the first ones are changed least. Objects may be shared within one
    list: send them with `encode_calls`, for plain `values.encode` would lose that. ValueError if nothing
    was recorded.
    """
    if not recorded:
        raise ValueError("no call was recorded; record at least one before making harder ones")
    made = []
    for number in range(n):
        args = copy.deepcopy(recorded[rng.randrange(len(recorded))])
        for _ in range(rng.randint(1, 1 + min(3, number // 8))):
            args = _PLANNED.get(number % PLANNED_OF, _changed)(args, rng)
        made.append(args)
    return made


def distinct(calls: Sequence[list[Any]], n: int, size: int) -> list[list[Any]]:
    """At most `n` argument lists, none of them twice: `calls` without repetitions, then shorter variants of them.

    A workload may call a function with the same arguments again and again; in a timed batch that would pay a version
    that only remembers answers. A variant is a call whose longest lists or texts lose their last items, at most half;
    a call without any has none, so the batch may be smaller than `n`. Variants stop where all are `size` bytes encoded.
    """
    found = {values.encode(args): args for args in calls}
    once = list(found.values())
    room = size - sum(map(len, found))
    lengths = [max((len(a) for a in args if isinstance(a, _SEQUENCES)), default=0) for args in once]
    for dropped in range(1, max(lengths, default=0) // 2 + 1):
        for args, length in zip(once, lengths, strict=True):
            if len(found) >= n or room <= 0:
                break
            if dropped <= length // 2:
                shorter = [a[:-dropped] if isinstance(a, _SEQUENCES) and len(a) == length else a for a in args]
                data = values.encode(shorter)
                room -= 0 if data in found else len(data)
                found.setdefault(data, shorter)
    return list(found.values())[:n]


def encode_calls(calls: Sequence[list[Any]]) -> bytes:
    """Write calls as the input of mode `observe`, sharing included. Raises ValueInvalid or TypeError."""
    return values.encode([harness.pack(args) for args in calls])


def same(a: bytes, b: bytes) -> bool:
    """Whether two encoded `observe` transcripts of the same calls tell of equal behaviour.

    Equal bytes are equal answers, states and aliasing; a hostile child that emits the anchor's bytes has
    given the right answers. An empty transcript is never the same as anything.
    """
    return bool(a) and a == b


def _changed(args: list[Any], rng: random.Random) -> list[Any]:
    """One change at a random place below the top; the number of arguments stays."""
    places = list(_places(args))
    if not places:
        return args
    where = rng.choice(places)
    if len(places) > 1 and rng.random() < 0.12:
        source = rng.choice(places)
        if source[: len(where)] != where and where[: len(source)] != source:
            return list(_with(args, where, _at(args, source)))
    found = _at(args, where)
    change = _scalar if is_object(found) else rng.choice(_CHANGES)
    return list(_with(args, where, change(found, rng)))


def _extreme(args: list[Any], rng: random.Random) -> list[Any]:
    """Some of the numbers in containers by others of their type: NaN beside infinities, integers that overflow."""
    rest: tuple[float, ...] = rng.choice((_FLOATS[:3], _FLOATS))
    for where in list(_places(args)):
        found = _at(args, where)
        if len(where) > 1 and type(found) in (int, float) and rng.random() < 0.5:
            args = list(_with(args, where, rng.choice(rest if type(found) is float else _HUGE)))
    return args


def _emptied(args: list[Any], rng: random.Random) -> list[Any]:
    """One list, text or the like without anything in it."""
    places = [
        where for where in _places(args) if isinstance(_at(args, where), _SIZED) and not is_object(_at(args, where))
    ]
    where = rng.choice(places) if places else ()
    return list(_with(args, where, type(_at(args, where))())) if where else _changed(args, rng)


def _whole(args: list[Any], rng: random.Random) -> list[Any]:
    """One argument by a value of another kind."""
    return list(_with(args, (rng.randrange(len(args)),), rng.choice(_SCALARS))) if args else _changed(args, rng)


def _repeated(args: list[Any], rng: random.Random) -> list[Any]:
    """One list with an item twice, or with what is equal to an item."""
    places = [where for where in _places(args) if type(_at(args, where)) is list and _at(args, where)]
    where = rng.choice(places) if places else ()
    return list(_with(args, where, _special_inside(_at(args, where), rng))) if where else _changed(args, rng)


def is_object(value: Any) -> bool:
    """Whether plain data stands for an object: see the template `function`, selfproof_objects.py."""
    return type(value) is tuple and value[:1] in (("$new",), ("$call",), ("$name",))


def _places(value: Any, path: Path = (), depth: int = 4) -> Iterator[Path]:
    """The paths to everything below `value`, a few from each container.

    Of what stands for an object only the contents, never its class or the fact that it has a state: an object without
    its attributes is none that a program can meet.
    """
    if is_object(value):
        for key in range(2, len(value)):
            yield from _places(value[key], (*path, key), depth)
        return
    if depth == 0 or not isinstance(value, list | tuple | dict):
        return
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    for key in keys if len(keys) <= 8 else [*keys[:4], *keys[-4:]]:
        yield (*path, key)
        yield from _places(value[key], (*path, key), depth - 1)


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value


def _with(value: Any, path: Path, new: Any) -> Any:
    """`value` with the part at `path` replaced: in place where it can be, so that sharing is kept."""
    if not path:
        return new
    key, rest = path[0], path[1:]
    part = _with(value[key], rest, new)
    if isinstance(value, tuple):
        return (*value[:key], part, *value[key + 1 :])
    value[key] = part
    return value


def _scalar(value: Any, rng: random.Random) -> Any:
    return rng.choice(_SCALARS)


def _neighbour(value: Any, rng: random.Random) -> Any:
    """The same kind of value, a little or far away."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((value + 1, value - 1, -value, 0, rng.choice(_INTS)))
    if isinstance(value, float):
        return rng.choice((*_FLOATS, -value, math.nextafter(value, math.inf)))
    if isinstance(value, str):
        at = rng.randint(0, len(value))
        one = value[:at] + rng.choice(_TEXTS) + value[at:]
        return rng.choice(
            (one, _salted(value, rng), _salted(value, rng), value[::-1], value.swapcase(), value[:at], "")
        )
    if isinstance(value, bytes):
        return rng.choice((value[::-1], value[: len(value) // 2], value + b"\xff", b""))
    return _reshaped(value, rng)


def _salted(text: str, rng: random.Random) -> str:
    """Many odd characters at once: what is special to a function is one of a few, and a call has room for several."""
    for odd in rng.sample(_TEXTS, 8):
        at = rng.randint(0, len(text))
        text = text[:at] + odd + text[at:]
    return text


def _other_type(value: Any, rng: random.Random) -> Any:
    """A value that compares equal, or nearly, but is of another type."""
    if isinstance(value, bool):
        return rng.choice((int(value), float(value)))
    if isinstance(value, int):
        near = float(value) if abs(value) < 2**53 else value
        return rng.choice((near, bool(value), str(value) if abs(value) < 10**9 else value))
    if isinstance(value, float):
        return int(value) if math.isfinite(value) and abs(value) < 1e6 else str(value)
    if isinstance(value, str):
        return rng.choice((value.encode(), list(value[:50]), None))
    if isinstance(value, list):
        return rng.choice((tuple(value), dict.fromkeys(range(len(value)), 0)))
    if isinstance(value, tuple):
        return list(value)
    return [value]


def _reshaped(value: Any, rng: random.Random) -> Any:
    """Containers made empty, shorter, ragged, repeated, reversed, or nested in themselves."""
    if isinstance(value, list | tuple):
        kind, items, at = type(value), list(value), rng.randint(0, len(value))
        repeated = items[:at] + items[max(0, at - 2) : at] * 2 + items[at:]
        odd = [*items[:at], rng.choice((math.nan, None, [], [1], "", True, -0.0)), *items[at:]]
        return kind(rng.choice((items[:0], items[:at], items[::-1], repeated, odd, odd, [*items, items[:2]])))
    if isinstance(value, dict):
        items = list(value.items())
        return dict(rng.choice((items[:0], items[:-1], items[::-1], [*items, (rng.choice(_SCALARS), 1)])))
    if isinstance(value, set | frozenset):
        return type(value)(rng.choice(([], [*value, math.nan], [*value, 0, ""])))
    return rng.choice(([value], [], {}, (value, value)))


def _special_inside(value: Any, rng: random.Random) -> Any:
    """The same object in two places, one NaN object twice, or what equals an item and is of another type, in a list."""
    if isinstance(value, list) and value:
        items, nan = list(value), math.nan
        items[rng.randrange(len(items))] = one = items[rng.randrange(len(items))]
        equal = _twin(one) if type(one) in (int, float) and abs(one) < 2**53 else one  # not of a NaN
        return rng.choice((items, [*items, nan, nan], [*items, items[0]], [*value, equal], [equal, *value]))
    return _neighbour(value, rng)


def _twin(number: int | float) -> int | float:
    """What is equal to a number and of another type, as far as there is one."""
    if type(number) is float:
        return int(number) if number.is_integer() else number
    return bool(number) if number in (0, 1) else float(number)


def _huge(value: Any, rng: random.Random) -> Any:
    """Large integers only inside containers, where they are rarely a length or a count."""
    if isinstance(value, list) and value:
        return [*value[:-1], rng.choice(_HUGE)]
    return _neighbour(value, rng)


_CHANGES: Final[tuple[Change, ...]] = (
    *[_neighbour] * 3, *[_other_type] * 2, *[_reshaped] * 2, _scalar, _special_inside, _huge
)  # fmt: skip

_PLANNED: Final[dict[int, Callable[[list[Any], random.Random], list[Any]]]] = {
    0: _extreme, 1: _emptied, 2: _repeated, 3: _whole
}  # fmt: skip
