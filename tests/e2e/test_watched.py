"""An adopted change is watched: what turns out worse is taken back exactly, and three of them in a day end the run."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from selfproof import birth, drill, line, loop
from selfproof import life as lives
from selfproof.audit import audit
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
        assert kinds == ["canary", "certificate"] and living.state.now.effect["kind"] == "difference"
        assert [event["event"] for event in events] == ["decision"]
    assert audit(folder / ".selfproof" / "ledger")["ok"]
