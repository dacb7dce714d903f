"""An adopted change is watched: what turns out worse is taken back exactly, and three of them in a day end the run."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from selfproof import birth, line, loop
from selfproof import life as lives
from selfproof.audit import audit
from selfproof.drill import rolling_back as drill
from selfproof.ledger import read
from selfproof.nouns import SelfproofError


def test_a_drill_tries_every_promise_of_a_rollback(life: Any, cli: Any, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(life.folder, tmp_path / "p"))
    before = (folder / "program" / "memory.py").read_bytes()
    done = cli.run("drill", "--json", "--at", folder)
    assert done.code == 0, done.err
    assert done.json["passed"] and len(done.json["steps"]) == 9
    assert all(step["held"] for step in done.json["steps"])
    assert (folder / "program" / "memory.py").read_bytes() == before
    last = list(read(folder / ".selfproof" / "ledger").leaves())[-1]
    assert last.kind == "drill" and last.body["passed"]
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def turned(tmp_path: Path) -> tuple[Path, str, dict[str, str]]:
    """A program whose current version is damaged, and the files that repair it."""
    folder = tmp_path / "whole"
    birth.make(folder, seed=1)
    with lives.viewed(folder) as living:
        name, damaged, good = drill._damage(living)
    copy = tmp_path / "copy"
    copy.mkdir()
    drill._copy(folder, copy, damaged)
    birth.begin(copy, 1)
    return copy, name, good


@pytest.mark.slow
def test_three_rollbacks_in_a_day_end_the_run_until_a_person_looks(tmp_path: Path, cli: Any) -> None:
    folder, name, good = turned(tmp_path)
    with lives.opened(folder, seed=1) as living:
        domain: Any = drill.Turned(loop.domains_of(living)[name])  # type: ignore[arg-type]
        now, old = datetime.datetime.now(datetime.UTC), datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        earlier = [(now, "canary"), (now, "person"), (old, "canary"), (now, "canary")]
        living.state.rollbacks += [(time.isoformat(), by) for time, by in earlier]
        finalist = drill._repair(living, domain._domain, good)
        confirming = drill._result(line.confirm(living, domain, finalist))
        domain.turned = True
        with pytest.raises(lives.Halted, match="3 adoptions were taken back within a day"):
            drill._result(line.decide(living, domain, finalist, confirming))
        assert living.state.current == 0 and confirming.version == 1
    assert audit(folder / ".selfproof" / "ledger")["ok"]
    done = cli.run("run", "--minutes", "0.1", "--at", folder)
    assert done.code == 2 and "was stopped" in done.err
    row = cli.run("log", "--json", "--at", folder).json[0]
    assert row["verdict"] == "rolled back"
    shown = cli.run("show", "v1", "--json", "--at", folder).json["certificate"]
    assert (shown["decision"], shown["step"]) == ("rolled back", "canary")
    assert shown["canary"]["answer"] == "rollback" and shown["effect"]["interval"][1] < 0


class CutOff:
    """A domain whose pairs after the verdict never come."""

    def __init__(self, domain: Any) -> None:
        self._domain = domain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._domain, name)

    def begin(self, *_: Any) -> Any:
        raise SelfproofError("cut off")


def test_a_canary_that_a_kill_cut_off_is_finished_before_anything_else(tmp_path: Path) -> None:
    folder, name, good = turned(tmp_path)
    with lives.opened(folder, seed=1) as living:
        domain: Any = loop.domains_of(living)[name]
        finalist = drill._repair(living, domain, good)
        confirming = drill._result(line.confirm(living, domain, finalist))
        with pytest.raises(SelfproofError, match="cut off"):
            drill._result(line.decide(living, CutOff(domain), finalist, confirming))  # type: ignore[arg-type]
        assert living.state.current == 1 and not living.state.now.effect
    with lives.opened(folder, seed=1) as living:
        before = living.ledger.size
        events = list(loop.unfinished(living, loop.domains_of(living)))
        kinds = [leaf.kind for leaf in living.ledger.leaves(before)]
        assert kinds[:3] == ["canary", "certificate", "examined"] and living.state.now.effect["kind"] == "difference"
        assert [event["event"] for event in events][:2] == ["decision", "examined"]
        assert list(loop.unfinished(living, loop.domains_of(living))) == []  # once
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def test_a_rollback_that_a_kill_cut_off_is_done_before_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary has said it, the entry of the rollback is missing."""
    from selfproof.line import watching

    folder, name, good = turned(tmp_path)
    with lives.opened(folder, seed=1) as living:
        domain: Any = drill.Turned(loop.domains_of(living)[name])  # type: ignore[arg-type]
        finalist = drill._repair(living, domain._domain, good)
        confirming = drill._result(line.confirm(living, domain, finalist))
        domain.turned = True
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(watching, "rollback", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            drill._result(line.decide(living, domain, finalist, confirming))
        assert living.state.current == 1 and confirming.canary["answer"] == "rollback"
    with lives.opened(folder, seed=1) as living:
        events = list(loop.unfinished(living, loop.domains_of(living)))
        assert [event["event"] for event in events] == ["rollback"] and living.state.current == 0
        assert living.state.confirmations[confirming.id].certificate["decision"] == "rolled back"
    assert audit(folder / ".selfproof" / "ledger")["ok"]


@pytest.mark.parametrize("wrong", [TypeError("no number"), 1e9])
def test_bad_pairs_cannot_be_made_to_go_away(tmp_path: Path, wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scorer that raises on an answer, a draw beyond the metric's span: both refuse the candidate, on the record."""
    folder, name, good = turned(tmp_path)
    with lives.opened(folder, seed=1) as living:
        domain: Any = loop.domains_of(living)[name]
        finalist = drill._repair(living, domain, good)
        right, asked = domain.task.draws, []

        def draws(sample: Any, answer: Any) -> Any:
            asked.append(sample)
            found = right(sample, answer)
            if len(asked) != 8:
                return found
            if isinstance(wrong, Exception):
                raise wrong
            return [wrong, *found[1:]]

        monkeypatch.setattr(domain.task, "draws", draws)
        confirming = drill._result(line.confirm(living, domain, finalist))
        assert confirming.verdict["answer"] == "refused"
        assert confirming.broken and confirming.verdict["reason"] == confirming.broken
        assert drill._result(line.decide(living, domain, finalist, confirming)) is None
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def test_stopping_a_confirmation_does_not_buy_other_seeds(tmp_path: Path) -> None:
    folder, name, good = turned(tmp_path)
    seeds: list[list[int]] = []
    for _ in range(2):
        with lives.opened(folder) as living:
            domain: Any = loop.domains_of(living)[name]
            right = domain.begin

            def begin(finalist: Any, drawn: Any, right: Any = right) -> Any:
                seeds.append(list(drawn))
                return right(finalist, drawn)

            domain.begin = begin
            if not living.state.confirmations:
                steps = line.confirm(living, domain, drill._repair(living, domain, good))
                assert [next(steps)["event"], next(steps)["event"]] == ["confirm", "waiting"]
                steps.close()  # its pairs are with the workers
                living.end_epoch()
            else:
                list(loop.unfinished(living, {name: domain}))
    assert seeds[0] == seeds[1], "the pairs that were asked for went away"
    assert audit(folder / ".selfproof" / "ledger")["ok"]
