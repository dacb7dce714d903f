"""How the child uses the entry function for one input; trusted code that runs beside hostile code.

- `call`: the answer to one value.
- `replay`: one function on many argument lists, as fast as possible: this is the timed mode.
- `observe`: everything a caller could notice of one function on many argument lists, to compare versions.
- `profile`: where a workload spends its time, and the arguments of the functions asked for.

`pack` writes values that share objects (`f(a, a)`, a result that is an argument) as plain data, `unpack` makes
them anew. Packed is {"heap": [[kind, contents], ...], "root": ref}; a ref is a scalar, ("@", heap index),
("t", refs of a tuple), ("f", frozenset of refs), ("nan", number) or ("n", dtype, NumPy scalar). Mutable
objects and NaNs are numbered as they are first met, so equal structure gives equal bytes.

Does not protect against:
- a program that replaces parts of this module: what comes back is its claim. A transcript that equals the
  anchor's is by definition right, and time is measured outside.
- what `observe` cannot see: text on streams, overlapping array views, identity of immutable objects.
"""

from __future__ import annotations

import copy
import math
import random
import sys
from collections.abc import Callable, Mapping
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final

from selfproof.jail import values

Function = Callable[..., object]
Modules = Mapping[str, ModuleType]
Mode = Callable[[Function, Modules, object], object]

_KINDS: Final[dict[type, str]] = {list: "list", dict: "dict", set: "set"}
_SCALARS: Final = frozenset({type(None), bool, int, float, str, bytes})
_NODES_MAX: Final = 1_000_000


def call(function: Function, modules: Modules, value: object) -> object:
    """Return the function's answer to one value."""
    del modules
    return function(value)


def replay(function: Function, modules: Modules, value: Any) -> object:
    """Call the function with each argument list: ["ok", result] or ["raise", type, text of its arguments]."""
    del modules
    outcomes: list[object] = []
    for args in value:
        try:
            outcomes.append(["ok", function(*args)])
        except Exception as error:  # noqa: BLE001  what it raises is its outcome
            outcomes.append(["raise", type(error).__name__, _told(error)])
    return outcomes


def observe(function: Function, modules: Modules, value: Any) -> object:
    """Return a transcript of the function on each call of `value`: a list of arguments, or a packed one.

    A call is made; noted are its outcome, the state of its arguments, and what is the same object as what. Then
    result and arguments are spoilt and it is made again with new ones (a remembered mutable result shows), then
    all calls once more in reverse order (state shows). Later passes hold None where nothing was different.
    Raises TypeError where a result cannot be compared (a generator, an instance of a class).
    """
    del modules
    calls = [item if type(item) is dict else pack(item) for item in value]
    first, again = [], []
    for item in calls:
        first.append(_outcome(function, item, spoil=True))
        again.append(_news(function, item, first[-1]))
    pairs = zip(reversed(calls), reversed(first), strict=True)
    return [first, again, [_news(function, item, outcome) for item, outcome in pairs]]


def profile(function: Function, modules: Modules, value: Any) -> object:
    """Run the workload `function(value["input"])` twice: once for the times, once for the arguments.

    value: {"input", "record": ["file.py:function", ...], "keep": calls of each, "bytes": size in all}.
    Returns {"hot": [[path, function, calls, own seconds, cumulative seconds], ...] by own time, longest
    first, "calls": {"file.py:function": [argument list, ...]}}. Comprehensions and C code are own time.
    """
    second = copy.deepcopy(value["input"])
    hot = _hot(function, modules, value["input"])
    recorder = _Recorder(modules, value.get("record", ()), value.get("keep", 64), value.get("bytes", 1 << 20))
    sys.setprofile(recorder)
    try:
        function(second)
    finally:
        sys.setprofile(None)
    return {"hot": hot, "calls": recorder.calls()}


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
        if tag == "@":
            return objects[parts[0]]
        if tag == "nan":
            return nans.setdefault(parts[0], float("nan"))
        return tuple(map(made, parts)) if tag == "t" else frozenset(map(made, parts[0]))

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
        heap: list[object] = []
        for item in self.objects:  # grows while it is walked
            heap.append([_KINDS.get(type(item), "array"), self._body(item)])
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
        if kind not in _KINDS:
            numpy = sys.modules.get("numpy")
            if numpy is not None and isinstance(value, numpy.generic):
                return ("n", value.dtype.str, value.item())
            if numpy is None or kind is not numpy.ndarray:
                raise TypeError(f"a {kind.__name__} cannot be compared; return plain data")
        return ("@", self._number(value, self.objects))

    def _number(self, value: Any, group: list[Any]) -> int:
        """The number of an object, by first visit. It is kept alive, so that its id stays its own."""
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(group)
            group.append(value)
        return self._numbers[id(value)]


