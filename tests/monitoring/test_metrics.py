"""A life as numbers: what Prometheus's own parser reads, what they say, and that a hostile name stays a label."""

from __future__ import annotations

import json
import math
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from finite_program import made
from selfproof.monitoring.exposition import Family, text_of
from selfproof.monitoring.feed import Follower
from selfproof.monitoring.metrics import metrics
from selfproof.places import Paths
from selfproof.viewing.seen import Seen

parser = pytest.importorskip("prometheus_client.parser", reason="pip install 'selfproof[dev]'")


def parsed(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """By name of the sample: labels and value. Every family has a type and a help."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in parser.text_string_to_metric_families(text):
        assert family.type in {"counter", "gauge"} and family.documentation
        assert family.name.startswith("selfproof_")
        for sample in family.samples:
            assert (family.type == "counter") == sample.name.endswith("_total")
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), "one sample twice"
            found[sample.name][labels] = sample.value
    return found


def test_they_say_what_the_ledger_says(finite_life: Any, cli: Any, tmp_path: Path) -> None:
    seen, summary = Seen(finite_life.folder), finite_life.summary
    found = parsed(metrics(seen))
    assert found["selfproof_info"][("program", seen.state.genesis["program"]), ("selfproof", "0.1.0")] == 1
    assert found["selfproof_ledger_entries_total"][()] == summary["ledger"]["entries"]
    assert found["selfproof_alpha_spent"][()] == pytest.approx(summary["alpha"]["spent"])
    assert found["selfproof_alpha_limit"][()] == summary["alpha"]["total"]
    assert found["selfproof_version"][()] == summary["version"] > 0
    assert sum(found["selfproof_adoptions_total"].values()) == sum(finite_life.adopted.values())
    verdicts = [e for e in finite_life.events if e["event"] == "verdict" and not e["control"]]
    assert sum(found["selfproof_confirmations_total"].values()) == len(verdicts)
    assert found["selfproof_confirmations_total"][("answer", "certified"), ("objective", "suite")] >= 1
    assert found["selfproof_running"][()] == found["selfproof_halted"][()] == 0
    assert found["selfproof_trials_total"][()] > 0
    assert not any(name.startswith("selfproof_run_") for name in found)
    assert found["selfproof_budget_used_ratio"][("ceiling", "adoptions_per_day"),] > 0
    assert sum(found.get("selfproof_tripwire_findings_total", {}).values()) == len(seen.state.overseen.findings)
    assert found["selfproof_incidents_open"][()] == 0 and found["selfproof_disk_bytes"][()] > 10_000

    place = tmp_path / "node" / "selfproof.prom"
    place.parent.mkdir()
    done = cli.run("metrics", "-o", place, "--json", "--at", finite_life.folder)
    assert done.code == 0 and done.json["selfproof_version"] == summary["version"]
    assert list(place.parent.iterdir()) == [place] and parsed(place.read_text()).keys() == found.keys()
    assert cli.run("metrics", "--at", finite_life.folder).out == place.read_text()


def test_while_a_run_goes_on_they_tell_of_it(cli: Any, tmp_path: Path) -> None:
    folder = made(tmp_path / "p")
    process = cli.launch("run", "--minutes", 3, "--seed", 1, "--at", folder, stdout=subprocess.DEVNULL)
    follower = Follower(Paths(folder))
    try:
        while not any(event["event"] == "beat" for event in follower.read()):
            assert process.poll() is None
            time.sleep(0.05)
        found = parsed(metrics(Seen(folder)))
    finally:
        cli.end(process)
    assert found["selfproof_running"][()] == 1
    assert 0 < found["selfproof_run_left_seconds"][()] < 180
    ratios = found["selfproof_budget_used_ratio"]
    assert 0 < ratios[("ceiling", "cpu_hours"),] < 1
    assert found["selfproof_run_workers_busy"][()] <= found["selfproof_run_workers"][()]
    (folder / "STOP").write_text("")
    after = parsed(metrics(Seen(folder)))
    assert after["selfproof_running"][()] == 0 and after["selfproof_halted"][()] == 1
    assert "selfproof_run_left_seconds" not in after


def test_an_open_confirmation_moves(finite_life: Any, tmp_path: Path) -> None:
    import shutil

    from selfproof.monitoring.feed import Feed

    folder = Path(shutil.copytree(finite_life.folder, tmp_path / "copy"))
    seen = Seen(folder)
    number = next(iter(seen.state.confirmations))
    feed = Feed(seen.paths.live)
    told = {"event": "confirm", "id": number, "objective": "suite", "pairs": 7, "log_wealth": -math.inf,
            "log_threshold": 3.5, "answer": "undecided"}  # fmt: skip
    feed.take(told)
    found = parsed(metrics(seen))
    labels = (("confirmation", str(number)), ("objective", "suite"))
    assert found["selfproof_open_confirmation_pairs"] == {labels: 7}
    assert found["selfproof_open_confirmation_log_line"] == {labels: 3.5}
    assert "selfproof_open_confirmation_log_wealth" not in found  # no finite number: none at all
    feed.take({**told, "id": 10**6})  # of no confirmation that the ledger knows
    assert "selfproof_open_confirmation_pairs" not in parsed(metrics(seen))
    feed.close()


def test_a_hostile_name_stays_a_label() -> None:
    evil = 'a"} 1\nselfproof_halted 0\n# TYPE x\\ \ud800' + "z" * 1000
    family = Family("selfproof_x_total", "counter", "Words with \\ in them.")
    family.add(1, name=evil)
    family.add(float("nan"), name="b")
    family.add(None, name="c")
    for number in range(2000):
        family.add(2.5, name=str(number))
    found = parsed(text_of([family, Family("selfproof_empty", "gauge", "Nothing.")]))
    assert list(found) == ["selfproof_x_total"] and len(found["selfproof_x_total"]) == 500
    (_, value), *_ = next(iter(found["selfproof_x_total"]))
    assert value == evil[:200].replace("\ud800", "?")
    assert json.dumps(text_of([family])).count("selfproof_halted") == 1
