"""The reading half of `values`: bytes, perhaps from a hostile program, turned into plain data or refused.

Work is bounded by the number of bytes: counts are checked against what is there, nesting and the number of
parts are limited, and keys that were chosen to collide are refused.

Does not protect against:
- values that are not the canonical encoding of themselves; `values.decode` adds that proof.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from typing import Annotated, Any, Final

import msgspec

MAX_DEPTH: Final = 64
MAX_NODES: Final = 1 << 19
MAX_SCALARS: Final = 1 << 20  # a byte each on the way, but dozens once they are objects
FIRST_BLOB: Final = 7  # where the contents of an array begin that is the whole value and not small
DTYPES: Final = frozenset(("<f4", "<f8", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "|b1"))
_SAME_HASH_MAX: Final = 64
_SEQUENCES: Final[dict[str, type]] = {"l": list, "L": list, "t": tuple, "T": tuple}
_Blobs = Annotated[list[memoryview], msgspec.Meta(max_length=MAX_NODES)]
_Shape = Annotated[bytes, msgspec.Meta(max_length=MAX_NODES)]
_Scalars = Annotated[list[bool | int | float | str | None], msgspec.Meta(max_length=MAX_SCALARS)]
_DECODER: Final = msgspec.msgpack.Decoder(tuple[_Blobs, _Shape, _Scalars])


class ValueInvalid(ValueError):
    """Not a plain value, or not the canonical bytes of one."""


def decode_trusted(data: bytes | bytearray | memoryview, depth: int = MAX_DEPTH) -> object:
    """Read what `encode` is known to have produced; as `decode`, without the proof that it is canonical.

    Arrays are read-only views into `data` where their alignment allows. Raises ValueInvalid.
    """
    try:
        blobs, shape, scalars = _DECODER.decode(data)
    except ValueError as error:
        raise ValueInvalid(f"not an encoded value: {error}") from None
    reader = _Reader(shape, scalars, blobs)
    value = reader.read(depth)
    reader.finish()
    return value


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
