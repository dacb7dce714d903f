"""The examination after an adoption, in real lives of the drills' small program: what it sees, what follows, and that
an auditor comes to the same."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from selfproof import life as lives
from selfproof import line, loop
from selfproof.archive.state import State, fold
from selfproof.audit import audit, overseeing
from selfproof.audit.comparing import Wrong
from selfproof.cli.tripwires import rows_of
from selfproof.drill import scratch_life, tripping
from selfproof.drill.scratch_life import OBJECTIVE, Scratch
from selfproof.examining import answers, examination, forbidden, observing, probing
from selfproof.jail import Job, Pool, values
from selfproof.ledger import read
from selfproof.ledger.statement import MAX_LEAF, canonical
from selfproof.nouns import UsageError
from selfproof.trial import grouping
from selfproof.trial.task import Sample, Task
from selfproof.viewing.examined import page
from selfproof.viewing.story import Story

NEW = {"LEVEL = 0.5": "import colorsys\n\nLEVEL = 0.97"}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A life in which one change, ten times as good and with a new import, was adopted; and everything about it."""
    charter = tripping._charter('acceleration = ["alert 2"]\nnovelty = ["ask 1"]\nprobes = ["halt 1"]')
    with scratch_life.scratch(charter) as life:
        assert life.adopt(NEW, "better, with an import") == "adopted"
        living = life.living
        waits = life.adopt({"LEVEL = 0.97": "LEVEL = 0.99"}, "the next one")
        guards = [leaf.body for leaf in living.ledger.leaves() if leaf.kind == "guard"]
        names = [one["$blob"] for body in guards for one in body["references"].values()]
        seen = SimpleNamespace(state=living.state, charter=living.charter, paths=living.paths)
        rows: Any = {row["name"]: row for row in rows_of(seen)}  # type: ignore[arg-type]
        return {
            "state": living.state, "charter": living.charter, "events": life.events, "waits": waits, "rows": rows,
            "blobs": {name: living.ledger.get_blob(name) for name in names}, "audit": audit(living.paths.ledger),
            "leaves": list(read(living.paths.ledger).leaves()),
        }  # fmt: skip


def test_what_is_new_is_seen_and_attacks_are_stopped(seen: dict[str, Any]) -> None:
    body = seen["state"].overseen.examined[1]
    assert "colorsys" in body["new"]["modules"] and body["answered"] == 8
    assert any("colorsys" in path for path in body["new"]["paths"])
    assert body["probes"] == {
        "tried": 11,
        "stopped": 11,
        "through": [],
        "tier": body["probes"]["tier"],
        "not_run": None,
    }
    assert body["measured"]["acceleration"]["guess"] > 5
    assert body["measured"]["guards"] == {"kept": 0.0}
    assert body["gain"] > 0.5 and body["cpu_since"] > 0
    words = dict(page(body))
    assert "colorsys" in words["new modules"] and words["attacks"].startswith("11 of 11 stopped")


def test_what_follows_is_told_and_in_the_ledger_and_sound(seen: dict[str, Any]) -> None:
    found = {f["name"]: f for f in seen["state"].overseen.findings}
    assert (found["acceleration"]["answer"], found["novelty"]["answer"]) == ("alert", "ask")
    told = [event for event in seen["events"] if event["event"] == "tripwire"]
    assert {event["name"] for event in told} == {"acceleration", "novelty"}
    lines = [line.told for event in told for line in Story().tell(event)]
    assert any("wait for approvers" in text for text in lines)
    assert seen["audit"]["ok"], seen["audit"]["first_bad"]
    assert seen["rows"]["novelty"]["state"] == "ask" and seen["rows"]["guards"]["state"] == "off"
    assert seen["rows"]["acceleration"]["measured"] > 5


def test_where_people_are_asked_nothing_more_is_adopted_by_itself(seen: dict[str, Any]) -> None:
    assert seen["waits"] == "approval" and seen["state"].current == 1
    assert len(seen["state"].waiting) == 1


