"""The gate for weights: what is certified, what it costs, what a kill leaves, and what an auditor sees."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tuning_standins import server, trainer, weights

from selfproof import life as lives
from selfproof.archive.evidence import pack, unpack
from selfproof.archive.state import MODEL_COUNTER
from selfproof.audit import audit
from selfproof.certify import spending
from selfproof.domains import paired
from selfproof.nouns import UsageError
from selfproof.propose.local import Asker, parse
from selfproof.propose.local.asking import Answer
from selfproof.proposers import Asked, proposers_of
from selfproof.tuning.examples import Prompts, Versions, edits_of, examples_of
from selfproof.tuning.pairs import Pairs
from selfproof.tuning.session import Wanted, taken_back, train

EDITS = 1


def judged(folder: Path, here: Path, kind: str, base: str = "poor") -> list[dict[str, Any]]:
    """Tune weights of a kind on a life and let the gate judge them."""
    wanted = Wanted(f"hf:{weights(here / base, base)}", edits=EDITS)
    return list(train(folder, wanted, trainer=trainer(here, kind), server=server(here)))


@pytest.fixture
def copied(early: Any, tmp_path: Path) -> Path:
    """A copy of it, to change."""
    return Path(shutil.copytree(early.folder, tmp_path / "copy"))


@pytest.fixture(scope="module")
def certified(early: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[dict[str, Any]]]:
    """A life with certified weights, which a test copies to change; the folder of the stand-ins; the events."""
    here = tmp_path_factory.mktemp("certified")
    folder = Path(shutil.copytree(early.folder, here / "life"))
    return folder, here, judged(folder, here, "good")


def test_better_weights_are_certified_and_then_propose(certified: Any) -> None:
    folder, _, events = certified
    verdict = events[-1]
    assert (verdict["event"], verdict["answer"]) == ("model-verdict", "certified")
    assert verdict["candidate_gain"] > verdict["incumbent"] == 0.0 < verdict["interval"][0]
    with lives.opened(folder) as living:
        assert living.state.model == verdict["candidate"] != ""
        (local,) = proposers_of(living, Asked(models=("local",)))
        assert local.name == f"local {verdict['candidate'][:12]}"
        alpha, weight = living.state.charter["alpha"], living.state.weights[MODEL_COUNTER]
        assert weight == pytest.approx((1 - 0.8) / 2)
        assert verdict["alpha_k"] == pytest.approx(spending.level(alpha, weight, 1))
        objectives = sum(c.body["alpha_k"] for c in living.state.confirmations.values() if c.control is None)
        assert living.state.spent() == pytest.approx(objectives + verdict["alpha_k"])
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def test_certified_weights_that_were_changed_do_not_propose(certified: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(certified[0], tmp_path / "life"))
    name = certified[2][-1]["candidate"]
    (folder / ".selfproof" / "models" / name / "model.safetensors").write_bytes(b"others")
    with lives.opened(folder) as living, pytest.raises(UsageError, match="not those that were made"):
        proposers_of(living, Asked(models=("local",)))


def test_weights_can_be_taken_back_and_are_not_judged_again(certified: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(certified[0], tmp_path / "life"))
    assert taken_back(folder) == ""
    with lives.opened(folder) as living, pytest.raises(UsageError, match="no weights"):
        proposers_of(living, Asked(models=("local",)))
    with pytest.raises(UsageError, match="were judged already: certified"):
        list(train(folder, Wanted(judge_only=True, edits=EDITS), server=server(tmp_path)))
    with pytest.raises(UsageError, match="no weights"):
        taken_back(folder)
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def test_weights_that_are_no_better_are_refused_in_their_race_and_cost_nothing(copied: Path, tmp_path: Path) -> None:
    events = judged(copied, tmp_path, "poor", base="good")
    assert events[-1]["answer"] == "refused" and events[-1]["alpha_k"] == 0.0, events
    with lives.opened(copied) as living:
        assert MODEL_COUNTER not in living.state.weights and not living.state.model
    assert audit(copied / ".selfproof" / "ledger")["ok"]


def killed(folder: Path, here: Path, pairs: int) -> list[dict[str, Any]]:
    """A judgement that is killed with SIGKILL after so many pairs."""
    script = (
        "import json, sys\nfrom pathlib import Path\nfrom selfproof.tuning.session import Wanted, train\n"
        f"for event in train(Path({str(folder)!r}), Wanted('hf:{weights(here / 'poor', 'poor')}', edits={EDITS}),\n"
        f"                   trainer={trainer(here, 'good')!r}, server={server(here)!r}):\n"
        "    print(json.dumps(event), flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    events = []
    assert process.stdout is not None
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "model-pair" and events[-1]["pair"] == pairs:
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    assert events[-1]["event"] == "model-pair", events
    return events


@pytest.fixture(scope="module")
def cut(early: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A life whose judgement was killed after the second pair, and the wealth that it had then."""
    here = tmp_path_factory.mktemp("cut")
    folder = Path(shutil.copytree(early.folder, here / "life"))
    return folder, killed(folder, here, 2)[-1]["wealth"]


