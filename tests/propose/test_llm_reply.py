"""What a whole reply says: the edit, its title, and a prediction that is worth holding against what is measured."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_cases import EDIT, brief

from selfproof.propose import reply
from selfproof.propose.brief import ProposerFailed, Spent

BODY = EDIT.partition("</prediction>")[2]


def stated(kind: str, gain: str, metric: str = "bits") -> float | None:
    text = f"<prediction>\ntitle: t\nmetric: {metric}\ngain: {gain}\n</prediction>\n{BODY}"
    return reply.suggestion(text, brief(kind=kind, metric="bits")).prediction


def test_a_reply_becomes_a_suggestion() -> None:
    got = reply.suggestion(EDIT, brief(), spent=Spent(10, 20, 0.5))
    assert got.files == {"solver.py": "def solve(x):\n    return sum(x)\n"}
    assert (got.title, got.operator, got.prediction) == ("use the built-in sum", "search and replace", 1.8)
    assert (got.risk, got.spent) == ("none", Spent(10, 20, 0.5))


@pytest.mark.parametrize(
    ("kind", "gain", "metric", "expected"),
    [
        ("speed", "1.4", "bits", 1.4),
        ("speed", "1.4x as fast", "speed", 1.4),
        ("speed", "30%", "bits", 1.3),
        ("speed", "0.9", "bits", None),
        ("speed", "1", "bits", None),
        ("quality", "0.05", "bits", 0.05),
        ("quality", "-0.05", "`bits`", 0.05),
        ("quality", "5%", "bits", None),
        ("quality", "0", "bits", None),
        ("quality", "0.05", "accuracy", None),
        ("quality", "lots", "bits", None),
        ("quality", "1e999", "bits", None),
        ("quality", "nan", "bits", None),
        ("quality", "9" * 5000, "bits", None),
    ],
)
def test_a_prediction_is_a_gain_of_this_metric_or_none(
    kind: str, gain: str, metric: str, expected: float | None
) -> None:
    assert stated(kind, gain, metric) == pytest.approx(expected) if expected else stated(kind, gain, metric) is None


def test_words_are_short_and_printable() -> None:
    text = f"<prediction>\ntitle: \x1b[31m{'x' * 5000}\nrisk: a\x07b\n</prediction>\n{BODY}"
    got = reply.suggestion(text, brief())
    assert got.title.isprintable() and len(got.title) <= reply.LONGEST_WORDS
    assert got.risk == "a b"


def test_thoughts_are_no_part_of_the_answer() -> None:
    thought = EDIT.replace("return sum(x)", "return 0")
    got = reply.suggestion(f"<think>\nPerhaps:\n{thought}\nNo.\n</think>\n{EDIT}", brief())
    assert got.files["solver.py"].endswith("return sum(x)\n")
    with pytest.raises(ProposerFailed, match="cannot be used"):
        reply.suggestion(f"<think>\n{thought}", brief())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("I cannot help with that.", "no edit is in it"),
        ("solver.py\n<<<<<<< SEARCH\nnothing like it\n=======\nx\n>>>>>>> REPLACE\n", "is not in the file"),
        ("score.py\n<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n", "may not be edited"),
    ],
)
def test_a_reply_without_an_edit_is_one_line(text: str, why: str) -> None:
    with pytest.raises(ProposerFailed) as caught:
        reply.suggestion(text, brief(), spent=Spent(7, 8, 0.25))
    assert why in str(caught.value) and "\n" not in str(caught.value)
    assert caught.value.spent == Spent(7, 8, 0.25), "what it cost is not forgotten"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.booleans())
def test_any_text_is_a_suggestion_or_one_line(text: str, inside: bool) -> None:
    whole = f"<prediction>{text}</prediction>{BODY}" if inside else text
    try:
        got = reply.suggestion(whole, brief())
    except ProposerFailed as why:
        assert str(why).isprintable()
    else:
        assert set(got.files) == {"solver.py"}
        assert got.title.isprintable() and got.risk.isprintable()
        assert got.prediction is None or got.prediction > 1