def _outcome(function: Function, packed: Mapping[str, Any], spoil: bool = False) -> dict[str, object]:
    """The packed outcome of one call with new arguments; `spoil`: then change what it touched, in place."""
    args = unpack(packed)
    try:
        touched: list[object] = ["ok", function(*args), args]
    except Exception as error:  # noqa: BLE001  what it raises is its outcome
        touched = ["raise", [type(error).__name__, _told(error)], args]
    packer = _Packer()
    outcome = packer.pack(touched)
    for item in packer.objects if spoil else ():
        if isinstance(item, list):
            item.append("spoilt")
            item.reverse()
        elif isinstance(item, dict | set):
            item.clear()
        elif item.flags.writeable:
            item.fill(1)
    return outcome


def _told(error: Exception) -> str:
    return str(error.args).encode(errors="backslashreplace").decode()


def _news(function: Function, packed: Mapping[str, Any], first: dict[str, object]) -> object:
    """The outcome of one more call if it is another than the first time, else None."""
    outcome = _outcome(function, packed)
    return None if values.encode(outcome) == values.encode(first) else outcome


def _hot(function: Function, modules: Modules, given: object) -> list[Any]:
    import cProfile

    paths = {getattr(module.__spec__, "origin", None) for module in modules.values()}
    profiler = cProfile.Profile(builtins=False)
    profiler.runcall(function, given)
    rows: dict[tuple[str, str], list[Any]] = {}
    for entry in profiler.getstats():
        code = entry.code
        if isinstance(code, CodeType) and code.co_filename in paths:
            owner = code.co_qualname.partition(".<locals>")[0]
            row = rows.setdefault((code.co_filename, owner), [0, 0.0, 0.0])
            row[1] += entry.inlinetime
            if owner == code.co_qualname:
                row[0] += entry.callcount
                row[2] += entry.totaltime
    return sorted(([*key, *row] for key, row in rows.items()), key=lambda row: (-row[3], row[:2]))


class _Recorder:
    """A profile hook that keeps an even sample of calls (a reservoir, fixed seed); no *args, no **kwargs."""

    def __init__(self, modules: Modules, record: Any, keep: int, size: int) -> None:
        self._keep, self._size = keep, size // max(1, len(record))
        self._random = random.Random(0)  # noqa: S311  a sample, not a secret
        self._kept: dict[str, list[bytes]] = {name: [] for name in record}
        self._met = dict.fromkeys(record, 0)
        self._wanted: dict[CodeType, tuple[str, FunctionType]] = {}
        for item in [item for module in modules.values() for item in vars(module).values()]:
            if isinstance(item, FunctionType) and not item.__code__.co_flags & (CO_VARARGS | CO_VARKEYWORDS):
                name = f"{item.__code__.co_filename}:{item.__name__}"
                if name in self._kept:
                    self._wanted[item.__code__] = (name, item)

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in self._wanted:
            name, function = self._wanted[frame.f_code]
            self._met[name] += 1
            kept = self._kept[name]
            place = len(kept) if len(kept) < self._keep else self._random.randrange(self._met[name])
            if place < self._keep:
                self._note(frame, function, kept, place)

    def calls(self) -> dict[str, list[object]]:
        return {name: [values.decode(item) for item in kept] for name, kept in self._kept.items()}

    def _note(self, frame: FrameType, function: FunctionType, kept: list[bytes], place: int) -> None:
        code, held, defaults = frame.f_code, frame.f_locals, function.__kwdefaults__ or {}
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if any(held[name] is not defaults.get(name) for name in names[code.co_argcount :]):
            return  # a call with keyword-only arguments cannot be replayed by position
        try:
            data = values.encode([held[name] for name in names[: code.co_argcount]])
        except (ValueError, RecursionError):
            return  # not plain data: such a call cannot be sent either
        if sum(map(len, kept)) - sum(map(len, kept[place : place + 1])) + len(data) <= self._size:
            kept[place : place + 1] = [data]