def test_a_kill_in_the_middle_goes_on_with_the_wealth_that_it_had(cut: Any, tmp_path: Path) -> None:
    copied, wealth = Path(shutil.copytree(cut[0], tmp_path / "life")), cut[1]
    weights(tmp_path / "poor", "poor")
    with lives.opened(copied) as living:
        opened = living.state.open_model_test
        assert opened is not None and len(opened.evidence) >= 2 and not living.state.model
        with pytest.raises(UsageError):
            proposers_of(living, Asked(models=("local",)))
    wanted = Wanted(f"hf:{tmp_path / 'poor'}", judge_only=True, edits=EDITS)
    events = list(train(copied, wanted, server=server(tmp_path)))
    pairs = [event for event in events if event["event"] == "model-pair"]
    assert pairs[0]["pair"] >= 3 and pairs[0]["wealth"] > wealth and events[-1]["answer"] == "certified"
    with lives.opened(copied) as living:
        assert living.state.counters[MODEL_COUNTER] == 1 and living.state.open_epoch is None
    assert audit(copied / ".selfproof" / "ledger")["ok"]


def test_what_was_cut_off_and_cannot_go_on_keeps_its_level_spent(cut: Any, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(cut[0], tmp_path / "life"))
    weights(tmp_path / "poor", "poor")
    (copied / ".selfproof" / "epoch.key").unlink()  # its seeds are lost
    wanted = Wanted(f"hf:{tmp_path / 'poor'}", judge_only=True, edits=EDITS)
    events = list(train(copied, wanted, server=server(tmp_path)))
    assert events[-1]["answer"] == "certified"
    with lives.opened(copied) as living:
        first, second = living.state.model_tests.values()
        assert first.verdict is not None and first.verdict["answer"] == "refused"
        assert (first.body["k"], second.body["k"]) == (1, 2) and second.body["alpha_k"] < first.body["alpha_k"]
        assert living.state.spent() > second.body["alpha_k"] + first.body["alpha_k"]
    assert audit(copied / ".selfproof" / "ledger")["ok"]


class Repeats:
    """Weights that have learned by heart what the life tried on a version."""

    def __init__(self, known: dict[str, str]) -> None:
        self.known = known

    def ask(self, prompt: str, seed: int) -> Answer:
        return Answer(self.known[prompt])


def test_what_weights_know_by_heart_is_no_gain_of_theirs(copied: Path, tmp_path: Path) -> None:
    good = Asker(parse(f"hf:{weights(tmp_path / 'good', 'good')}"), "", command=server(tmp_path))
    with lives.opened(copied) as living:
        known = {row["prompt"]: row["completion"] for row in examples_of(living, 12_000).held_sft}
        pairs = Pairs(living, 12_000, edits=1)
        asked = Prompts(living, 12_000)
        versions = Versions(living)
        list(edits_of(living, versions))
        same = [(name, parent) for name, parent in pairs.parents
                if asked.of(name, parent, versions.files(name, parent) or {}) in known]  # fmt: skip
        assert same
        repeating, new = pairs.measure(7, same, (Repeats(known), good))
        good.close()
    assert (repeating.read, repeating.new, repeating.score) == (1, 0, 0.0)
    assert (new.read, new.new, new.ran) == (1, 1, 1) and new.score > 0


