"""The system card: from the ledger alone, the same bytes for the same ledger, each number with its proof."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from selfproof import charter as charters
from selfproof.ledger import read
from selfproof.ledger.merkle import leaf_hash
from selfproof.ledger.proof_file import proven
from selfproof.reports import rendering
from selfproof.reports.card import Card
from selfproof.reports.facts import Facts
from selfproof.reports.form import Column, Section

HOSTILE = "<script>alert(1)</script> | a\n## b ](x) `c` \x1b[2J \u202e evil"


class Seen(HTMLParser):
    """Tags, attributes and ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def hostile(made: Card) -> Card:
    columns = (Column("t", "Title", "foreign"), Column("n", "Count", "number"))
    section = Section("hostile", "Hostile", (), columns, ({"t": HOSTILE, "n": 1, "entries": [0]},))
    return replace(made, sections=(section,))


def test_the_same_ledger_gives_the_same_card(golden_ledger: Path, made: Card) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom selfproof.reports import rendering\n"
        "from selfproof.reports.card import card\nfrom selfproof.reports.facts import Facts\n"
        "made = card(Facts(Path(sys.argv[1])), None)\n"
        "sys.stdout.write('\\0'.join(rendering.rendered(made, form) for form in rendering.FORMATS))"
    )
    elsewhere = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([sys.executable, "-c", script, golden_ledger], capture_output=True, env=elsewhere, check=True)
    assert done.stdout.decode().split("\0") == [rendering.rendered(made, form) for form in rendering.FORMATS]


def test_the_numbers_are_those_of_the_golden_ledger(made: Card) -> None:
    adopted = [(row["version"], row["objective"], row["answer"], row["pairs"]) for row in made.section("changes").rows]
    assert adopted == [(1, "holdout", "certified", 33), (2, "suite", "certified", 20 * 2)]
    spent = {row["item"]: row["value"] for row in made.section("budget").rows}
    assert (
        spent["left"] == pytest.approx(0.05 - spent["spent"]) and spent["confirmations begun, which is what spends it"]
    )
    assert made.verified and made.entries == 36


def test_every_row_of_numbers_leads_to_entries_that_prove_it(made: Card, facts: Facts) -> None:
    raw = {leaf.index: leaf.raw for leaf in facts.reader.leaves()}
    cited = {one.index: one.leaf_hash for one in made.cited}
    assert cited and all(leaf_hash(raw[index]).hex() == digest for index, digest in cited.items())
    for name in ("changes", "guards", "controls", "budget", "behaviour", "isolation"):
        for row in made.section(name).rows:
            assert row["entries"] and set(row["entries"]) <= set(cited), (name, row)
    index = made.section("changes").rows[0]["entries"][0]
    assert proven(facts.shared.proof(index), facts.shared.log).index == index
    ids = re.findall(r'href="#entry-(\d+)"', rendering.html(made))
    assert {int(one) for one in ids} == set(cited)


def test_the_card_holds_the_plan_that_is_in_force(made: Card, facts: Facts) -> None:
    plan = {row["item"]: row["value"] for row in made.section("may-change").rows}
    charter = charters.parse(facts.blob(facts.state.charter["charter"]).decode())
    assert plan["[program] editable"] == list(charter.program.editable)
    assert plan["[autonomy] level"] == charter.autonomy.level and plan["[certify] alpha"] == charter.certify.alpha
    assert {row["name"] for row in made.section("objectives").rows} == {"suite", "holdout", "kept"}


def test_every_adoption_has_its_effect_and_its_guards(made: Card, facts: Facts) -> None:
    rows = made.section("behaviour").rows
    assert [row["version"] for row in rows] == [1, 2, 2]
    for row, version in zip((rows[0], rows[1]), facts.state.versions[1:], strict=True):
        assert f"{version.effect['value']:.4g}" in row["effect"]
    assert rows[2]["measure"] == "guard kept" and rows[2]["answer"] == "passed" and rows[2]["lost"] == 0.01


def test_what_machines_wrote_obeys_nobody(made: Card) -> None:
    page = rendering.html(hostile(made))
    seen = Seen(page)
    assert "script" not in seen.tags and "&lt;script&gt;" in page and "\x1b" not in page and "\u202e" not in page
    text = rendering.markdown(hostile(made))
    (line,) = [one for one in text.splitlines() if "alert" in one]
    assert "<script>" not in line and "\n## b" not in text and "\x1b" not in text
    assert len(re.findall(r"(?<!\\)\|", line)) == 4, "three cells, whatever is in them"


def test_the_page_loads_nothing_and_can_be_read_by_all(made: Card) -> None:
    seen = Seen(rendering.html(made))
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(seen.tags)
    assert not [one for name, one in seen.attributes if name in {"src", "href"} and not one.startswith("#")]
    ids = [one for name, one in seen.attributes if name == "id"]
    assert len(ids) == len(set(ids)) and {one.removeprefix("#") for name, one in seen.attributes if name == "href"} <= {
        *ids
    }
    assert ("lang", "en") in seen.attributes and ("scope", "col") in seen.attributes
    assert seen.tags.count("th") == seen.attributes.count(("scope", "col"))


def test_a_ledger_that_does_not_verify_is_said_to_be_so(typed: Any, copied_life: Path) -> None:
    from selfproof.ledger import Ledger

    ledger = Ledger.open(copied_life / ".selfproof" / "ledger", copied_life / ".selfproof" / "key")
    ledger.append("halt", {"by": ""}, durable=True)
    ledger.close()
    done = typed("report", "--at", copied_life, "--json")
    assert done.code == 4 and done.json["verified"] is False and "nobody ordered" in done.json["first_bad"]["reason"]
    assert "NOT VERIFIED" in typed("report", "--at", copied_life, "--format", "md").out


@pytest.fixture
def copied_life(newborn: Path) -> Path:
    return newborn


def test_a_program_that_never_ran_has_a_card(typed: Any, newborn: Path, tmp_path: Path) -> None:
    out = tmp_path / "card.html"
    assert typed("report", "--at", newborn, "-o", out).code == 0
    assert "Nothing was adopted yet." in out.read_text() and read(newborn / ".selfproof" / "ledger").size == 2


def test_whoever_has_the_bundle_makes_the_same_card(typed: Any, bundle: Path, made: Card) -> None:
    assert typed("report", "--bundle", bundle, "--format", "md").out == rendering.markdown(made)
