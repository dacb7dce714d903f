"""One object is the certificate: in the ledger, in JSON and on the page; what it says follows from the entries."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest

from selfproof import birth, line, loop
from selfproof import life as lives
from selfproof.archive.evidence import unpack
from selfproof.archive.state import fold
from selfproof.certify.pairs import pair_of, quality_pair
from selfproof.domains import placebo
from selfproof.domains.base import Finalist
from selfproof.drill.rolling_back import _result
from selfproof.ledger import read
from selfproof.line import certificates
from selfproof.nouns import Certificate
from selfproof.viewing.certificates import page


def test_page_json_and_entry_are_one_object(life: Any, cli: Any) -> None:
    leaves = [leaf for leaf in read(life.folder / ".selfproof" / "ledger").leaves() if leaf.kind == "certificate"]
    assert leaves
    for leaf in leaves:
        shown = cli.run("show", leaf.body["confirmation"], "--json", "--at", life.folder).json["certificate"]
        assert shown == leaf.body
        assert set(shown) - {"time"} == set(Certificate.__dataclass_fields__)
    text = cli.run("show", leaves[0].body["confirmation"], "--at", life.folder).out
    for _, words in page(leaves[0].body):
        assert words in text
    told = set(dict(page(leaves[0].body)))
    assert {"claim", "level", "wealth", "effect", "guard", "anchor", "cost", "pairing", "isolation", "seeds"} <= set(
        told
    )


def test_what_it_says_follows_from_the_entries(life: Any) -> None:
    """Effect, interval, cost, spent budget and pairing of an adopted change, recomputed here from the raw numbers."""
    reader = read(life.folder / ".selfproof" / "ledger")
    leaves = list(reader.leaves())
    state = fold(leaves)
    confirming = next(c for c in state.confirmations.values() if c.version == 1)
    told = confirming.certificate
    own = [leaf for leaf in leaves if leaf.body.get("confirmation") == confirming.id]
    canary = next(leaf for leaf in leaves if leaf.kind == "canary" and leaf.body["version"] == 1)
    steps = [leaf.body for leaf in own if leaf.kind in {"results", "check", "guard"}] + [canary.body]
    assert told["cost"]["trials"] == sum(body["trials"] for body in steps) > 100
    assert told["cost"]["cpu_seconds"] == pytest.approx(sum(body["cpu_seconds"] for body in steps))
    assert 0 < told["cost"]["seconds"] < 60 and told["cost"]["dollars"] == 0
    assert told["left"] == pytest.approx(0.05 - told["spent"]) and told["spent"] == pytest.approx(told["alpha_k"])
    rows = unpack(reader.get_blob(canary.body["pairs"]["$blob"]))[1]
    parts = [part for row in rows for part in quality_pair(row, "lower").parts]
    low, high = told["effect"]["interval"]
    mean = math.fsum(parts) / len(parts)
    assert told["effect"]["value"] == pytest.approx(mean) and low < mean < high
    assert told["guards"][0]["guard"] == "source" and told["guards"][0]["passed"]
    assert told["pairing"]["n"] == told["pairs"] and -1 <= told["pairing"]["correlation"] <= 1


def test_refused_changes_have_one_too(tmp_path: Path) -> None:
    birth.make(tmp_path / "p", seed=1)
    with lives.opened(tmp_path / "p", seed=1) as living:
        domain = loop.domains_of(living)["memory"]
        incumbent = living.version(domain.objective)
        same = placebo.edited(domain, incumbent, "memory.py", incumbent.files["memory.py"] + "\n# the same\n", "same")
        finalist = Finalist(same, incumbent, (0.1, 0.2, 0.3))
        confirming = _result(line.confirm(living, domain, finalist))
        assert _result(line.decide(living, domain, finalist, confirming)) is None
        told = confirming.certificate
        assert told is not None and (told["decision"], told["step"], told["version"]) == ("refused", "gate", None)
        assert told["effect"] == told["canary"] == {} and told["cost"]["trials"] >= 2 * told["pairs"]


def test_a_prediction_is_scored_and_decides_nothing(life: Any, unborn: Any, cli: Any) -> None:
    """The improver of this program says beforehand what its edits will do; what comes of it is on the record."""
    folder: Path = unborn()
    improver = folder / "program" / "improver.py"
    text = improver.read_text()
    assert "def propose(" in text
    said = "\n\n_propose = propose\n\n\ndef propose(view):\n    edits = _propose(view)\n"
    said += "    for edit in edits:\n        edit['prediction'] = 2.0\n    return edits\n"
    improver.write_text(text + said)
    cli.until("decision", folder, "--seed", "1")
    found = cli.run("controls", "--json", "--at", folder).json["predictions"]
    assert found["n"] >= 1 and found["all"][0]["stated"] == 2.0
    one = found["all"][0]
    assert one["error"] == pytest.approx(2.0 - one["measured"]) and one["inside"] in {True, False}
    plain = fold(read(life.folder / ".selfproof" / "ledger").leaves())
    guessed = fold(read(folder / ".selfproof" / "ledger").leaves())
    first, other = (next(iter(state.confirmations.values())) for state in (plain, guessed))
    assert first.body["candidate"] == other.body["candidate"], "a prediction changed what is confirmed"


@pytest.mark.slow
def test_a_placebo_has_noise_and_the_gate_does_not_fall_for_it(tmp_path: Path, cli: Any) -> None:
    """The same version twice: on other samples for quality, on a clock for speed; planted gains are gains."""
    birth.make(tmp_path / "p", seed=1)
    with lives.opened(tmp_path / "p", seed=1) as living:
        domains = loop.domains_of(living)
        for domain in domains.values():
            domain.observe()
            rng = random.Random(3)
            nothing = placebo.placebo(domain, rng)
            assert nothing is not None and len(set(nothing.differences)) > 4, "no noise"
            confirming = _result(line.confirm(living, domain, nothing, control="placebo"))
            assert confirming.verdict["answer"] == "refused"
            rows = certificates.rows_of(confirming, living.ledger)
            kind = domain.objective.kind
            assert len({pair_of(kind, "lower", row).y for row in rows}) > 4, "no noise in the confirmation"
            assert confirming.counter == f"control-{domain.objective.name}"
            living.log("control", {"name": "placebo", "confirmation": confirming.id, "expected": None,
                                   "answer": "refused", "why": ""})  # fmt: skip
            gain = placebo.planted(domain, rng)
            assert gain is not None
            assert gain.candidate.id == living.version(domain.objective).id != gain.incumbent.id
        seeds = [leaf for leaf in living.ledger.leaves() if leaf.kind == "results"]
        rows = [row for leaf in seeds for row in unpack(living.ledger.get_blob(leaf.body["pairs"]["$blob"]))[1]]
        assert rows
        timed = [row for row in rows if len(row) == 5]
        assert timed and all(load >= 0 and order in {0.0, 1.0} for _, _, load, _, order in timed)
    counted = cli.run("controls", "--json", "--at", tmp_path / "p").json["placebo"]
    assert (counted["n"], counted["left_out"]) == (2, 0) and len(counted["e_values"]) == 2


@pytest.mark.slow
def test_a_test_that_proves_nothing_is_said_to_prove_nothing(unborn: Any, cli: Any) -> None:
    folder: Path = unborn()
    charter = folder / "charter.toml"
    text = charter.read_text()
    charter.write_text(text.replace("alpha = 0.05", 'test = "greedy"\nalpha = 0.05', 1))
    refused = cli.run("charter", "--at", folder)
    assert refused.code == 2 and "uncertified = true" in refused.err
    charter.write_text(text.replace("alpha = 0.05", 'test = "greedy"\nuncertified = true\nalpha = 0.05', 1))
    for minutes in (0.1, 0.2, 0.4):  # as long as it takes here
        done = cli.run("run", "--minutes", minutes, "--seed", "1", "--json", "--at", folder)
        assert done.code == 0, done.err
        assert "proves nothing" in done.err
        summary = done.events[-1]
        if summary["uncertified"]:
            break
    assert summary["certified"] == 0 and summary["uncertified"] >= 1 and summary["ledger"]["verified"]
    rows = cli.run("log", "--json", "--at", folder).json
    assert "certified" not in {row["verdict"] for row in rows}
    adopted = next(row for row in rows if row["version"] == 1)
    shown = cli.run("show", adopted["id"], "--at", folder).out
    assert "No certificate" in shown and "nothing is certified" in shown
    status = cli.run("status", "--json", "--at", folder).json
    assert (status["certified"], status["uncertified"]) == (0, summary["uncertified"])