class Texts:
    """Where the auditor finds the charter."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_blob(self, digest: str) -> bytes:
        return self.text.encode()

    def root_at(self, size: int) -> bytes | None:
        return None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"answer": "alert"}, "not what the charter says"),
        ({"limit": 7.0}, "not what the charter says"),
        ({"measured": 0.5}, "does not follow"),
        ({"measured": None}, "does not follow"),
        ({"subject": "nothing"}, "does not follow"),
        ({"version": 0}, "does not follow"),
    ],
)
def test_a_finding_that_nothing_measured_is_no_entry(seen: dict[str, Any], changes: Any, reason: str | None) -> None:
    leaf = next(leaf for leaf in seen["leaves"] if leaf.kind == "tripwire" and leaf.body["name"] == "novelty")
    forged = SimpleNamespace(kind="tripwire", body={**leaf.body, **changes}, time=leaf.time, index=leaf.index)
    if reason is None:
        overseeing.CHECKS["tripwire"](seen["state"], forged, Texts(seen["charter"].text))  # type: ignore[arg-type]
        return
    with pytest.raises(Wrong, match=reason):
        overseeing.CHECKS["tripwire"](seen["state"], forged, Texts(seen["charter"].text))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"trials": 0},
        {"anchor": 1},
        {"objective": "another"},
        {"measured": {"guards": {"kept": 0.4}}},
        {"measured": {}},
        {"measured": {"guards": {"kept": 0.0}, "mood": {"guess": 1.0}}},
        {"measured": {"guards": {"kept": 0.0}, "slices": {"left": "none"}}},
    ],
)
def test_an_examination_that_leaves_out_or_makes_up_is_seen(seen: dict[str, Any], changes: Any) -> None:
    leaf = next(leaf for leaf in seen["leaves"] if leaf.kind == "examined")
    state = fold(seen["leaves"][: leaf.index])
    source: Any = SimpleNamespace(get_blob=lambda digest: seen["blobs"][digest])
    overseeing.CHECKS["examined"](state, SimpleNamespace(body=leaf.body), source)  # type: ignore[arg-type]
    with pytest.raises(Wrong):
        overseeing.CHECKS["examined"](state, SimpleNamespace(body={**leaf.body, **changes}), source)  # type: ignore[arg-type]


def test_a_halt_leaves_nothing_to_be_adopted_and_no_run(cli: Any) -> None:
    with scratch_life.folder_of(tripping._charter('acceleration = ["alert 2", "halt 5"]')) as folder:
        with lives.opened(folder) as living:
            life = Scratch(living, loop.domains_of(living)[OBJECTIVE])  # type: ignore[arg-type]
            life.adopt({"LEVEL = 0.5": "LEVEL = 0.97"}, "ten times as good")
            assert life.answers("acceleration") == ["halt"]
            assert "times as good" in life.halted and line.limit(living) is not None
        done = cli.run("run", "--minutes", "0.05", "--at", folder)
        assert done.code == 2 and "tripwire acceleration" in done.err
        rows = cli.run("tripwires", "--json", "--at", folder).json["tripwires"]
        assert next(row for row in rows if row["name"] == "acceleration")["state"] == "halt"
        assert audit(folder / ".selfproof" / "ledger")["ok"]


def test_an_examination_that_a_kill_cut_off_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with scratch_life.folder_of(tripping._charter('novelty = ["alert 1"]')) as folder:
        with lives.opened(folder) as living, monkeypatch.context() as patch:
            patch.setattr(examination, "size_of", lambda life: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                Scratch(living, loop.domains_of(living)[OBJECTIVE]).adopt(NEW, "better")  # type: ignore[arg-type]
            assert living.state.current == 1 and not living.state.overseen.examined
        with lives.opened(folder) as living:
            kinds = [event["event"] for event in loop.unfinished(living, loop.domains_of(living))]
            assert kinds == ["examined", "tripwire"]
            assert [event["event"] for event in loop.unfinished(living, loop.domains_of(living))] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [fault[0] for fault in tripping.FAULTS])
def test_every_tripwire_speaks_in_its_drill(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tripping, "FAULTS", [fault for fault in tripping.FAULTS if fault[0] == name])
    (row,) = tripping.trip()
    assert row.held, row.note


@pytest.mark.slow
def test_every_drill_holds_and_is_in_the_ledger(cli: Any, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    assert cli.run("init", folder, "--template", "apprentice").code == 0
    done = cli.run("drill", "--all", "--json", "--at", folder, timeout=900)
    assert done.code == 0, [row for row in done.json["rows"] if not row["held"]]
    names = {row["name"] for row in done.json["rows"]}
    assert {"rollback", "stop: hung engine", "acceleration"} <= names and len(names) == 20
    last = list(read(folder / ".selfproof" / "ledger").leaves())[-1]
    assert last.kind == "drill" and last.body["passed"] and len(last.body["rows"]) == 20
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def test_a_drill_whose_fault_does_nothing_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that always says yes would be worth nothing."""
    idle = ("idle", "nothing", "alert", 'novelty = ["alert 1"]', lambda life: life.answers("novelty") == ["alert"])
    monkeypatch.setattr(tripping, "FAULTS", [idle])
    (row,) = tripping.trip()
    assert not row.held


