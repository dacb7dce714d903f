"""Search strategies on the apprentice: equal budgets, one start, figures with their n."""

from __future__ import annotations

import json

import pytest

from selfproof.cli import main
from selfproof.simulate.apprentices import Searched, search, table


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["bench", "strategies", "--on", "apprentice", *words])
    out, err = capsys.readouterr()
    return end.value.code, out, err


@pytest.mark.slow
def test_a_search_spends_its_candidates_and_is_measured_on_other_text() -> None:
    found = search("greedy", 3, 20)
    assert found.candidates == 20 and 1 < found.nodes <= 21
    assert found.true < found.start and found.claimed != found.true
    assert found == search("greedy", 3, 20)


def test_differences_are_paired_by_search_and_intervals_student_s() -> None:
    def searched(*true: float) -> list[Searched]:
        return [Searched(4.0, value, 1.0, 10, 600) for value in true]

    first, second = table({"default": searched(2.0, 2.5, 3.0), "dgm": searched(1.9, 2.4, 2.9)})
    assert first["difference"] is None and first["searches"] == 3
    assert second["difference"]["mean"] == pytest.approx(0.1), "above 0 is better"
    assert second["difference"]["interval"] == pytest.approx([0.1, 0.1])
    half = 4.303 * 0.5 / 3**0.5
    assert first["true"]["interval"] == pytest.approx([2.5 - half, 2.5 + half], rel=1e-3)
    assert first["gain"]["mean"] == pytest.approx(1.5)
    (alone,) = table({"default": searched(2.0)})
    assert alone["true"] == {"mean": 2.0, "interval": None}


def test_the_json_contract(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "--only", "dgm", "--candidates", "5", "--seeds", "1", "--json")
    row = json.loads(out)
    assert (code, err) == (0, "")
    assert {key: row[key] for key in ("on", "candidates", "seeds", "seed")} == {
        "on": "apprentice", "candidates": 5, "seeds": 1, "seed": 0,
    }  # fmt: skip
    first, second = row["strategies"]
    assert (first["strategy"], second["strategy"]) == ("default", "dgm")
    assert set(first) == {"strategy", "true", "gain", "difference", "claimed", "nodes", "candidates", "searches"}
    # The first batch has the start as its only parent: two strategies cannot differ yet.
    assert second["difference"]["mean"] == 0.0 and first["candidates"] == second["candidates"] == 5


@pytest.mark.parametrize(("words", "told"), [
    (("--budget", "100"), "--budget"), (("--world", "flat"), "--world"), (("--only", "best"), "best"),
])  # fmt: skip
def test_what_does_not_go_together_is_an_error_of_usage(
    capsys: pytest.CaptureFixture[str], words: tuple[str, str], told: str
) -> None:
    code, _, err = said(capsys, *words)
    assert code == 2 and told in err
