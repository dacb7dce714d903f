"""Finite samples in the line: what a hold-out tells its proposers, and guards that are suites."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finite_program import CHARTER, TASKS, made
from selfproof import birth, controls, line
from selfproof import life as lives
from selfproof.archive.state import Confirming
from selfproof.audit import audit
from selfproof.certify.guards import judge_suite
from selfproof.certify.pairs import pair_of
from selfproof.certify.terms import Pair
from selfproof.charter import Guard
from selfproof.domains import paired
from selfproof.domains.base import Finalist
from selfproof.domains.quality import Quality
from selfproof.jail import Pool
from selfproof.life import Life
from selfproof.line import guarding
from selfproof.nouns import Edit, SelfCheckFailed
from selfproof.trial import blocks

OTHER = """

class Other(Doubles):
    def items(self):
        kept = {sample.value for sample in Doubles().parts["confirm"]}
        return [Sample(s.value, s.hidden - 1.2 if s.value in kept else s.hidden) for s in super().items()]
"""


@pytest.fixture(scope="module")
def steady() -> Iterator[Pool]:
    with Pool(2, require="confined") as pool:
        yield pool


@contextmanager
def opened(folder: Path, steady: Pool, *, begin: bool = True) -> Iterator[Life]:
    if begin:
        birth.make(folder, seed=1)
    with lives.opened(folder, seed=1) as life:
        life.pool = steady
        try:
            yield life
        finally:
            life.pool = None


def finish(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def adopt_one(life: Life) -> tuple[Quality, float, list[str]]:
    """One turn of the loop on the hold-out: the domain, what attention learns, the events of the confirmation."""
    domain = Quality(life, life.charter.objective("holdout"))
    focus = domain.observe()
    assert focus is not None
    edits = [Edit("holdout", {"holdout.py": f"def double(x):\n    return {f} * x\n"}, f"times {f}", "edit", "")
             for f in (0.02, 0.2, 0.3)]  # fmt: skip
    finish(domain.race([life.candidate(domain.objective, edit.files, edit=edit) for edit in edits]))
    finalist = domain.finalist()
    assert finalist is not None
    events = [event["event"] for event in line.confirm(life, domain, finalist)]
    decision = finish(line.decide(life, domain, finalist, life.state.confirmations[max(life.state.confirmations)]))
    assert decision is not None
    return domain, domain.gain_of(finalist, decision.effect), events


def test_of_a_confirmation_proposers_learn_one_bit(tmp_path: Path, steady: Pool) -> None:
    """Two lives whose confirm answers differ, with the same bit: the same views, the same scent for attention.

    One needs more pairs than the other. Nothing races meanwhile, so that not even that is known.
    """
    told: list[Any] = []
    for name in ("Doubles", "Other"):
        folder = made(tmp_path / name)
        (folder / "tasks" / "finite.py").write_text(TASKS.replace("LIFETIME", "40") + OTHER)
        (folder / "charter.toml").write_text(CHARTER.replace("finite.py:Doubles", f"finite.py:{name}"))
        with opened(folder, steady) as life:
            domain, gain, events = adopt_one(life)
            assert set(events) == {"confirm", "verdict"}, "it goes on to its end without waiting"
            focus = domain.observe()
            assert focus is not None
            effect = life.state.now.effect
            told.append((focus.views, gain, effect["value"], effect["pairs"]))
    (views, gain, effect, pairs), (views2, gain2, effect2, pairs2) = told
    assert effect != effect2 and pairs != pairs2, "else nothing was hidden"
    assert views == views2 and gain == gain2 > 0


def started(life: Life, text: str) -> tuple[Quality, Any, Confirming]:
    """A confirmation of the suite, certified and not decided on."""
    domain = Quality(life, life.charter.objective("suite"))
    incumbent = life.version(domain.objective)
    edit = Edit("suite", {"suite.py": text}, "as given", "edit", incumbent.id)
    finalist = Finalist(life.candidate(domain.objective, {"suite.py": text}, edit=edit), incumbent, (0.1, 0.2, 0.3))
    return domain, finalist, finish(line.confirm(life, domain, finalist))


GUARDED: dict[str, tuple[str, str]] = {
    "all right": ("def square(x):\n    return x * x\n", "adopt"),
    "one of three lost, seventeen won": ("def square(x):\n    return x * x if x else -1.0\n", "guard"),
    "not the same twice": (
        "import os\n\n\ndef square(x):\n    return x * x + (x > 9.0) * float(os.urandom(1)[0] % 2)\n", "gate",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GUARDED)
def test_a_suite_is_a_guard_without_statistics(tmp_path: Path, steady: Pool, name: str) -> None:
    text, step = GUARDED[name]
    folder = made(tmp_path / "p")
    with opened(folder, steady) as life:
        domain, finalist, confirming = started(life, text)
        decision = finish(line.decide(life, domain, finalist, confirming))
        kinds = [leaf for leaf in life.ledger.leaves() if leaf.kind == "guard"]
        assert (decision is not None) == (step == "adopt")
        assert step == "adopt" or confirming.decision == {**(confirming.decision or {}), "step": step}
        for leaf in kinds:
            assert leaf.body["level"] == 0.0 and leaf.body["trials"] == 2 * 2 * 3
        assert life.state.spent() == 0.0
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def test_a_guard_suite_that_does_not_repeat_has_failed(tmp_path: Path, steady: Pool) -> None:
    unsteady = "import os\n\n\ndef square(x):\n    return x * x + (x >= 50.0) * float(os.urandom(1)[0] % 2)\n"
    folder = made(tmp_path / "p")
    items = "[Sample(float(x), float(x * x)) for x in range(50, 70)]  # the incumbent knows none: nothing can be lost"
    (folder / "tasks" / "finite.py").write_text(TASKS.replace("LIFETIME", "40").replace("super().items()[:3]", items))
    with opened(folder, steady) as life:
        domain, finalist, confirming = started(life, unsteady)
        assert confirming.verdict is not None and confirming.verdict["answer"] == "certified"
        assert finish(line.decide(life, domain, finalist, confirming)) is None
        assert confirming.decision is not None and confirming.decision["step"] == "guard"
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def test_exact_guards_come_first(tmp_path: Path, steady: Pool) -> None:
    folder = made(tmp_path / "p")
    more = '\n[[guard]]\nname = "{}"\nobjective = "suite"\ntask = "tasks/finite.py:{}"\nmargin = 0.5\n'
    charter = CHARTER.replace("\n[[guard]]", more.format("drawn", "Drawn") + "\n[[guard]]", 1)
    (folder / "charter.toml").write_text(charter + more.format("also", "Small"))
    tasks = folder / "tasks" / "finite.py"
    own = "[Sample(float(x), float(x)) for x in range(100, 200)]"  # a hold-out serves one name only
    tasks.write_text(f"{tasks.read_text()}\n\nclass Drawn(Doubles):\n    def items(self):\n        return {own}\n")
    with opened(folder, steady) as life:
        order = [guard.name for guard in guarding.in_order(life, life.charter.objective("suite"))]
        assert [g.name for g in life.charter.guards] == ["drawn", "kept", "also"] and order == ["kept", "also", "drawn"]
        assert all(isinstance(guard, Guard) for guard in life.charter.guards)


losses = st.lists(st.sampled_from([-1.0, -0.25, 0.0, 0.5, 1.0]), min_size=1, max_size=30)


@given(losses, st.floats(0.01, 0.9))
def test_gains_elsewhere_do_not_make_up_for_an_items_loss(ys: list[float], margin: float) -> None:
    pairs = [Pair(y, (y,)) for y in ys]
    found = judge_suite(pairs * 2, len(ys), margin)
    lost = sum(-y for y in ys if y < 0)
    assert found.passed == (lost / len(ys) <= margin or lost <= margin * len(ys))
    assert found.better == (sum(ys) > 0) and found.draws == 2 * len(ys)
    assert not judge_suite([*pairs, *(Pair(1.0, (1.0,)) for _ in ys)], len(ys), margin).passed or set(ys) == {1.0}
    assert not judge_suite(pairs, len(ys), margin).passed, "once is not twice"
    assert not judge_suite((pairs * 2)[:-1], len(ys), margin).passed


def test_a_killed_hold_out_confirmation_goes_on_at_the_next_item(tmp_path: Path, steady: Pool) -> None:
    """In an epoch with another key; no item twice, and the same answer as without the kill."""
    folder = made(tmp_path / "p")
    with opened(folder, steady) as life:
        domain = Quality(life, life.charter.objective("holdout"))
        incumbent = life.version(domain.objective)
        text = "def double(x):\n    return 0.3 * x\n"
        edit = Edit("holdout", {"holdout.py": text}, "a little", "edit", incumbent.id)
        differences = tuple(random.Random(1).uniform(0, 4) for _ in range(12))
        finalist = Finalist(life.candidate(domain.objective, {"holdout.py": text}, edit=edit), incumbent, differences)
        steps = line.confirm(life, domain, finalist)
        for _ in range(2):  # its beginning, the first results
            next(steps)
        steps.close()
        life.end_epoch()
        (confirming,) = life.state.confirmations.values()
        assert confirming.verdict is None and len(confirming.evidence) == 1
    with opened(folder, steady, begin=False) as life:
        domain = Quality(life, life.charter.objective("holdout"))
        (confirming,) = life.state.confirmations.values()
        list(line.resume(life, domain, confirming))
        assert confirming.verdict is not None and len(confirming.evidence) > 1
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def of_known_effect(life: Life, name: str, text: str) -> tuple[Quality, Finalist]:
    domain = Quality(life, life.charter.objective(name))
    incumbent = life.version(domain.objective)
    edit = Edit(name, {f"{name}.py": text}, "as given", "edit", incumbent.id)
    candidate = life.candidate(domain.objective, {f"{name}.py": text}, edit=edit)
    return domain, Finalist(candidate, incumbent, (0.1, 0.2, 0.3))


def test_a_placebo_may_be_certified_and_a_change_that_does_nothing_may_not(tmp_path: Path, steady: Pool) -> None:
    """What is called a control here is a gain, so that the exact gate certifies it: right for it, wrong for "aa"."""
    with opened(made(tmp_path / "p"), steady) as life:
        domain, gain = of_known_effect(life, "suite", "def square(x):\n    return x * x\n")
        told = list(controls.tested(life, domain, "placebo", gain))[-1]
        assert (told["answer"], told["expected"]) == ("certified", None) and "no" in told["why"]
        life.ledger.commit()
        assert not life.paths.stop.exists() and audit(life.paths.ledger)["ok"]
        with pytest.raises(SelfCheckFailed, match="control aa was certified"):
            list(controls.tested(life, domain, "aa", gain))
        halted = life.state.overseen.halted
        assert halted is not None and "control aa was certified" in halted.reason
        life.ledger.commit()
        assert "no certificate holds" in audit(life.paths.ledger)["first_bad"]["reason"]


def test_a_planted_gain_that_a_hold_out_is_too_small_to_show_is_left_out(tmp_path: Path, steady: Pool) -> None:
    with opened(made(tmp_path / "p"), steady) as life:
        domain, gain = of_known_effect(life, "holdout", "def double(x):\n    return 2.0 * x\n")
        panel = blocks.prepare(domain.task.samples("explore", 1, domain.size))
        rows = paired.on_blocks(life, (gain.incumbent, gain.candidate), domain.task, panel).rows
        gain = Finalist(gain.candidate, gain.incumbent, tuple(pair_of("quality", "lower", row).y for row in rows))
        pool = life.state.charter["pools"]["holdout"]
        assert controls.findable(life, domain, gain, rows)
        pool["items"] = 10
        assert not controls.findable(life, domain, gain, rows)
