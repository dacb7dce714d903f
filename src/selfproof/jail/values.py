"""Plain values as bytes: the only thing that crosses the wall of the jail, in either direction.

An encoded value is one msgpack array of three flat parts: `blobs` (bytes, large ints, array contents, set
members), `shape` (one letter per node, in reading order) and `scalars` (None, bool, int of 64 bits, float,
str and every count). Being flat, it is checked by a typed decoder before any of it is believed, and nesting
costs nothing to refuse. The contents of a large array that comes first begin at byte `FIRST_BLOB`, which lets
a receiver align them.

    .  next scalar            b  bytes: blob            i  int outside 64 bits: blob, little-endian, minimal
    l  list: count, items     t  tuple: count, items    L T  the same, all items scalars
    d  dict: count, then key and value in turn          s f  set, frozenset: count, members as sorted blobs
    a  array: dtype, number of dimensions, dimensions (scalars), contents in C order (blob)

The encoding is canonical: equal values of equal type give equal bytes (`True`, `1` and `1.0` differ, so do
`0.0` and `-0.0`; every NaN is one NaN; dicts keep their order). `decode` accepts exactly what `encode`
produces, nothing else. NumPy scalars become Python ones; subclasses (OrderedDict, IntEnum, ...) are refused,
as are object, string and big-endian arrays. NumPy is imported only when an array is met.

Does not protect against:
- NaN and infinity: they are values; whoever needs finite numbers checks for them.
- values that are large but honest: bound the bytes before decoding.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from selfproof.jail.values_reader import DTYPES, MAX_DEPTH, MAX_NODES, MAX_SCALARS, ValueInvalid, decode_trusted

__all__ = ["MAX_DEPTH", "ValueInvalid", "decode", "decode_trusted", "encode"]

_INT_MIN: Final = -(1 << 63)
_INT_MAX: Final = (1 << 64) - 1
_PLAIN: Final = frozenset((type(None), bool, str))
_SCALARS: Final = _PLAIN | {int, float}
_ENCODER: Final = msgspec.msgpack.Encoder()


def encode(value: object) -> bytes:
    """Turn plain data into canonical bytes.

    Raises ValueInvalid for anything but None, bool, int, float, str, bytes, list, tuple, dict, set, frozenset
    and numeric NumPy arrays, for lone surrogates, and for nesting deeper than 64
    for more than MAX_NODES separate parts (a list of scalars is one part) and for more than MAX_SCALARS scalars.
    """
    return _encode(value, MAX_DEPTH)


def decode(data: bytes | bytearray | memoryview, *, max_depth: int = MAX_DEPTH) -> object:
    """Read canonical bytes back; arrays are read-only views of the decoded bytes.

    Raises ValueInvalid for everything that `encode` would not have produced for a value of at most
    `max_depth`.
    """
    depth = min(max_depth, MAX_DEPTH)
    value = decode_trusted(data, depth)
    if _encode(value, depth) != data:
        raise ValueInvalid("not the canonical encoding of its value")
    return value


def _encode(value: object, depth: int) -> bytes:
    writer = _Writer()
    writer.write(value, depth)
    if max(len(writer.shape), len(writer.blobs)) > MAX_NODES or len(writer.scalars) > MAX_SCALARS:
        raise ValueInvalid(f"more than {MAX_NODES} separate parts, or {MAX_SCALARS} numbers; put them into arrays")
    try:
        return _ENCODER.encode((writer.blobs, bytes(writer.shape), writer.scalars))
    except UnicodeEncodeError:
        raise ValueInvalid("a string with lone surrogates is not text; encode it to bytes first") from None


class _Writer:
    def __init__(self) -> None:
        self.shape = bytearray()
        self.scalars: list[object] = []
        self.blobs: list[bytes] = []

    def write(self, value: object, depth: int) -> None:
        if depth < 0:
            raise ValueInvalid(f"nested deeper than {MAX_DEPTH} levels")
        kind = type(value)
        if kind in _PLAIN:
            self._leaf(value)
        elif kind is float:
            self._leaf(_one_nan(value))
        elif isinstance(value, int) and kind is int:
            self._integer(value)
        elif isinstance(value, (list, tuple)) and kind in (list, tuple):
            self._sequence(value, "l" if kind is list else "t", depth)
        elif isinstance(value, dict) and kind is dict:
            self._open("d", len(value))
            for key, item in value.items():
                self.write(key, depth - 1)
                self.write(item, depth - 1)
        elif isinstance(value, (set, frozenset)) and kind in (set, frozenset):
            self._open("s" if kind is set else "f", len(value))
            self.blobs.extend(sorted(_encode(item, depth - 1) for item in value))
        elif isinstance(value, bytes) and kind is bytes:
            self._blob("b", value)
        else:
            self._numpy(value, depth)

    def _leaf(self, value: object) -> None:
        self.shape += b"."
        self.scalars.append(value)

    def _open(self, letter: str, count: int) -> None:
        self.shape += letter.encode()
        self.scalars.append(count)

    def _blob(self, letter: str, blob: bytes) -> None:
        self.shape += letter.encode()
        self.blobs.append(blob)

    def _integer(self, value: int) -> None:
        if _INT_MIN <= value <= _INT_MAX:
            self._leaf(value)
        else:
            self._blob("i", value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True))

    def _sequence(self, items: Sequence[object], letter: str, depth: int) -> None:
        if not _SCALARS.issuperset(map(type, items)):
            items = [_python_number(item) for item in items]
        if _all_scalars(items):
            self._open(letter.upper(), len(items))
            self.scalars.extend(map(_one_nan, items) if float in set(map(type, items)) else items)
            return
        self._open(letter, len(items))
        for item in items:
            self.write(item, depth - 1)

    def _numpy(self, value: Any, depth: int) -> None:
        numpy = sys.modules.get("numpy")
        if (number := _python_number(value)) is not value:
            self.write(number, depth)
        elif numpy is not None and type(value) is numpy.ndarray:
            if value.dtype.str not in DTYPES:
                raise ValueInvalid(f"arrays of {value.dtype} are not plain data; use .astype('f4') or the like")
            self._open("a", 0)
            self.scalars[-1:] = [value.dtype.str, value.ndim, *value.shape]
            if value.dtype.kind == "f" and (missing := numpy.isnan(value)).any():
                value = numpy.where(missing, value.dtype.type(math.nan), value)
            self.blobs.append(value.tobytes())
        else:
            raise ValueInvalid(f"{type(value).__name__} is not plain data; return lists, dicts, numbers or arrays")


def _python_number(value: Any) -> Any:
    """Turn a NumPy scalar into Python's number of the same value; leave everything else."""
    numpy = sys.modules.get("numpy")
    scalar = numpy is not None and isinstance(value, numpy.generic) and value.dtype.str in DTYPES
    return value.item() if scalar else value


def _one_nan(value: object) -> object:
    return math.nan if isinstance(value, float) and math.isnan(value) else value


def _all_scalars(items: Sequence[Any]) -> bool:
    kinds = set(map(type, items))
    if not kinds <= _SCALARS:
        return False
    if int not in kinds:
        return True
    integers = items if kinds == {int} else [item for item in items if type(item) is int]
    return bool(min(integers) >= _INT_MIN and max(integers) <= _INT_MAX)
