"""What the reading commands say of every row of real lives: controls, finite pools, and what went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from selfproof.archive.state import Confirming, State
from selfproof.viewing.rows import rows_of


@pytest.fixture(params=["life", "finite_life"])
def lived(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_every_row_of_the_log_can_be_shown(lived: Any, cli: Any) -> None:
    rows = cli.run("log", "--json", "--at", lived.folder).json
    assert {"certified", "control"} <= {row["verdict"] for row in rows}
    for row in rows:
        text, as_json = (cli.run("show", row["id"], *words, "--at", lived.folder) for words in ([], ["--json"]))
        assert (text.code, as_json.code) == (0, 0), text.err + as_json.err
        assert text.out.startswith(f"{row['verdict']}: {row['title']}\n")
        assert {key: as_json.json[key] for key in row} == row and as_json.json["certificate"]["k"] >= 1
        heading = "Certificate" if row["verdict"] in {"certified", "rolled back"} else "Evidence"
        assert f"\n{heading}\n  claim " in text.out and "  assumes " in text.out
        assert ("  effect " in text.out) == (row["effect"] is not None)


def test_an_effect_is_never_said_to_be_from_other_pairs_than_its_own(life: Any, finite_life: Any, cli: Any) -> None:
    """Fresh pairs where there are such; on a hold-out those that certified it; a whole population's is exact."""
    fresh = cli.run("show", "v1", "--at", life.folder).out
    assert "effect on fresh pairs: " in fresh and "pairs that no decision has seen" in fresh
    assert "flatter" not in cli.run("log", "--at", life.folder).out
    rows = {
        row["objective"]: row for row in cli.run("log", "--json", "--at", finite_life.folder).json if row["version"]
    }
    listed = cli.run("log", "--at", finite_life.folder).out
    for name, told in (("holdout", "the pairs that certified it, which flatter it"), ("suite", "the whole population")):
        assert rows[name]["from"] == told and f", on {told}\n" in listed
        shown = cli.run("show", rows[name]["id"], "--at", finite_life.folder).out
        assert f"effect on {told}: " in shown and "no decision has seen" not in shown and "fresh pairs" not in shown
    assert "exactly: on the whole population, 20 samples" in shown and "95% interval" not in shown
    assert "wealth" not in shown and "every sample, and every one again: 40 pairs" in shown


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("planted_gain", "certified", "planted gain: certified, as it must be; never adopted"),
        ("planted_gain", "refused", "planted gain: refused, IT MUST BE certified; never adopted"),
        ("aa", "certified", "aa: certified, IT MUST BE refused; never adopted"),
        ("power", "refused", "power: refused, which is measured; never adopted"),
    ],
)
def test_the_log_says_when_a_control_came_out_wrong(name: str, answer: str, words: str) -> None:
    body = {"objective": "o", "title": "t", "operator": "edit", "alpha_k": 0.01}
    one = Confirming(7, "control-o", body, verdict={"answer": answer}, decision={"verdict": "refused"}, control=name)
    (row,) = rows_of(State(confirmations={7: one}))
    assert (row["reason"], row["verdict"], row["origin"]) == (words, "control", f"control {name}")


def test_a_control_that_was_cut_off_is_no_refused_change() -> None:
    body = {"objective": "o", "title": "t", "operator": "edit", "alpha_k": 0.01}
    gone = Confirming(7, "control-o", body, decision={"verdict": "refused", "step": "abandoned", "reason": "killed"})
    (row,) = rows_of(State(confirmations={7: gone}))
    assert (row["verdict"], row["origin"], row["reason"]) == ("control", "control", "killed")


def test_what_cannot_be_noise_is_not_counted_as_noise(life: Any, cli: Any) -> None:
    """The no-op of a deterministic program differs by nothing: it says nothing of how often noise gets far."""
    found = cli.run("controls", "--json", "--at", life.folder).json
    (same,) = [row for row in found["controls"] if row["name"] == "aa"]
    assert same["differs"] is False and same["largest"] == 1.0
    assert found["placebo"]["n"] == 0 and found["placebo"]["left_out"] == 1 and found["placebo"]["e_values"] == []
    text = cli.run("controls", "--at", life.folder).out
    assert "A/A: 1 left out" in text and "of 0" not in text and "largest wealth of each" not in text
