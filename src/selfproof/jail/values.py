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
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 64
FIRST_BLOB: Final = 7
DTYPES: Final = frozenset(("<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "|b1"))
_INT_MIN: Final = -(1 << 63)
_INT_MAX: Final = (1 << 64) - 1
_SAME_HASH_MAX: Final = 64
_SEQUENCES: Final[dict[str, type]] = {"l": list, "L": list, "t": tuple, "T": tuple}
_PLAIN: Final = frozenset((type(None), bool, str))
_SCALARS: Final = _PLAIN | {int, float}
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(
    tuple[list[memoryview], bytes, list[bool | int | float | str | None]]
)


class ValueInvalid(ValueError):
    """Not a plain value, or not the canonical bytes of one."""


def encode(value: object) -> bytes:
    """Turn plain data into canonical bytes.

    Raises ValueInvalid for anything but None, bool, int, float, str, bytes, list, tuple, dict, set, frozenset
    and numeric NumPy arrays, for lone surrogates, and for nesting deeper than 64.
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


def decode_trusted(data: bytes | bytearray | memoryview, depth: int = MAX_DEPTH) -> object:
    """Read what `encode` is known to have produced; as `decode`, without the proof that it is canonical.

    Arrays are read-only views into `data` where their alignment allows.
    """
    try:
        blobs, shape, scalars = _DECODER.decode(data)
    except ValueError as error:
        raise ValueInvalid(f"not an encoded value: {error}") from None
    reader = _Reader(shape, scalars, blobs)
    value = reader.read(depth)
    reader.finish()
    return value


def _encode(value: object, depth: int) -> bytes:
    writer = _Writer()
    writer.write(value, depth)
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
        if _all_scalars(items):
            self._open(letter.upper(), len(items))
            self.scalars.extend(map(_one_nan, items) if float in set(map(type, items)) else items)
            return
        self._open(letter, len(items))
        for item in items:
            self.write(item, depth - 1)

    def _numpy(self, value: Any, depth: int) -> None:
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.generic) and value.dtype.str in DTYPES:
            self.write(value.item(), depth)
        elif numpy is not None and type(value) is numpy.ndarray:
            if value.dtype.str not in DTYPES:
                raise ValueInvalid(
                    f"arrays of {value.dtype} are not plain data; use .astype('f4') or the like"
                )
            self._open("a", 0)
            self.scalars[-1:] = [value.dtype.str, value.ndim, *value.shape]
            if value.dtype.kind == "f" and (missing := numpy.isnan(value)).any():
                value = numpy.where(missing, value.dtype.type(math.nan), value)
            self.blobs.append(value.tobytes())
        else:
            raise ValueInvalid(
                f"{type(value).__name__} is not plain data; return lists, dicts, numbers or arrays"
            )


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


class _Reader:
    def __init__(self, shape: bytes, scalars: list[Any], blobs: list[memoryview]) -> None:
        self._shape = iter(shape.decode("latin-1"))
        self._scalars, self._next = scalars, 0
        self._blobs = iter(blobs)

    def read(self, depth: int) -> object:
        if depth < 0:
            raise ValueInvalid("nested too deeply")
        letter = next(self._shape, "")
        if letter == ".":
            return self._take(1)[0]
        if letter in ("L", "T"):
            return _SEQUENCES[letter](self._take(self._count()))
        if letter in ("l", "t"):
            return _SEQUENCES[letter]([self.read(depth - 1) for _ in range(self._count())])
        if letter == "d":
            pairs = [(self.read(depth - 1), self.read(depth - 1)) for _ in range(self._count())]
            _check_hashes([key for key, _ in pairs])
            return dict(pairs)
        if letter in ("s", "f"):
            members = [decode_trusted(self._blob(), depth - 1) for _ in range(self._count())]
            _check_hashes(members)
            return set(members) if letter == "s" else frozenset(members)
        if letter == "b":
            return bytes(self._blob())
        if letter == "i":
            return int.from_bytes(self._blob(), "little", signed=True)
        if letter == "a":
            return self._array()
        raise ValueInvalid("its shape is wrong or ends early")

    def finish(self) -> None:
        if next(self._shape, "") or self._next != len(self._scalars) or next(self._blobs, None) is not None:
            raise ValueInvalid("something is left over after the value")

    def _take(self, count: int) -> list[Any]:
        taken = self._scalars[self._next : self._next + count]
        if len(taken) != count:
            raise ValueInvalid("a scalar is missing")
        self._next += count
        return taken

    def _count(self) -> int:
        (count,) = self._take(1)
        if type(count) is not int or not 0 <= count <= sys.maxsize:
            raise ValueInvalid("a count is not a count")
        return count

    def _blob(self) -> memoryview:
        blob = next(self._blobs, None)
        if blob is None:
            raise ValueInvalid("a blob is missing")
        return blob

    def _array(self) -> object:
        (dtype,) = self._take(1)
        if dtype not in DTYPES:
            raise ValueInvalid("an array has a dtype that is not on the list")
        shape = [self._count() for _ in range(min(self._count(), MAX_DEPTH))]
        blob = self._blob().toreadonly()
        if math.prod(shape) * int(dtype[2:]) != len(blob):
            raise ValueInvalid("an array's shape does not fit its contents")
        import numpy

        if dtype == "|b1" and bytes(blob).translate(None, b"\x00\x01"):
            raise ValueInvalid("a bool array holds something else")
        try:
            array = numpy.frombuffer(blob, dtype=dtype).reshape(shape)
        except (ValueError, OverflowError):
            raise ValueInvalid("an array's shape is impossible") from None
        if not array.flags.aligned:
            array = array.copy()
            array.flags.writeable = False
        return array


def _check_hashes(keys: list[object]) -> None:
    """Refuse unhashable keys, and keys chosen to collide, which would stop the engine with quadratic work."""
    try:
        counts = Counter(map(hash, keys))
    except TypeError:
        raise ValueInvalid("a dict key or set member cannot be hashed") from None
    if counts and max(counts.values()) > _SAME_HASH_MAX:
        raise ValueInvalid("too many keys with the same hash")
