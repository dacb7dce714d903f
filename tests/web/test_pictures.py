"""What the pages with pictures show, against the ledger's own numbers; and the pictures as markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from selfproof.certify.judging import judge
from selfproof.certify.pairs import pair_of
from selfproof.certify.terms import Rule
from selfproof.viewing.seen import Seen
from selfproof.web.drawing import curves as curve_pictures
from selfproof.web.drawing import evidence as evidence_pictures
from selfproof.web.drawing.forest import lineage
from selfproof.web.drawing.scales import Scale, number
from selfproof.web.drawing.svg import LOOKS, Drawing
from selfproof.web.models import curves, diffing, earning
from selfproof.web.models.evidence import evidence_of, rows_in
from selfproof.web.models.forest import WAY, Forest, Wanted, forest_of


@pytest.fixture(scope="module")
def seen(finite_life: Any) -> Seen:
    return Seen(finite_life.folder)


@pytest.fixture(scope="module")
def forest(seen: Seen) -> Forest:
    return forest_of(seen.reader.leaves(), seen.blob, seen.state)


def test_wealth_is_the_verdicts_own(seen: Seen) -> None:
    bets = [c for c in seen.state.confirmations.values() if c.body["rule"]["test"] == "bet" and c.verdict]
    assert bets
    for confirming in bets:
        found = evidence_of(confirming, seen.blob)
        assert confirming.verdict is not None
        assert found.steps[-1].improve == confirming.verdict["log_wealth"]
        assert found.line == confirming.verdict["log_threshold"]
        rows = [row for digest in confirming.evidence for row in rows_in(seen.blob, digest)]
        pairs = [pair_of(confirming.body["kind"], confirming.body["better"], row) for row in rows]
        half = len(pairs) // 2
        assert found.steps[half - 1].improve == judge(Rule(**confirming.body["rule"]), pairs[:half]).log_wealth


def test_the_forest_has_every_candidate_and_the_way_to_each_version(seen: Seen, forest: Forest) -> None:
    proposed = sum(leaf.body["n"] for leaf in seen.reader.leaves() if leaf.kind == "propose")
    straight = sum(node.outcome == 6 for node in forest.nodes)
    assert len(forest.nodes) == proposed + straight
    assert [stem.version for stem in forest.stems] == [v.number for v in seen.state.versions]
    for stem in forest.stems[1:]:
        node = forest.nodes[stem.node]
        assert node.id == seen.state.versions[stem.version].candidate
        assert node.flags & WAY and forest.name(node)["outcome"] in {"certified", "uncertified", "rolled back"}
    for node in forest.nodes:
        assert node.parent < node.index
    places = [(node.column, node.slot) for node in forest.nodes]
    assert len(set(places)) == len(places), "two candidates lie on one another"


def test_filters_let_through_what_they_say(forest: Forest) -> None:
    operator = forest.operators.known[0]
    found = forest.find(Wanted(operator=operator))
    assert found and all(forest.name(forest.nodes[i])["operator"] == operator for i in found)
    own = forest.find(Wanted())
    assert set(forest.find(Wanted(controls="yes"))) >= set(own)
    title = forest.nodes[own[0]].title
    assert own[0] in forest.find(Wanted(text=title.upper()))
    assert forest.find(Wanted(text="no such words")) == []


def test_packed_numbers_are_what_the_browser_reads(forest: Forest) -> None:
    import json
    import struct

    data = forest.packed()
    head, _, body = data.partition(b"\n")
    told = json.loads(head)
    assert told["n"] == len(forest.nodes) and (len(head) + 1) % 4 == 0
    n = told["n"]
    assert list(struct.unpack(f"<{n}I", body[: 4 * n])) == [node.column for node in forest.nodes]
    assert list(struct.unpack(f"<{n}i", body[4 * n : 8 * n])) == [node.parent for node in forest.nodes]
    assert list(body[-n:]) == [node.flags for node in forest.nodes]
    assert len(body) == 16 * n


def test_levels_hold_the_truth_of_the_rows(seen: Seen) -> None:
    closing = curves.closing_rows(seen.reader.leaves(), seen.blob)
    found = curves.curves(seen.state, seen.charter.objectives, closing, seen.blob)
    assert [c.objective for c in found] == [o.name for o in seen.charter.objectives]
    assert sum(len(c.points) - 1 for c in found if c.points) == len(seen.state.versions) - 1
    for curve in found:
        for point in curve.points:
            if point.level is not None:
                assert point.level.low <= point.level.value <= point.level.high
        assert curve.now is not None and curve.now["name"] == curve.objective


def test_who_earns_adds_up(seen: Seen, forest: Forest) -> None:
    rows = earning.earned(forest, seen.state, earning.by_operator(forest))
    assert sum(row.tried for row in rows) == len(earning.own(forest))
    certified = [v for v in seen.state.versions[1:] if v.certified]
    assert sum(row.certified for row in rows) == len(certified)
    told = earning.avoided(forest, seen.state, rows, seen.reader.leaves())
    assert sum(told.outcomes.values()) == len(earning.own(forest))


def test_pictures_are_xml_and_say_what_they_show(seen: Seen, forest: Forest) -> None:
    confirming = next(c for c in seen.state.confirmations.values() if c.evidence)
    found = evidence_of(confirming, seen.blob)
    closing = curves.closing_rows(seen.reader.leaves(), seen.blob)
    curve = curves.curves(seen.state, seen.charter.objectives, closing, seen.blob)[0]
    for palette in ("page", "light", "dark"):
        for text in (
            evidence_pictures.wealth(found, "certified", palette), evidence_pictures.pairs(found, {}, palette),
            curve_pictures.curve(curve, palette), lineage(forest, None, palette),
        ):  # fmt: skip
            root = ET.fromstring(text)
            assert root.attrib["role"] == "img" and len(root.attrib["aria-label"]) > 10
            assert ("class=" in text) == (palette == "page")


def test_nothing_gets_out_of_a_picture_or_a_line() -> None:
    evil = '"><script>alert(1)</script>\u202e\x1b[0m\n'
    drawing = Drawing((10, 10), evil, evil)
    drawing.word((1, 1), evil)
    drawing.dot((1, 1), "dot", told=evil)
    text = drawing.text()
    ET.fromstring(text)
    assert "<script" not in text and "\u202e" not in text and "\x1b" not in text
    rows = diffing.diff({}, {"evil.py": f"x = 1\n{evil}y = '<b>'\n"})[0].rows
    html = "".join(row.new for row in rows)
    assert "<script" not in html and "<b>" not in html and "\u202e" not in html


def test_a_diff_counts_lines_and_skips_what_is_equal() -> None:
    before = "\n".join(f"line {i}" for i in range(40))
    after = before.replace("line 20", "line twenty\nline more")
    found = diffing.diff({"a.txt": before, "same.txt": "x"}, {"a.txt": after, "same.txt": "x"})
    assert [(one.path, one.added, one.removed) for one in found] == [("a.txt", 2, 1)]
    kinds = [row.kind for row in found[0].rows]
    assert kinds[0] == kinds[-1] == "skip" and kinds.count("changed") == 1 and kinds.count("added") == 1


def test_axes_have_round_numbers_inside() -> None:
    assert Scale(0, 10, 0, 100).ticks == [0, 2, 4, 6, 8, 10]
    assert Scale(0.9, 2000, 0, 1, log=True).ticks == [1, 10, 100, 1000]
    assert Scale(1, 13, 0, 1, log=True).ticks == [1, 2, 5, 10]
    assert [number(v) for v in (0.5, 1740.2, 3e9, 2e-7)] == ["0.5", "1,740", "3e9", "2e-7"]
    assert {"dot", "line", "band"} <= set(LOOKS)