class Letters(Task):
    """Samples with groups, one draw each."""

    metric, better, span = "off", "higher", 1.0

    def samples(self, split: Any, seed: int, n: int) -> list[Sample]:
        return [Sample(i, "ab"[i % 2]) for i in range(n)]

    def draws(self, sample: Sample, answer: object) -> list[float]:
        return [1.0]

    def group(self, sample: Sample) -> str:
        return str(sample.hidden)


def test_groups_are_recorded_as_letters_by_name() -> None:
    from selfproof.trial import blocks

    task = Letters()
    assert grouping.marks(task, blocks.prepare(task.samples("explore", 1, 4)), 1) == ["a", "b", "a", "b"]
    assert grouping.has_groups(task) and not grouping.has_groups(Pairs())
    many = blocks.prepare([Sample(i, f"group {i}") for i in range(70)])
    with pytest.raises(UsageError, match="70 groups"):
        grouping.marks(task, many, 1)


class Pairs(Task):
    """Two draws a sample, the second of which scores the same whatever is answered; no groups."""

    metric, better, span = "off", "lower", 1.0

    def samples(self, split: Any, seed: int, n: int) -> list[Sample]:
        return [Sample(0)] * n

    def draws(self, sample: Sample, answer: Any) -> list[float]:
        return [min(1.0, abs(answer[0])), 0.5]


def answered(*given: list[float]) -> answers.Answers:
    found = answers.Answers(tuple(values.encode(one) for one in given))
    found.draws = [tuple(Pairs().draws(Sample(0), one)) for one in given]
    return found


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        ([0.5, 0.0], [0.5, 0.0], 0.0),
        ([0.5, 0.0], [0.2, 0.0], 0.0),  # another answer with another score is a gain or a loss, not this
        ([0.5, 0.0], [0.5, 9.0], 0.5),
        ([0.5, 0.0], [0.5 + 1e-12, 1e-13], 0.0),
        ([0.5, 0.0], [0.2, 9.0], 0.5),
    ],
)
def test_behaviour_is_what_changes_although_it_scores_the_same(before: Any, after: Any, share: float) -> None:
    assert answers.changed(Pairs(), [Sample(0)], answered(before), answered(after)) == share
    assert math.isnan(answers.changed(Pairs(), [Sample(0)], answered(before), answers.Answers()))


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), True),
        (np.array([1, 2]), np.array([1, 3]), False),
        (np.array([1.0]), np.array([1]), False),
        ({"a": [1.0]}, {"a": [1.0 + 1e-9]}, True),
        ({"a": 1}, {"b": 1}, False),
        (True, 1, False),
        ((1, "x"), (1, "x"), True),
        (float("nan"), float("nan"), True),
    ],
)
def test_equal_means_equal_up_to_rounding(one: Any, two: Any, same: bool) -> None:
    assert answers._equal(one, two) is same