def test_a_best_edit_is_not_scored_where_it_was_chosen_so_that_none_wins_by_luck(copied: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, set[bytes]]] = []

    class Watched(Pairs):
        def _means(self, versions: Any, panel: Any) -> list[float | None]:
            seen.append((len(versions), {block.data for block in panel}))
            return super()._means(versions, panel)

    good = Asker(parse(f"hf:{weights(tmp_path / 'good', 'good')}"), "", command=server(tmp_path))
    with lives.opened(copied) as living:
        pairs = Watched(living, 12_000, edits=2)
        (side,) = pairs.measure(3, pairs.parents, (good,))
        good.close()
    assert side.new == 2 and [count for count, _ in seen] == [3, 2]
    assert not seen[0][1] & seen[1][1] and len(seen[1][1]) == 8


def test_answers_that_take_long_get_a_process_each_and_score_the_same(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lives.opened(copied) as living:
        pairs, (objective, *_) = Pairs(living, 12_000), living.charter.objectives
        versions = [living.version(objective, number) for number in (0, 1)]
        panel = pairs._panel(objective.name, 5, 3)
        before = living.trials
        together = pairs._means(versions, panel)
        monkeypatch.setattr(type(living.tasks[objective.name]), "seconds", 1.0)
        jobs: list[int] = []
        run = paired.run
        monkeypatch.setattr(paired, "run", lambda life, some, **how: jobs.append(len(some)) or run(life, some, **how))
        assert pairs._means(versions, panel) == together and None not in together
        assert jobs == [6] and living.trials - before == 12


def test_no_seed_is_used_twice_and_all_follow_from_the_revealed_key(certified: Any) -> None:
    folder, _, events = certified
    pairs = [event["pair"] for event in events if event["event"] == "model-pair"]
    assert pairs == list(range(1, len(pairs) + 1))
    with lives.viewed(folder) as living:
        kinds = [leaf.kind for leaf in living.ledger.leaves()]
    assert kinds.index("model-start") > len(kinds) - 1 - kinds[::-1].index("seed-commit")
    assert kinds[-1] == "seed-reveal"


FORGED = {
    "alpha_k": ("model-start", lambda body, _: body.update(alpha_k=body["alpha_k"] * 2)),
    "k": ("model-start", lambda body, _: body.update(k=2)),
    "share of alpha": ("model-start", lambda body, _: body.update(weight=body["weight"] * 2)),
    "rule": ("model-start", lambda body, _: body["rule"].update(scale=body["rule"]["scale"] / 9)),
    "without a race": ("model-race", lambda body, _: body.update(incumbent="0" * 64)),
    "missing or twice": ("model-results", lambda body, _: body.update(first=7)),
    "wealth does not follow": ("model-results", lambda body, forger: body.update(pairs=worse(body, forger))),
    "left out": ("model-verdict", lambda body, _: body.update(not_covered=[])),
    "made before": ("tuned", None),
}


def worse(body: dict[str, Any], forger: Any) -> dict[str, str]:
    header, rows = unpack(forger.source.get_blob(body["pairs"]["$blob"]))
    return forger.blob(pack(header, [(b, a) for a, b in rows]))


@pytest.mark.parametrize("reason", FORGED)
def test_an_auditor_sees_what_was_forged(
    certified: Any, tmp_path: Path, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "audit")
    from forging import Forger

    kind, change = FORGED[reason]
    forger = Forger(certified[0])
    entry = forger.find(kind)
    if change is None:
        forger.append("tuned", entry.body)
    else:
        change(entry.body, forger)
    found = forger.sign(tmp_path / "forged")
    bad = audit(found)["first_bad"]
    assert bad is not None and bad["kind"].startswith(("model-", "tuned")), (reason, bad)
