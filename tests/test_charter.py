"""The charter: what is refused, with which words, and what every field says of itself."""

from __future__ import annotations

import dataclasses
import hashlib
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.charter import CharterError, load, parse, reading, sections
from selfproof.cli.charter import fields
from selfproof.nouns import UsageError

TEXT = (resources.files("selfproof") / "templates/apprentice/charter.toml").read_text(encoding="utf-8")
EDITABLE = 'editable = ["memory.py", "notebook.py", "rule.py", "policy.py", "choices.py"]'


RULE = """
[[rule]]
id = "large"
when = ["lines_added > 40", "classes has code"]
then = "approve"
reason = "more than one reads in passing"
"""


def error_of(text: str) -> CharterError:
    with pytest.raises(CharterError) as caught:
        parse(text)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return caught.value


def with_line(section: str, line: str) -> str:
    """The shipped charter with one more line in a section."""
    assert TEXT.count(section + "\n") + TEXT.count(section + " ") >= 1
    head, mark, tail = TEXT.partition(section)
    rest, newline, after = tail.partition("\n")
    return head + mark + rest + newline + line + "\n" + after


def test_the_shipped_charter_is_sound_and_pinned_by_its_hash() -> None:
    found = parse(TEXT)
    assert found.digest == hashlib.sha256(TEXT.encode()).hexdigest() and found.text == TEXT
    assert [o.name for o in found.objectives] == ["memory", "operations", "training", "puzzles", "improver"]
    assert found.objective("memory").better == "lower" and found.guards[0].objective == "memory"


@pytest.mark.parametrize(
    ("section", "line", "key", "meant"),
    [
        ("[certify]", "alhpa = 0.01", "alhpa", "alpha"),
        ("[budget]", "minuts = 3", "minuts", "minutes"),
        ("[sandbox]", "worker = 2", "worker", "workers"),
        ("[[objective]]", 'entri = "a.py:f"', "entri", "entry"),
        ("[program]", "editible = []", "editible", "editable"),
    ],
)
def test_an_unknown_key_is_an_error_with_a_suggestion(section: str, line: str, key: str, meant: str) -> None:
    error = error_of(with_line(section, line))
    assert repr(key) in str(error) and section.strip("[]") in str(error)
    assert repr(meant) in error.advice()


def test_an_unknown_section_is_an_error_with_a_suggestion() -> None:
    assert "'certify'" in error_of(TEXT + "\n[certfy]\nalpha = 0.1\n").advice()


@pytest.mark.parametrize(
    ("section", "line", "complaint"),
    [
        ("[sandbox]", 'allow = ["network:example.org:443"]', "grants a network"),
        ("[sandbox]", 'allow = ["everything"]', "'everything' grants nothing"),
        ("[[objective]]", 'allow = ["scratch:0"]', "'scratch:0' grants nothing"),
        ("[sandbox]", 'allow = "gpu"', "list of strings"),
    ],
)
def test_what_trials_may_use_is_said_exactly(section: str, line: str, complaint: str) -> None:
    assert complaint in str(error_of(with_line(section, line)))


def test_an_objective_may_use_more_than_the_others() -> None:
    text = with_line("[sandbox]", 'allow = ["scratch:8"]').replace(
        "[[objective]]", '[[objective]]\nallow = ["network:example.org:443"]', 1
    )
    found = parse(text)
    assert found.sandbox.allow == ("scratch:8",)
    assert [objective.allow for objective in found.objectives][:2] == [("network:example.org:443",), ()]


def test_a_key_like_nothing_lists_what_there_is() -> None:
    assert "alpha" in error_of(with_line("[certify]", "zzzzzz = 1")).advice()


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("minutes = 2.0", "minutes = -3", "[budget].minutes"),
        ("minutes = 2.0", "minutes = 0", "[budget].minutes"),
        ("minutes = 2.0", "minutes = nan", "[budget].minutes"),
        ("minutes = 2.0", "minutes = inf", "[budget].minutes"),
        ("cpu_hours = 24.0", "cpu_hours = -1", "[budget].cpu_hours"),
        ("adoptions_per_day = 50", "adoptions_per_day = -1", "[budget].adoptions_per_day"),
        ("alpha = 0.05", "alpha = 0.0", "[certify].alpha"),
        ("alpha = 0.05", "alpha = 0.9", "[certify].alpha"),
        ("workers = 2", "workers = 0", "[sandbox].workers"),
        ("margin = 0.02", "margin = 0", "margin"),
        ("tree_growth = 4.0", "tree_growth = 0.5", "[program].tree_growth"),
    ],
)
def test_an_impossible_number_is_an_error_that_names_the_bounds(old: str, new: str, place: str) -> None:
    assert TEXT.count(old) >= 1
    error = error_of(TEXT.replace(old, new, 1))
    assert place in str(error) and "impossible" in str(error) and "between" in error.advice()


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("workers = 2", "workers = 2.5", "int"),
        ("workers = 2", "workers = true", "int"),
        ("workers = 2", 'workers = "2"', "int"),
        ("alpha = 0.05", 'alpha = "low"', "float"),
        ('tree = "program"', "tree = 3", "str"),
        (
            EDITABLE,
            'editable = "memory.py"',
            "list of strings",
        ),
        (
            EDITABLE,
            "editable = [1]",
            "list of strings",
        ),
        ('better = "lower"', 'better = "less"', "better"),
        ('require = "auto"', 'require = "No one"', "require"),
        ('preset = "lean"', 'preset = "fast"', "preset"),
        ('entry = "memory.py:predict"', 'entry = "memory:predict"', "FILE.py:name"),
        ('entry = "memory.py:predict"', 'entry = "../memory.py:predict"', "FILE.py:name"),
        ('entry = "memory.py:predict"', 'entry = "/memory.py:predict"', "FILE.py:name"),
        ('task = "tasks/language.py:Language"', 'task = "tasks/language.py"', "FILE.py:name"),
        ('name = "memory"', 'name = "a b"', "usable name"),
        ('name = "operations"', 'name = "memory"', "twice"),
        ('objective = "memory"', 'objective = "memori"', "memori"),
        ("[program]", "[program", "TOML"),
        ("[program]\n", "[programs]\n", "programs"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, word: str) -> None:
    assert old in TEXT
    assert word in str(error_of(TEXT.replace(old, new, 1)))


