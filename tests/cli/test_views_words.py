"""Words and numbers: whatever a machine writes becomes one harmless line."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.viewing.words import (
    LONGEST,
    at,
    bounds,
    clean,
    clock,
    count,
    decimals,
    duration,
    effect_words,
    finite,
    fit,
    interval,
    items,
    number,
)  # fmt: skip

HOSTILE = [
    "\x1b[2J\x1b[H\x1b]0;owned\x07gone", "\x9b31mred\x9d0;x\x9c", "\ud800lone", "\U000e0041tag", "",
    "a\r\nb\tc\x00d\x7f", "\u202egnp.exe", "a\u2028b\u2029c",
    "z" + "\u0335" * 500, "[bold red]markup[/] [link=http://x]y[/link]", "x" * 10_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_clean_takes_the_sting_out(text: str) -> None:
    line = clean(text)
    assert len(line) <= LONGEST
    assert not [c for c in line if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Mn"}]
    assert line.isprintable()


@given(st.text(max_size=600), st.integers(1, 80))
def test_clean_is_always_one_printable_line(text: str, most: int) -> None:
    line = clean(text, most)
    assert line.isprintable() and len(line) <= most and line == line.strip()


def test_clean_keeps_what_is_code_and_markup() -> None:
    assert clean("c + 1.0 -> [t]; é ß 漢") == "c + 1.0 -> [t]; é ß 漢"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_fit_writes_anything_to_an_ascii_stream(text: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    stream.write(fit(text + " ✓ → 1.5× …", stream))
    stream.flush()


def test_fit_translates_our_signs_and_leaves_unicode_streams_alone() -> None:
    narrow, wide = (io.TextIOWrapper(io.BytesIO(), encoding=name) for name in ("latin-1", "utf-8"))
    assert fit("✓ a → b…", narrow) == "+ a -> b..."
    assert fit("✓ a → b…", wide) == "✓ a → b…"


def test_numbers() -> None:
    assert [clock(x) for x in (-1, 0, 59.9, 61, 3600, 36_061)] == [
        "0:00",
        "0:00",
        "0:59",
        "1:01",
        "1:00:00",
        "10:01:01",
    ]
    assert [duration(x) for x in (0.0935, 3, 77.6, 119, 600, 9000, None)] == [
        "93.5 ms", "3 s", "77.6 s", "119 s", "10 min", "2.5 h", "?",
    ]  # fmt: skip
    assert [decimals(x) for x in (4.43, 0.9, 0.0935, 123.4, 12_345, 0, None)] == [3, 4, 5, 1, 0, 3, 3]
    assert [count(x, "pair") for x in (0, 1, 4604, None)] == ["0 pairs", "1 pair", "4,604 pairs", "? pairs"]
    assert number(float("nan"), 2) == "?" and number("4", 2) == "?" and number(True, 0) == "?"
    assert interval(None, 2) == "no interval" and interval((1, 2.345), 2) == "[1.00, 2.35]"
    assert finite(float("inf")) is None and finite(2) == 2.0


def test_missing_steps_are_none() -> None:
    row = {"a": {"b": [1, 2], "c": [1, None], "d": [1, 2, 3], "e": "12"}}
    assert at(row, "a", "b") == [1, 2] and at(row, "a", "x", "y") is None and at(None, "a") is None
    assert bounds(row, "a", "b") == (1.0, 2.0)
    assert [bounds(row, "a", key) for key in "cdex"] == [None] * 4
    assert items(row, "a", "e") == []


def test_effects_in_words() -> None:
    ratio = {"kind": "ratio", "value": 7.434, "interval": [7.1, 7.9]}
    assert effect_words(ratio) == "7.43× as fast [7.10, 7.90]"
    difference = {"kind": "difference", "value": 0.5, "interval": [0.25, 0.75]}
    assert effect_words(difference, "bits") == "0.5000 bits better [0.2500, 0.7500]"
    assert effect_words({"kind": "difference", "value": 0.5}) == "0.5000 better no interval"
    assert effect_words({"kind": "unknown", "reason": "too few\x1b pairs"}) == "effect not measured: too few pairs"
    assert effect_words(None) == "effect not measured"
