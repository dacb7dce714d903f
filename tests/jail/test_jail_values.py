"""The codec: every plain value comes back, equal values have equal bytes, and nothing else is accepted."""

from __future__ import annotations

import contextlib
import itertools
import math
import subprocess
import sys
from collections import OrderedDict
from enum import IntEnum

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from selfproof.jail.values import MAX_DEPTH, ValueInvalid, decode, decode_trusted, encode
from selfproof.jail.values_reader import DTYPES, FIRST_BLOB, MAX_NODES

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.sampled_from([-(2**63), -(2**63) - 1, 2**64 - 1, 2**64, 2**63])
    | st.floats()
    | st.text()
    | st.binary()
)
keys = st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner), max_leaves=4)
plain = st.recursive(
    keys,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys, inner)
        | st.sets(keys)
        | st.frozensets(keys)
    ),
    max_leaves=20,
)


def identical(a: object, b: object) -> bool:
    """Equality as the codec promises it: type by type, -0.0 apart from 0.0, NaN equal to NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return identical(list(a.items()), list(b.items()))
    if isinstance(a, (set, frozenset)) and isinstance(b, (set, frozenset)):
        rest = list(b)
        for item in a:
            match = next((i for i, other in enumerate(rest) if identical(item, other)), None)
            if match is None:
                return False
            rest.pop(match)
        return not rest
    return a == b


@given(plain)
def test_every_plain_value_comes_back(value: object) -> None:
    data = encode(value)
    assert identical(decode(data), value)
    assert identical(decode(bytearray(data)), value)
    assert encode(decode(data)) == data


@given(plain, plain)
def test_bytes_are_equal_exactly_when_values_are(a: object, b: object) -> None:
    assert (encode(a) == encode(b)) == identical(a, b)


@given(st.lists(keys, max_size=8))
def test_sets_do_not_depend_on_the_order_they_were_built_in(items: list[object]) -> None:
    assert encode({*items}) == encode({*reversed([*{*items}])})


def test_equal_numbers_of_other_types_differ() -> None:
    values = [1, True, 1.0, "1", b"1", [1], (1,), {1}, frozenset({1}), {1: None}]
    values += [0, False, 0.0, -0.0, None, "", b""]
    for a, b in itertools.combinations(values, 2):
        assert encode(a) != encode(b), (a, b)


def test_every_nan_is_one_nan() -> None:
    odd = np.frombuffer(b"\x01\x00\x00\x00\x00\x00\xf8\xff", "<f8")
    assert encode(float(odd[0])) == encode(math.nan)
    assert encode([float(odd[0]), 1.0]) == encode([math.nan, 1.0])
    assert encode(odd) == encode(np.array([math.nan]))


@given(hnp.arrays(st.sampled_from(sorted(DTYPES)), hnp.array_shapes(min_dims=0, min_side=0, max_side=5)))
def test_arrays_come_back_read_only(array: np.ndarray) -> None:
    for wrapped in (array, [array, "x"], (1, {"a": array})):
        back = decode(encode(wrapped))
        got = back if wrapped is array else back[0] if isinstance(back, list) else back[1]["a"]
        assert got.dtype == array.dtype and got.shape == array.shape and not got.flags.writeable
        assert got.flags.aligned and np.array_equal(got, array, equal_nan=array.dtype.kind == "f")


def test_array_memory_order_does_not_matter() -> None:
    a = np.arange(24, dtype="f4").reshape(2, 3, 4)
    assert encode(a) == encode(np.asfortranarray(a)) == encode(a[:, ::-1][:, ::-1])
    assert encode(a) != encode(a.reshape(3, 2, 4)) != encode(a.astype("f8"))


def test_a_large_array_is_not_copied_when_its_memory_is_aligned() -> None:
    data = encode(np.arange(50_000, dtype="f4"))
    buffer = bytearray(len(data) + 16)
    start = -(FIRST_BLOB + np.frombuffer(buffer, "u1").ctypes.data) % 16
    view = memoryview(buffer)[start : start + len(data)]
    view[:] = data
    got = decode_trusted(view)
    assert isinstance(got, np.ndarray) and np.shares_memory(got, np.frombuffer(buffer, "u1"))
    with pytest.raises(ValueError, match="read-only"):
        got[0] = 1


def test_numpy_scalars_become_python_numbers() -> None:
    assert identical(decode(encode([np.float32(0.5), np.int64(3), np.True_])), [0.5, 3, True])


class _Kind(IntEnum):
    A = 1


@pytest.mark.parametrize(
    "value",
    [object(), OrderedDict(a=1), _Kind.A, 1j, range(3), bytearray(b"x"), len, "\ud800", {"\ud800": 1},
     [b"", "\udfff"], np.array(["a"]), np.array([None]), np.zeros(2, ">f4"), np.zeros(2, "f2"),
     np.float16(1), np.complex64(1), np.datetime64("2020"), np.ma.array([1]), np.zeros(2, [("a", "f4")]), [[object()]]],
)  # fmt: skip
def test_what_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises(ValueInvalid):
        encode(value)


def nested(levels: int) -> object:
    value: object = {"deep": b""}
    for _ in range(levels):
        value = [value, None, b""]
    return value


def test_depth_is_bounded_both_ways() -> None:
    assert decode(encode(nested(MAX_DEPTH - 1))) == nested(MAX_DEPTH - 1)
    with pytest.raises(ValueInvalid, match="deep"):
        encode(nested(MAX_DEPTH))
    with pytest.raises(ValueInvalid, match="deep"):
        decode(encode(nested(5)), max_depth=5)
    itself: list[object] = []
    itself.append(itself)
    with pytest.raises(ValueInvalid, match="deep"):
        encode(itself)
    sets: frozenset[object] = frozenset()
    for _ in range(MAX_DEPTH + 1):
        sets = frozenset([sets])
    with pytest.raises(ValueInvalid, match="deep"):
        encode(sets)


def test_the_number_of_parts_is_bounded_both_ways() -> None:
    with pytest.raises(ValueInvalid, match="parts"):
        encode([b""] * (MAX_NODES + 1))
    blobs = b"\xdd" + (MAX_NODES + 1).to_bytes(4, "big") + b"\xc4\x00" * (MAX_NODES + 1)
    with pytest.raises(ValueInvalid):
        decode(b"\x93" + blobs + b"\xc4\x01.\x91\xc0")


def test_keys_made_to_collide_are_refused() -> None:
    prime = (1 << 61) - 1  # what int hashes are taken modulo
    with pytest.raises(ValueInvalid, match="same hash"):
        decode(encode({i * prime for i in range(1, 100)}))
    with pytest.raises(ValueInvalid, match="same hash"):
        decode(encode({i * prime: 0 for i in range(1, 100)}))


# Three parts as msgpack: blobs, shape, scalars.
@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xc0", b"\x93", b"\x93\x90\xc4\x00\x90", b"\x93\x90\xc4\x01.\x91\x01\x00", b"\x92\x90\xc4\x00",
        b"\x93\x90\xc4\x01.\x92\x01\x01",  # a scalar too many
        b"\x93\x91\xc4\x00\xc4\x01.\x91\x01",  # a blob too many
        b"\x93\x90\xc4\x02..\x92\x01\x01",  # a node too many
        b"\x93\x90\xc4\x01.\x91\xd0\x01",  # an int that is longer than it needs to be
        b"\x93\x90\xc4\x01.\x91\xca\x3f\x80\x00\x00",  # a float of 32 bits
        b"\x93\x90\xc4\x01.\x91\xcb\xff\xf8\x00\x00\x00\x00\x00\x01",  # another NaN
        b"\x93\x91\xc4\x01\x05\xc4\x01i\x90",  # a small int as a blob
        b"\x93\x90\xc4\x02l.\x92\x01\x01",  # a list of scalars item by item
        b"\x93\x90\xc4\x01L\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff",  # a count without items
        b"\x93\x90\xc4\x01L\x91\xff", b"\x93\x90\xc4\x01L\x91\xc3", b"\x93\x90\xc4\x01L\x91\xa0",
        b"\x93\x90\xc4\x05d....\x95\x02\x01\x02\x01\x03",  # the same key twice
        b"\x93\x90\xc4\x03dL.\x93\x01\x00\x00",  # a list as a key
        b"\x93\x90\xc4\x01.\x91\x80", b"\x93\x90\xc4\x01.\x91\xd6\xff\x00\x00\x00\x00",  # a map, a timestamp
        b"\x93\x90\xc4\x01.\x91\xa1\xff",  # not UTF-8
        b"\x93\x91\xc4\x04abcd\xc4\x01a\x93\xa3<c8\x01\x01",  # dtypes that are not on the list
        b"\x93\x91\xc4\x04abcd\xc4\x01a\x93\xa2|O\x01\x01",
        b"\x93\x91\xc4\x04abcd\xc4\x01a\x93\xa3<f4\x01\x02",  # contents and shape disagree
        b"\x93\x91\xc4\x00\xc4\x01a\x94\xa3<f4\x02\x00\xff",
        b"\x93\x91\xc4\x00\xc4\x01a\x94\xa3<f4\x02\x00\xcf\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x93\x91\xc4\x01\x02\xc4\x01a\x93\xa3|b1\x01\x01",  # a bool that is 2
        b"\x93\xdd\xff\xff\xff\xff", b"\x91" * 100_000, b"\x93\x90\xc4\x01.\x91" + b"\x91" * 100_000,
    ],
)  # fmt: skip
def test_what_encode_would_not_have_written_is_refused(data: bytes) -> None:
    with pytest.raises(ValueInvalid):
        decode(data)


@settings(max_examples=150)
@given(plain, st.data())
def test_changed_bytes_are_refused_or_another_canonical_value(value: object, data: st.DataObject) -> None:
    changed = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        got = decode(changed)
    except ValueInvalid:
        return
    assert encode(got) == changed


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"\x93" + tail))
def test_noise_never_does_more_than_be_refused(data: bytes) -> None:
    with contextlib.suppress(ValueInvalid):
        assert encode(decode(data)) == data


def test_numpy_is_not_imported_for_plain_values() -> None:
    code = "import sys; from selfproof.jail import values as v; v.encode([1]); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_many_small_numbers_are_refused_before_they_take_memory() -> None:
    """A byte each on the way, dozens once they are objects."""
    decode(encode([0] * 1_000_000))
    with pytest.raises(ValueInvalid, match="numbers; put them into arrays"):
        encode([0] * 2_000_000)
    crafted = msgspec.msgpack.encode(([], b"L", [15_000_000, *[0] * 15_000_000]))
    script = (
        "import resource, sys\nfrom selfproof.jail import values\ndata = sys.stdin.buffer.read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: values.decode(data)\nexcept values.ValueInvalid as error: print('1048576' in str(error))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=crafted, capture_output=True, check=True)
    assert done.stdout.split() == [b"True", b"True"]
