"""Weights in folders: what is refused, what they are called, and which of them may propose."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from tuning_standins import server, trainer, weights

from selfproof import life as lives
from selfproof.nouns import SelfproofError, UsageError
from selfproof.propose.local import Asker, Refused, digest_of, parse
from selfproof.proposers import Asked, proposers_of
from selfproof.tuning import making
from selfproof.tuning.session import Wanted, train


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "sub/vocab.pkl", "modeling_mine.py"])
def test_a_folder_with_what_can_run_code_is_refused(tmp_path: Path, name: str) -> None:
    folder = weights(tmp_path / "w", "good")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"x")
    with pytest.raises(UsageError, match="not used") as caught:
        parse(f"hf:{folder}")
    assert "safetensors" in caught.value.advice()


@pytest.mark.parametrize(
    ("text", "why"),
    [("hf:nowhere", "no folder"), ("hf:{w}?warmth=1", "no option"), ("hf:{w}?prompt_kb=0", "no option"),
     ("hf:{empty}", "no model")],
)  # fmt: skip
def test_what_is_no_weights_is_said(tmp_path: Path, text: str, why: str) -> None:
    weights(tmp_path / "w", "good")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=why):
        parse(text.format(w=tmp_path / "w", empty=tmp_path / "empty"))


def test_weights_are_called_by_their_files_and_how_they_are_asked_by_options(tmp_path: Path) -> None:
    folder = weights(tmp_path / "w", "good")
    before = digest_of(folder)
    shutil.copytree(folder, tmp_path / "other")
    assert digest_of(tmp_path / "other") == before
    (folder / "selfproof.json").write_text(json.dumps({"prompt_kb": 3, "temperature": "hot"}))
    assert digest_of(folder) != before
    found = parse(f"hf:{folder}?reply_tokens=50")
    assert (found.prompt_bytes, found.reply_tokens, found.temperature) == (3000, 50, 0.8)


def test_the_process_gets_no_key_and_is_told_to_stay_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-77")
    monkeypatch.setenv("HF_TOKEN", "canary-78")
    asker = Asker(parse(f"hf:{weights(tmp_path / 'w', 'environment')}"), "", command=server(tmp_path))
    text = asker.ask("p", 1).text
    asker.close()
    assert "canary" not in text and json.loads(text)["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize(
    ("kind", "fatal"), [("broken", True), ("long", False), ("list", False), ("gone", False), ("slow", False)]
)
def test_a_process_that_fails_is_a_refusal_in_one_line(tmp_path: Path, kind: str, fatal: bool) -> None:
    asker = Asker(parse(f"hf:{weights(tmp_path / 'w', kind)}"), "", command=server(tmp_path))
    for _ in range(2):  # another process is tried
        with pytest.raises(Refused) as caught:
            asker.ask("p", 1, seconds=3 if kind == "slow" else 60)
        assert caught.value.fatal == fatal and "\n" not in str(caught.value)
    asker.close()


def made(copied: Path, tmp_path: Path, kind: str, **more: Any) -> list[dict[str, Any]]:
    wanted = Wanted(f"hf:{weights(tmp_path / 'base', 'poor')}", judge=False, **more)
    return list(train(copied, wanted, trainer=trainer(tmp_path, kind)))


def test_weights_that_were_tuned_and_not_certified_do_not_propose(copied: Path, tmp_path: Path) -> None:
    """By their folder, by a copy of it, and as "local"; the person's own weights are asked as they are."""
    folder = Path(made(copied, tmp_path, "good")[-1]["folder"])
    shutil.copytree(folder, tmp_path / "elsewhere")
    with lives.opened(copied) as living:
        for name in (f"hf:{folder}", f"hf:{tmp_path / 'elsewhere'}"):
            with pytest.raises(UsageError, match="not certified") as caught:
                proposers_of(living, Asked(models=(name,)))
            assert "selfproof train --judge" in caught.value.advice()
        with pytest.raises(UsageError, match="no weights of this life are certified"):
            proposers_of(living, Asked(models=("local",)))
        (own,) = proposers_of(living, Asked(models=(f"hf:{tmp_path / 'base'}",)))
        assert own.name == "hf:base"
        (folder / "config.json").write_text("{}")  # changed within the life's own folder: still no way in
        with pytest.raises(UsageError, match="not certified"):
            proposers_of(living, Asked(models=(f"hf:{folder}",)))


def test_new_weights_are_on_record_and_made_once(copied: Path, tmp_path: Path) -> None:
    events = made(copied, tmp_path, "good")
    assert [event["event"] for event in events] == ["examples", "training", "tuned"]
    assert Path(events[-1]["folder"]).name == events[-1]["model"] == digest_of(Path(events[-1]["folder"]))
    again = made(copied, tmp_path, "good")
    assert again[-1]["model"] == events[-1]["model"]
    with lives.opened(copied) as living:
        (entry,) = living.state.tuned.values()
        assert entry["base"] == digest_of(tmp_path / "base") and entry["counts"]["sft"] == events[0]["sft"] > 20
        assert len(list((living.paths.private / "models").iterdir())) == 1


def test_training_that_fails_or_is_killed_leaves_no_weights(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(SelfproofError, match="out of memory"):
        made(copied, tmp_path, "fails")
    wanted = Wanted(f"hf:{weights(tmp_path / 'base', 'poor')}", judge=False)
    child = os.fork()
    if child == 0:  # killed while its process is at work
        for event in train(copied, wanted, trainer=trainer(tmp_path, "hangs")):
            if event["event"] == "training":
                until = time.monotonic() + 20  # it says so and then begins to write
                while time.monotonic() < until and not list(
                    (copied / ".selfproof" / "models").glob(making.ASIDE + "*")
                ):
                    time.sleep(0.01)
                os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    folder = copied / ".selfproof" / "models"
    assert [path.name[:5] for path in folder.iterdir()] == [making.ASIDE]
    with lives.opened(copied) as living:
        assert not living.state.tuned
    name = made(copied, tmp_path, "good")[-1]["model"]
    assert [path.name for path in folder.iterdir()] == [name]


def test_too_little_to_learn_from_is_said(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "LEAST_EXAMPLES", 10_000)
    with pytest.raises(UsageError, match="accepted edits to learn from"):
        made(copied, tmp_path, "good")


def test_the_command_says_what_there_is_and_what_is_wrong(copied: Path, tmp_path: Path, cli: Any) -> None:
    counts = cli.run("train", "--at", copied, "--dry-run", "--json").json
    assert counts["sft"] > 20 and counts["prompts"] > counts["held_out_prompts"] > 3
    folder = weights(tmp_path / "w", "good")  # no library can load these, and most machines have none that would try
    for words, code, why in (
        ((), 2, "no weights are named"),
        (("--model", "local"), 2, "no weights of this life are certified"),
        (("--model", f"hf:{folder}"), 1, "training failed"),
        (("--judge",), 2, "no weights were tuned"),
        (("--back",), 2, "no weights of this life are certified"),
        (("--judge", "--back"), 2, "exclude each other"),
    ):
        done = cli.run("train", "--at", copied, *words)
        assert done.code == code and why in done.err and "Traceback" not in done.err, (words, done.err)
        assert len(done.err.strip().splitlines()) <= 2
