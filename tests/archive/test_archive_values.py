"""Values of the archive: names of trees, evidence as bytes, the population."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.archive.evidence import pack, unpack
from selfproof.archive.population import PER_STRUCTURE, Member, Population
from selfproof.archive.tree import digests, matches, scope, tree_hash, tree_of_digests
from selfproof.operators import normal_form
from selfproof.operators.anatomy import structure_of

names = st.text("abc/._é", min_size=1, max_size=8)
files = st.dictionaries(names, st.text(max_size=20), max_size=5)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(files, st.randoms())
def test_a_tree_is_named_by_its_content_not_by_its_order(tree: dict[str, str], rng: random.Random) -> None:
    order = list(tree)
    rng.shuffle(order)
    assert tree_hash({path: tree[path] for path in order}) == tree_hash(tree) == tree_of_digests(digests(tree))


@given(files, names, st.text(max_size=20))
def test_any_other_content_has_another_name(tree: dict[str, str], path: str, text: str) -> None:
    other = {**tree, path: text}
    assert (tree_hash(other) == tree_hash(tree)) == (other == tree)


def test_the_name_is_what_a_stranger_computes() -> None:
    import hashlib

    inner = hashlib.sha256(b"x = 1\n").hexdigest()
    assert tree_hash({"a.py": "x = 1\n"}) == hashlib.sha256(f'{{"a.py":"{inner}"}}'.encode()).hexdigest()


def test_scope_takes_what_the_globs_name() -> None:
    tree = {"b/c.py": "", "a.py": "", "a.txt": ""}
    assert list(scope(tree, ["*.py"])) == ["a.py", "b/c.py"]
    assert not matches("a.pyc", ["*.py"]) and not matches("A.py", ["a.py"])


@given(st.integers(0, 6).flatmap(lambda width: st.lists(st.lists(numbers, min_size=width, max_size=width), max_size=6)))
def test_evidence_comes_back_bit_by_bit(rows: list[list[float]]) -> None:
    header, found = unpack(pack({"confirmation": 7, "first": 0}, rows))
    assert header == {"confirmation": 7, "first": 0}
    assert [list(row) for row in found] == rows
    assert all(
        math.copysign(1, a) == math.copysign(1, b)
        for x, y in zip(rows, found, strict=True)
        for a, b in zip(x, y, strict=True)
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]\n",
        b'{"shape":[1,1]}\n',
        b'{"shape":[1,2]}\n' + b"\0" * 8,
        b'{"shape":[1,1]}\n' + b"\0" * 7,
        b'{"shape":[1,1]}\n' + b"\xff" * 8,
        b"not json\n" + b"\0" * 8,
    ],
)
def test_malformed_evidence_is_an_error(data: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        unpack(data)


def test_rows_of_unequal_length_are_an_error() -> None:
    with pytest.raises(ValueError, match="equal length"):
        pack({}, [[1.0], [1.0, 2.0]])


def member(number: int, score: float, structure: str = "", size: int = 10) -> Member:
    return Member(f"{number:04x}", "", (score,), size, structure or str(number))


scores = st.lists(st.tuples(st.floats(1, 5), st.sampled_from("abcdef"), st.integers(1, 60)), min_size=1, max_size=60)


@given(scores)
def test_the_population_is_sorted_bounded_and_shares_no_structure_too_often(
    found: list[tuple[float, str, int]],
) -> None:
    population = Population(most=12)
    for i, (score, structure, size) in enumerate(found):
        population.insert(member(i, score, structure, size))
    members = population.members
    assert members == sorted(members, key=lambda m: m.rank) and 1 <= len(members) <= 12
    assert all(sum(m.structure == s for m in members) <= PER_STRUCTURE for s in "abcdef")
    assert len({round(m.score, 9) for m in members}) == len(members)


@given(scores, st.randoms())
def test_starting_again_from_the_same_members_gives_the_same_order(
    found: list[tuple[float, str, int]], rng: random.Random
) -> None:
    members = [member(i, score, str(i), size) for i, (score, _, size) in enumerate(found)]
    one, two = Population(), Population()
    one.replace_all(members)
    rng.shuffle(members)
    two.replace_all(members)
    assert one.members == two.members


def test_of_two_with_one_score_the_smaller_stays() -> None:
    population = Population()
    assert population.insert(Member("large", "", (1.0,), 9, "a"))
    assert not population.insert(Member("as large", "", (1.0,), 9, "b"))
    assert population.insert(Member("small", "", (1.0,), 8, "c"))
    assert not population.insert(Member("large", "", (1.0,), 9, "a"))
    assert [member.id for member in population.members] == ["small"]
    for number in range(PER_STRUCTURE):
        assert population.insert(Member(f"m{number}", "", (0.5 + 0.01 * number,), 9, "full"))
    assert not population.insert(Member("tiny", "", (1.0,), 1, "full")), "its structure is full of better ones"
    assert "small" in {member.id for member in population.members}, "and nobody left for it"


def test_better_members_are_parents_more_often_and_nobody_never() -> None:
    population = Population()
    population.replace_all([member(i, 1.0 + i) for i in range(8)])
    drawn = [m.id for m in population.parents(4000, random.Random(1))]
    counts = [drawn.count(f"{i:04x}") for i in range(8)]
    assert counts[0] > 3 * counts[4] and min(counts) > 0


def test_parents_follow_from_the_seed() -> None:
    population = Population()
    population.replace_all([member(i, 1.0 + i) for i in range(8)])
    assert population.parents(20, random.Random(3)) == population.parents(20, random.Random(3))


def structure(line: str) -> str:
    return structure_of(normal_form(f"def f(c):\n    {line}\n"))


def test_structure_leaves_constants_and_comments_out() -> None:
    assert structure("return c + 1.0  # one") == structure("return c + 2.5")
    assert structure("return c + 1.0") != structure("return c - 1.0")
    assert structure("return g('a)(', 1)") == structure("return g('b\\'', 1j)")
    assert structure("return g('a', c)") != structure("return g('a', d)")
