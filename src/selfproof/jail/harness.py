"""How the child uses the entry function for one input; trusted code that runs beside hostile code.

- `call`: the answer to one value.
- `replay`: one function on many argument lists, as fast as possible: this is the timed mode.
- `observe`: everything a caller could notice of one function on many argument lists, to compare versions.
- `profile`: where a workload spends its time, and the arguments of the functions asked for.

`pack` writes values that share objects (`f(a, a)`, a result that is an argument) as plain data, `unpack`
makes them anew. Packed is {"heap": [[kind, contents], ...], "root": ref}; a ref is a scalar, ("@", heap
index), ("t", refs of a tuple), ("f", frozenset of refs), ("nan", number) or ("n", dtype, NumPy scalar).
Mutable objects and NaNs are numbered as they are first met, so equal structure gives equal bytes.

Does not protect against:
- a program that replaces parts of this module: what comes back is its claim, and time is measured outside.
- what `observe` cannot see: text on streams, overlapping array views, identity of immutable objects.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import itertools
import math
import random
import sys
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any, Final

from selfproof.jail import stacks, values

Function = Callable[..., object]
Modules = Mapping[str, ModuleType]
Mode = Callable[[Function, Modules, object], object]

_KINDS: Final[dict[type, str]] = {list: "list", dict: "dict", set: "set"}
_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})
_NODES_MAX: Final = 1_000_000


def call(function: Function, modules: Modules, value: object) -> object:
    """Return the function's answer to one value."""
    return function(value)


def replay(function: Function, modules: Modules, value: Any) -> object:
    """Call the function with each argument list: ["ok", result] or ["raise", type, text of its arguments]."""
    outcomes = []
    for args in value:
        try:
            outcomes.append(["ok", function(*args)])
        except Exception as error:  # noqa: BLE001  what it raises is its outcome
            outcomes.append(["raise", type(error).__name__, ascii(error.args)])
    return outcomes


def observe(function: Function, modules: Modules, value: Any) -> object:
    """Return a transcript of the function on each call of `value`: a list of arguments, or a packed one.

    A call is made; noted are its outcome, the state of its arguments, and what is the same object as what.
    Then result and arguments are spoilt and it is made again with new ones (a remembered mutable result
    shows), then all calls once more in reverse order (state shows). Later passes hold None where nothing
    was different. Raises TypeError where a result cannot be compared (a generator, an instance of a class).
    """
    calls = [item if type(item) is dict else pack(item) for item in value]
    first, again = [], []
    for item in calls:
        first.append(_outcome(function, item, spoil=True))
        again.append(_news(function, item, first[-1]))
    return [first, again, [_news(function, *pair) for pair in reversed([*zip(calls, first, strict=True)])]]


def profile(function: Function, modules: Modules, value: Any) -> object:
    """Run the workload `function(value["input"])` once for the times, if "times", and once for the arguments.

    value: {"input", "times", "tree", "record": ["file.py:function", ...], "keep": calls of each, "bytes": size in all}.
    Returns {"hot": [[path, function, calls, own seconds, cumulative seconds], ...] by own time, longest first, "tree":
    `stacks.tree`, "calls": {"file.py:function": [argument list, ...]}}. Comprehensions and C code are own time.
    """
    paths = {getattr(module.__spec__, "origin", None) for module in modules.values()}
    hot = stacks.hot(function, paths, copy.deepcopy(value["input"])) if value.get("times", True) else []
    tree = stacks.tree(function, paths, copy.deepcopy(value["input"])) if value.get("tree", False) else []
    recorder = _Recorder(value.get("record", ()), value.get("keep", 64), value.get("bytes", 1 << 20))
    return {"hot": hot, "tree": tree, "calls": recorder.listen(function, modules, value["input"])}


MODES: Final[Mapping[str, Mode]] = {"call": call, "replay": replay, "observe": observe, "profile": profile}


def pack(value: object) -> dict[str, object]:
    """Write `value` as plain data that tells which parts are the same object; TypeError if not plain."""
    return _Packer().pack(value)


def unpack(packed: Mapping[str, Any]) -> Any:
    """Make the objects anew that `pack` wrote; LookupError, TypeError or ValueError for anything else."""
    makers: dict[str, Callable[[], Any]] = {name: kind for kind, name in _KINDS.items()}
    objects = [body.copy() if kind == "array" else makers[kind]() for kind, body in packed["heap"]]
    nans: dict[int, float] = {}

    def made(ref: Any) -> Any:
        if type(ref) is not tuple:
            return ref
        tag, *parts = ref
        if tag in ("t", "f"):
            return tuple(map(made, parts)) if tag == "t" else frozenset(map(made, parts[0]))
        return objects[parts[0]] if tag == "@" else nans.setdefault(parts[0], float("nan"))

    for target, (kind, body) in zip(objects, packed["heap"], strict=True):
        if kind == "list":
            target.extend(map(made, body))
        elif kind == "set":
            target.update(map(made, body))
        elif kind == "dict":
            target.update(zip(map(made, body[::2]), map(made, body[1::2]), strict=True))
    return made(packed["root"])