def test_a_ratio_is_none_where_scores_have_none() -> None:
    lower, higher = SimpleNamespace(better="lower"), SimpleNamespace(better="higher")

    def of(score: float | None) -> Any:
        return SimpleNamespace(mean=score)

    assert answers._better(lower, of(2.0), of(1.0)) == 2.0  # type: ignore[arg-type]
    assert answers._better(higher, of(0.2), of(0.5)) == 2.5  # type: ignore[arg-type]
    assert answers._better(lower, of(2.0), of(0.0)) == math.inf  # type: ignore[arg-type]
    assert answers._better(higher, of(-1.0), of(0.5)) is None  # type: ignore[arg-type]
    assert math.isnan(answers._better(lower, of(1.0), of(None)))  # type: ignore[arg-type]
    assert answers._better(lower, of(None), of(1.0)) is None  # type: ignore[arg-type]


def test_what_must_fail_and_gives_no_answer_is_not_able() -> None:
    task = tripping_task()
    assert forbidden._told(task, 0.5, [None, None])["able"] is False
    assert forbidden._told(task, 0.5, [1.0, None])["able"] is False
    assert forbidden._told(task, 0.5, [1.0, 0.0])["able"] is True


def tripping_task() -> Task:
    from selfproof.templates.drill.tasks.numbers import Forbidden

    return Forbidden()


LIAR = """
import sys

def solve(x):
    inside = sys.modules["selfproof_examined"]
    inside.seen = {"paths": set(), "calls": set()}
    raise SystemExit
"""
JUNK = "def examine(value):\n    return {'modules': 7, 'paths': ['x' * 9999, 3], 'answered': True}\n"


def test_what_a_program_says_of_itself_is_bounded_and_may_be_nonsense() -> None:
    inside = Path(observing.__file__).with_name("inside.py").read_text("utf-8")
    value = values.encode({"entry": "a.py:solve", "own": ["a", "selfproof_examined"], "inputs": [1]})
    with Pool(1) as pool:
        jobs = [
            Job({"a.py": LIAR, observing.INSIDE: inside}, f"{observing.INSIDE}:examine", [value]),
            Job({observing.INSIDE: JUNK}, f"{observing.INSIDE}:examine", [value]),
        ]
        liar, junk = map(observing._told, pool.map(jobs))
    assert liar == {"answered": 0, "modules": set(), "paths": set(), "calls": set()}
    assert junk["answered"] == 0 and junk["modules"] == set()
    assert junk["paths"] == {"x" * observing.LONGEST}


def test_names_that_a_program_makes_up_fit_an_entry() -> None:
    worst = {kind: [f"{i}" + chr(0x1F600) + '"' * 999 for i in range(999)] for kind in observing.KINDS}
    outcome: Any = SimpleNamespace(status="ok", outputs=[values.encode({**worst, "answered": 1})])
    heard = observing._told(outcome)
    new = observing.new_in(State(), {kind: sorted(heard[kind]) for kind in observing.KINDS})
    assert all(new[kind] for kind in observing.KINDS)
    assert len(canonical({kind: new[kind] for kind in observing.KINDS})) < MAX_LEAF * 3 / 4


def test_a_tier_that_is_not_ours_is_not_probed(seen: dict[str, Any]) -> None:
    charter = SimpleNamespace(tripwires=SimpleNamespace(probes=("halt 1",)))
    life: Any = SimpleNamespace(charter=charter, jail=SimpleNamespace(tier="none"))
    told = probing.probe(life, None, None, [])  # type: ignore[arg-type]
    assert told["tried"] == 0 and "cannot be probed" in told["not_run"]
    charter.tripwires.probes = ()
    assert "is off" in probing.probe(life, None, None, [])["not_run"]  # type: ignore[arg-type]
