import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.ledger.statement import (
    MAX_INT,
    MAX_LEAF,
    blobs_of,
    canonical,
    guess_kind,
    make_statement,
    parse_statement,
)

TIME = "2026-01-02T03:04:05.000006Z"
SUBJECT = {"demo": "ab" * 32}

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = (
    st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | st.floats(allow_nan=False, allow_infinity=False) | text
)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=4) | st.dictionaries(text, v, max_size=4), max_leaves=12)


def test_the_bytes_of_a_leaf():
    raw = make_statement("confirm-start", {"time": TIME, "k": 3, "alpha": 0.1, "é": None}, SUBJECT)
    assert raw.decode() == (
        '{"_type":"https://in-toto.io/Statement/v1",'
        '"predicate":{"alpha":0.1,"k":3,"time":"2026-01-02T03:04:05.000006Z","é":null},'
        '"predicateType":"https://selfproof.dev/confirm-start/v1",'
        f'"subject":[{{"digest":{{"sha256":"{"ab" * 32}"}},"name":"demo"}}]}}'
    )


@given(st.dictionaries(text, values, max_size=5))
def test_round_trip(body):
    body = {**body, "time": TIME}
    kind, parsed, subject = parse_statement(make_statement("race", body, SUBJECT))
    assert (kind, parsed, subject) == ("race", body, SUBJECT)


@given(values)
def test_canonical_form_is_a_fixed_point(value):
    once = canonical(value)
    assert canonical(json.loads(once)) == once
    assert json.loads(once) == value


@given(st.binary(max_size=120) | values.map(lambda v: json.dumps(v).encode()))
def test_anything_else_is_a_value_error(raw):
    with pytest.raises(ValueError):
        parse_statement(raw)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, MAX_INT + 1, -MAX_INT - 1, "\ud800"])
def test_values_without_a_canonical_form(bad):
    with pytest.raises(ValueError):
        canonical({"a": [bad]})


@pytest.mark.parametrize("bad", [b"bytes", {1: 2}, {None: 1}, {1, 2}, object(), 1j])
def test_types_without_a_json_form(bad):
    with pytest.raises(TypeError):
        canonical({"a": bad})


def test_errors_name_the_place():
    with pytest.raises(ValueError, match=r"\$\.a\[1\]\.b"):
        canonical({"a": [0, {"b": math.nan}]})


def test_depth_is_limited():
    deep: list = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ValueError, match="deeper"):
        canonical(deep)
    with pytest.raises(ValueError):
        parse_statement(b"[" * 60_000)


GOOD = make_statement("race", {"time": TIME, "n": 10, "x": 1.5}, SUBJECT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"n":10', b'"n": 10'),
        (b'"n":10', b'"n":1e1'),
        (b'"n":10', b'"n":NaN'),
        (b'"n":10', b'"n":10,"n":10'),
        (b'"x":1.5', b'"x":1.50'),
        (b"dev/race", b"dev/r\\u0061ce"),
        (b'"demo"', b'"d\\u0065mo"'),
        (b"selfproof.dev/race", b"selfproof.dev/Race"),
        (b"in-toto.io", b"in-toto.iO"),
        (b"2026-01-02T03:04:05.000006Z", b"2026-01-02 03:04:05.000006Z"),
        (b"abab", b"ABAB"),
        (b'[{"digest"', b'[{"also":1,"digest"'),
        (b"}", b"}\n"),
    ],
)
def test_second_spellings_are_refused(old, new):
    assert old in GOOD
    with pytest.raises(ValueError):
        parse_statement(new.join(GOOD.rsplit(old, 1)))


@pytest.mark.parametrize("kind", ["", "Race", "a b", "1a", "a/b", "x" * 41, "race\n"])
def test_malformed_kinds(kind):
    with pytest.raises(ValueError, match="kind"):
        make_statement(kind, {"time": TIME}, SUBJECT)


@pytest.mark.parametrize("subject", [{}, {"a": "AB" * 32}, {"a": "ab"}])
def test_malformed_subjects(subject):
    with pytest.raises(ValueError, match="subject"):
        make_statement("race", {"time": TIME}, subject)


def test_subjects_are_sorted():
    raw = make_statement("race", {"time": TIME}, {"z": "0" * 64, "a": "1" * 64})
    assert raw.index(b'"a"') < raw.index(b'"z"')
    assert parse_statement(raw).subject == {"a": "1" * 64, "z": "0" * 64}


def test_the_size_limit_points_to_blobs():
    room = MAX_LEAF - len(make_statement("race", {"time": TIME, "t": ""}, SUBJECT))
    assert len(make_statement("race", {"time": TIME, "t": "x" * room}, SUBJECT)) == MAX_LEAF
    with pytest.raises(ValueError, match="put_blob"):
        make_statement("race", {"time": TIME, "t": "x" * (room + 1)}, SUBJECT)


def test_blobs_are_found_anywhere():
    a, b = "a" * 64, "b" * 64
    assert list(blobs_of({"x": [{"y": {"$blob": a}}], "z": ({"$blob": b},), "t": "$blob"})) == [a, b]


@pytest.mark.parametrize("bad", [{"$blob": "a"}, {"$blob": None}, {"$blob": "a" * 64, "size": 1}, {"$blob": "A" * 64}])
def test_malformed_blob_references(bad):
    with pytest.raises(ValueError, match="blob reference"):
        list(blobs_of([bad]))


def test_the_kind_of_a_damaged_leaf_is_guessed():
    assert guess_kind(GOOD.replace(b'"n"', b"###")) == "race"
    assert guess_kind(b"\x00" * 10) == "unknown"