class _Packer:
    def __init__(self) -> None:
        self.objects: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._nans: list[float] = []
        self._nodes = 0

    def pack(self, value: object) -> dict[str, object]:
        root = self._ref(value)
        heap = [[_KINDS.get(type(item), "array"), self._body(item)] for item in self.objects]  # grows meanwhile
        return {"heap": heap, "root": root}

    def _body(self, item: Any) -> object:
        if type(item) is dict:
            return [self._ref(part) for pair in item.items() for part in pair]
        if type(item) is set:
            return {self._ref(part) for part in item}
        return [self._ref(part) for part in item] if type(item) is list else item.copy()

    def _ref(self, value: Any) -> object:
        self._nodes += 1
        if self._nodes > _NODES_MAX:
            raise TypeError(f"more than {_NODES_MAX} parts are too many to compare; use smaller inputs")
        kind = type(value)
        if kind is float and math.isnan(value):
            return ("nan", self._number(value, self._nans))
        if kind in _SCALARS:
            return value
        if kind is tuple:
            return ("t", *map(self._ref, value))
        if kind is frozenset:
            return ("f", frozenset(map(self._ref, value)))
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.generic):
            return ("n", value.dtype.str, value.item())
        if kind not in _KINDS and (numpy is None or kind is not numpy.ndarray):
            raise TypeError(f"a {kind.__name__} cannot be compared; return plain data")
        return ("@", self._number(value, self.objects))

    def _number(self, value: Any, group: list[Any]) -> int:
        """The number of an object, by first visit. It is kept alive, so that its id stays its own."""
        if self._numbers.setdefault(id(value), len(group)) == len(group):
            group.append(value)
        return self._numbers[id(value)]


def _outcome(function: Function, packed: Mapping[str, Any], spoil: bool = False) -> dict[str, object]:
    """The packed outcome of one call with new arguments; `spoil`: then change what it touched, in place."""
    args = unpack(packed)
    try:
        touched: list[object] = ["ok", function(*args), args]
    except Exception as error:  # noqa: BLE001  what it raises is its outcome
        touched = ["raise", [type(error).__name__, ascii(error.args)], args]
    packer = _Packer()
    outcome = packer.pack(touched)
    for item in packer.objects if spoil else ():
        if isinstance(item, list):
            item[:] = ["spoilt", *reversed(item)]
        elif isinstance(item, dict | set):
            item.clear()
        elif item.flags.writeable:
            item.fill(1)
    return outcome


def _news(function: Function, packed: Mapping[str, Any], first: dict[str, object]) -> object:
    """The outcome of one more call if it is another than the first time, else None."""
    outcome = _outcome(function, packed)
    return None if values.encode(outcome) == values.encode(first) else outcome


class _Recorder:
    """Keeps an even sample of the arguments of some functions (reservoir sampling, fixed seed)."""

    def __init__(self, wanted: Any, keep: int, size: int) -> None:
        self._keep, self._size, self._random = keep, size // max(1, len(wanted)), random.Random(0)
        self._kept: dict[str, list[bytes]] = {name: [] for name in wanted}

    def listen(self, function: Function, modules: Modules, given: object) -> dict[str, list[object]]:
        """Call `function` with a listener in the place of each wanted one, wherever a module names it."""
        homes = {name: getattr(module.__spec__, "origin", None) for name, module in modules.items()}
        replaced: list[tuple[ModuleType, str, FunctionType]] = []
        for module in modules.values() if self._kept else ():
            for name, item in list(vars(module).items()):
                place = f"{homes.get(item.__module__)}:{item.__name__}" if isinstance(item, FunctionType) else ""
                if place in self._kept:
                    setattr(module, name, self._listener(self._kept[place], item))
                    replaced.append((module, name, item))
        try:
            if replaced:
                function(given)
        finally:
            for module, name, item in replaced:
                setattr(module, name, item)
        return {place: [values.decode(item) for item in kept] for place, kept in self._kept.items()}

    def _listener(self, kept: list[bytes], function: FunctionType) -> Function:
        signature, met = inspect.signature(function), itertools.count(1)

        @functools.wraps(function)
        def listener(*args: object, **keywords: object) -> object:
            number = next(met)
            place = len(kept) if len(kept) < self._keep else self._random.randrange(number)
            if place < self._keep:
                with contextlib.suppress(TypeError, ValueError, RecursionError):  # a call that cannot be sent
                    bound = signature.bind(*args, **keywords)
                    data = values.encode(list(bound.args))
                    held = sum(map(len, kept)) - sum(map(len, kept[place : place + 1]))
                    if not bound.kwargs and held + len(data) <= self._size:  # replayed by position, so no keywords
                        kept[place : place + 1] = [data]
            return function(*args, **keywords)

        return listener
