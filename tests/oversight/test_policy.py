"""Policy rules: the first that holds decides, and whatever is not as it must be denies."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.charter import CharterError, PolicyRule, parse
from selfproof.charter.conditions import parse as condition
from selfproof.charter.sections import CLASSES, FACTS, LATE, NAMES, NUMBER, TEXT
from selfproof.oversight.policy import judge

RULED = """
[program]
editable = ["a.py"]
[[objective]]
name = "a"
task = "t.py:T"
entry = "a.py:f"
metric = "m"
better = "lower"
kind = "quality"
files = ["a.py"]
[[rule]]
id = "one"
when = [WHEN]
then = "deny"
reason = "because"
"""
numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
WORDS = ("alice", "improver", "suite")


def a_fact(name: str) -> st.SearchStrategy[Any]:
    kinds = {
        NUMBER: numbers, TEXT: st.sampled_from(WORDS), NAMES: st.lists(st.sampled_from(CLASSES), unique=True),
    }  # fmt: skip
    return kinds[FACTS[name][0]]


facts = st.fixed_dictionaries({name: a_fact(name) for name in FACTS})


def a_condition(name: str) -> st.SearchStrategy[str]:
    kind = FACTS[name][0]
    if kind == NUMBER:
        values = st.integers(-999, 999).map(str)
        return st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), values).map(
            lambda p: f"{name} {p[0]} {p[1]}"
        )
    words = CLASSES if kind == NAMES else WORDS
    operators = ["has", "lacks"] if kind == NAMES else ["==", "!="]
    return st.tuples(st.sampled_from(operators), st.sampled_from(words)).map(lambda p: f"{name} {p[0]} {p[1]}")


some_rules = st.lists(
    st.builds(
        PolicyRule, id=st.sampled_from(["a", "b", "c"]), then=st.sampled_from(["deny", "approve", "allow"]),
        reason=st.just("why"),
        when=st.lists(st.sampled_from(sorted(FACTS)).flatmap(a_condition), min_size=1, max_size=3).map(tuple),
    ),
    max_size=4,
)  # fmt: skip


def rule(*when: str, then: str = "allow", id: str = "one") -> PolicyRule:
    return PolicyRule(id=id, when=when, then=then, reason="because")


@given(some_rules, facts, st.data())
def test_a_missing_or_unknown_fact_denies_whatever_the_rules_say(
    rules: list[PolicyRule], told: dict[str, Any], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(sorted(FACTS)))
    found = judge(rules, {name: value for name, value in told.items() if name != gone}, certified=True)
    assert (found.verdict, found.rule) == ("deny", "facts") and gone in found.reason
    assert judge(rules, {**told, "colour": 1}, certified=True).verdict == "deny"
    early = {name: value for name, value in told.items() if name not in LATE}
    assert judge(rules, told, certified=False).verdict == "deny", "nobody can know these yet"
    assert judge(rules, early, certified=True).verdict == "deny"


@given(some_rules, facts, st.data())
def test_a_fact_that_is_not_finite_or_of_another_type_denies(
    rules: list[PolicyRule], told: dict[str, Any], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(FACTS)))
    wrong = {
        NUMBER: [math.nan, math.inf, -math.inf, True, "7", None, [1]], TEXT: [7, None, b"alice", ["alice"]],
        NAMES: ["code", None, ["colour"], [7], {"code": 1}],
    }[FACTS[name][0]]  # fmt: skip
    found = judge(rules, {**told, name: data.draw(st.sampled_from(wrong))}, certified=True)
    assert (found.verdict, found.rule) == ("deny", "facts")


@given(some_rules, facts)
def test_what_is_denied_early_is_denied_late_too(rules: list[PolicyRule], told: dict[str, Any]) -> None:
    """Before anything is run only what can already be known decides, and it decides alike."""
    early = judge(rules, {name: value for name, value in told.items() if name not in LATE}, certified=False)
    late = judge(rules, told, certified=True)
    assert early.verdict in {"deny", "approve", "allow", "later"} and late.verdict != "later"
    assert early.verdict == "later" or early == late


def test_the_first_rule_whose_conditions_all_hold_decides() -> None:
    told: dict[str, Any] = {n: {NUMBER: 5, TEXT: "suite", NAMES: ["code"]}[kind] for n, (kind, _) in FACTS.items()}
    deny, people = rule("files > 4", then="deny", id="many"), rule("classes has code", then="approve", id="code")
    assert judge([people, deny], told, certified=True).rule == "code"
    assert judge([deny, people], told, certified=True).verdict == "deny"
    assert judge([rule("files > 4", "classes lacks code", then="deny")], told, certified=True).verdict == "allow"
    assert judge([], told, certified=True) == judge([rule("objective == other")], told, certified=True)
    for broken in ("files >> 4", "colour > 1", "files > nan", "files == code", "classes has colour", "f(files) > 1"):
        assert judge([rule(broken)], told, certified=True).verdict == "deny", broken
    assert (
        judge([PolicyRule(id="x", when=("files > 1",), then="perhaps", reason="")], told, certified=True).verdict
        == "deny"
    )


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ('"files >> 4"', "not of the form"), ('"colour > 1"', "no fact"), ('"files > inf"', "plain number"),
        ('"files > 1e9"', "plain number"), ('"objective > 3"', "compared with"), ('"classes has colour"', "no class"),
        ('"files > 1; import os"', "not of the form"), ("", "needs conditions"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_read_is_refused_with_the_charter(when: str, words: str) -> None:
    with pytest.raises(CharterError, match=words):
        parse(RULED.replace("WHEN", when))


def test_what_a_charter_says_of_rules_and_classes_is_checked() -> None:
    good = RULED.replace("WHEN", '"files > 4"')
    found = parse(good + '[classes]\nimprover = 2\ndependencies = "forbid"\n')
    assert (found.rules[0].id, found.classes.improver, found.most_signatures) == ("one", 2, 2)
    assert found.asks_people and found.sorts_changes and condition(found.rules[0].when[0]).value == 4.0
    for line in (
        "improver = 0",
        "improver = true",
        "improver = 2.0",
        'improver = "two"',
        "weights = 2",
        "improver = 17",
    ):
        with pytest.raises(CharterError, match="classes"):
            parse(good + f"[classes]\n{line}\n")
    for change in (('id = "one"', 'id = "facts"'), ('id = "one"', 'id = "One"'), ('"because"', '" "')):
        with pytest.raises(CharterError, match="rule"):
            parse(good.replace(*change))
    with pytest.raises(CharterError, match="two rules"):
        parse(good + good[good.index("[[rule]]") :])


def test_the_page_lists_every_fact_every_class_and_every_rule_of_the_screen() -> None:
    from selfproof.screen.reach import REACHES

    page = (Path(__file__).resolve().parents[2] / "docs" / "oversight.md").read_text("utf-8")
    for name in (*FACTS, *CLASSES, *set(REACHES.values()), "secret", "characters", "unasked", "computed", "patching"):
        assert f"`{name}`" in page, name
