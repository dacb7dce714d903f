"""The whole way with the real libraries, on a model of 11,000 random weights: tuned, judged, refused. Nothing is loaded
from a network. It runs where the extra ``train`` is installed, on a GPU if there is one.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from selfproof import life as lives
from selfproof.archive.state import MODEL_COUNTER
from selfproof.propose.local import Asker, Refused, digest_of, parse

NEEDED = ("torch", "transformers", "trl", "peft", "datasets")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"pip install 'selfproof[train]': {', '.join(MISSING)} missing"),
]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In a process of its own, as everything that loads these libraries."""
    folder = tmp_path_factory.mktemp("tiny") / "tiny"
    script = str(HERE / "tiny_model.py")
    subprocess.run([sys.executable, script, str(folder)], check=True, capture_output=True)
    return folder


WORDS = ("--steps", 4, "--rate", 0.01, "--edits", 1, "--json")


def learned(events: list[dict[str, Any]]) -> dict[str, Any]:
    """What was made, by both stages; its loss on held-out edits fell: it has seen which letters occur at all."""
    (made,) = [event for event in events if event["event"] == "tuned"]
    assert [event["stage"] for event in events if event["event"] == "training"] == ["sft", "dpo"]
    before, after = made["held_out_loss"]
    assert after < before
    return made


def test_random_weights_are_tuned_judged_and_refused(copied: Path, tiny: Path, cli: Any, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(copied, tmp_path / "twin"))
    words = ("train", "--model", f"hf:{tiny}?reply_tokens=40", *WORDS)
    done = cli.run(*words, "--at", copied, timeout=600)
    assert done.code == 0, done.err
    made, verdict = learned(done.events), done.events[-1]
    assert (verdict["event"], verdict["answer"], verdict["alpha_k"]) == ("model-verdict", "refused", 0.0)

    folder = Path(made["folder"])
    assert folder.name == made["model"] == digest_of(folder) != digest_of(tiny)
    assert not [path for path in folder.rglob("*") if path.suffix in {".bin", ".pt", ".py"}]
    refused = cli.run("run", "--minutes", 0.1, "--at", copied, "--model", f"hf:{folder}")
    assert refused.code == 2 and "not certified" in refused.err
    assert cli.run("verify", "--at", copied, "--json").json["ok"]
    with lives.viewed(copied) as living:
        assert not living.state.model and MODEL_COUNTER not in living.state.weights

    again = cli.run(*words, "--no-judge", "--at", twin, timeout=600)
    assert again.events[-1]["model"] == made["model"]  # the same life, weights and seed


def test_small_matrices_are_learned_and_merged(copied: Path, tiny: Path, cli: Any) -> None:
    done = cli.run("train", "--model", f"hf:{tiny}", *WORDS, "--lora", "--no-judge", "--at", copied, timeout=600)
    assert done.code == 0, done.err
    folder = Path(learned(done.events)["folder"])
    same = {path.name for path in folder.iterdir()} - {path.name for path in tiny.iterdir()}
    assert same == {"selfproof.json"}  # whole weights, nothing beside them


def test_weights_answer_the_same_to_the_same_seed_and_say_what_they_cannot_read(tiny: Path) -> None:
    found = parse(f"hf:{tiny}?reply_tokens=30")
    asker = Asker(found, digest_of(tiny))
    one, two, three = (asker.ask("FILE a.py", seed) for seed in (1, 1, 2))
    assert one == two != three and one.tokens_in == 9 and one.tokens_out <= 30
    with pytest.raises(Refused, match="tokens and these weights read 3072"):
        asker.ask("x" * 4000, 1)
    assert asker.ask("FILE a.py", 1) == one
    asker.close()


def test_weights_that_were_changed_after_they_were_named_are_not_loaded(tiny: Path) -> None:
    with pytest.raises(Refused, match="no longer those that were named") as caught:
        Asker(parse(f"hf:{tiny}"), "0" * 64).ask("p", 1)
    assert caught.value.fatal