def test_missing_parts_are_named() -> None:
    assert "[program]" in str(error_of("[budget]\nminutes = 1\n"))
    assert "objective" in str(error_of('[program]\neditable = ["a.py"]\n'))
    assert "'metric'" in str(error_of(TEXT.replace('metric = "bits_per_char"\n', "", 1)))
    assert "double brackets" in str(
        error_of(TEXT[: TEXT.index("[[guard]]")].replace("[[objective]]", "[objective]", 1).split("[[objective]]")[0])
    )


@given(st.text(max_size=200))
def test_any_text_is_a_charter_or_an_error_in_one_line(text: str) -> None:
    try:
        parse(text)
    except CharterError as error:
        assert str(error).startswith("charter: ")


anything = st.one_of(
    st.booleans(), st.integers(-(2**40), 2**40), st.floats(), st.text(max_size=5), st.just([]), st.just({}), st.none()
)


def test_a_strategy_that_is_not_known_is_an_error_with_a_suggestion() -> None:
    error = error_of(TEXT.replace('strategy = "default"', 'strategy = "hgn"'))
    assert "[search].strategy" in str(error) and "'hgn'" in str(error)
    assert "Did you mean 'hgm'?" in error.advice() and "map-elites" in error.advice()


TRIPWIRES = """
[tripwires]
novelty = ["ask 1"]
cooldown_s = 5.0
cooldown_trials = 7

[[must_fail]]
name = "shell"
task = "tasks/a.py:Shell"
entry = "a.py:f"
bar = 0.5
samples = 3
"""


def test_tripwires_are_read_and_a_task_that_must_fail_needs_its_bar() -> None:
    charter = parse(TEXT + RULE + TRIPWIRES)
    assert charter.tripwires.novelty == ("ask 1",) and charter.tripwires.acceleration == ("alert 2",)
    assert [(one.name, one.bar) for one in charter.must_fail] == [("shell", 0.5)]
    assert "lacks 'bar'" in str(error_of(TEXT + TRIPWIRES.replace("bar = 0.5", "")))


@given(st.sampled_from([*sections.TABLES, *sections.LISTS]), st.data())
def test_any_value_in_any_place_is_taken_or_refused_politely(name: str, data: st.DataObject) -> None:
    found = tomllib.loads(TEXT + RULE + TRIPWIRES).get(name, {})  # a section that it lacks has its defaults
    section = dict(data.draw(st.sampled_from(found)) if isinstance(found, list) else found)
    kind = {**sections.TABLES, **sections.LISTS}[name]
    key, value = data.draw(st.sampled_from(sorted(spec.name for spec in dataclasses.fields(kind)))), data.draw(anything)
    try:
        taken = reading._section(kind, {**section, key: value}, f"[{name}]")
    except CharterError as error:
        assert f"[{name}].{key}" in str(error)
    else:
        assert getattr(taken, key) == (tuple(value) if isinstance(value, list) else value)


def test_an_unknown_objective_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match="'memry'") as caught:
        parse(TEXT).objective("memry")
    assert "memory, operations" in caught.value.advice()


def test_a_missing_or_unreadable_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CharterError, match="no charter") as caught:
        load(tmp_path / "charter.toml")
    assert "selfproof init" in caught.value.advice()
    (tmp_path / "charter.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CharterError, match="cannot read"):
        load(tmp_path / "charter.toml")
    with pytest.raises(CharterError, match="cannot read"):
        load(tmp_path)


def test_every_field_is_explained() -> None:
    rows = fields()
    assert {"[certify] alpha", "[[objective]] margin", "[[guard]] margin", "[budget] minutes"} <= {r[0] for r in rows}
    assert all(len(text) > 10 and text.endswith(".") for _, _, text in rows)
    assert len({place for place, _, _ in rows}) == len(rows)


@pytest.mark.parametrize("files", ['["mem*.py"]', '["*"]', '["x.py", "memory.py"]'])
def test_no_file_belongs_to_two_objectives(files: str) -> None:
    assert 'files = ["notebook.py"]' in TEXT
    error = error_of(TEXT.replace('files = ["notebook.py"]', f"files = {files}"))
    assert "share files: memory.py" in str(error) and "of its own" in str(error.advice())
