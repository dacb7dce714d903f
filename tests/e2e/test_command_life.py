"""A command improved from outside, by suggestions of which most are hostile: what comes of them, and what is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selfproof import session
from selfproof.archive.state import fold
from selfproof.audit import audit
from selfproof.jail import Grants, JailUnavailable, Pool
from selfproof.ledger import read
from selfproof.projects import command
from selfproof.propose.brief import Brief, Suggestion
from selfproof.proposers import Asked

FIT = """
import os, sys, time, json, random
RATE = 0.1
rng = random.Random(int(os.environ["SEED"]))
guess = RATE * 5 + rng.gauss(0, 0.02)
json.dump({"guess": guess}, open("out.json", "w"))
print("loss:", abs(guess - 1) + 1)
"""
JUDGE = """
import json
def score(files):
    return abs(float(json.loads(files["out.json"])["guess"]) - 1) + 1
"""
LIE = FIT.replace("abs(guess - 1) + 1", "0.001 + rng.random() / 1000")
HOSTILE = {
    "never end": FIT + "while True: time.sleep(1)\n",
    "print nan": FIT + "print('loss: nan')\n",
    "fork": "import os\n" + FIT + "while True:\n    try: os.fork()\n    except OSError: pass\n",
    "flood": FIT + "for _ in range(300_000): sys.stdout.write('loss: 0 ' * 120)\n",
    "fail": FIT + "sys.exit(3)\n",
    "leave a bomb": FIT + "open('out.json', 'w').write('[' * 90_000)\n",
    "lie": LIE,
}
HONEST = FIT.replace("RATE = 0.1", "RATE = 0.17")


class Outside:
    """Suggests each text once, in order."""

    name = "outside"

    def __init__(self, texts: dict[str, str]) -> None:
        self.waiting = list(texts.items())
        self.briefs: list[Brief] = []

    def propose(self, brief: Brief) -> Iterator[Suggestion]:
        self.briefs.append(brief)
        if self.waiting:
            title, text = self.waiting.pop(0)
            yield Suggestion({"fit.py": text}, title, "outside")

    def close(self) -> None:
        pass


def lived(home: Path, texts: dict[str, str], **options: Any) -> tuple[Path, list[dict[str, Any]], Outside]:
    """A life until its first adoption, or until 40 s are over."""
    try:
        Pool(1, grants=Grants.parse(["subprocesses", "scratch:1"])).close()
    except JailUnavailable as missing:
        pytest.skip(f"runs of a command need the jail with a control group: {missing}; {missing.advice()}")
    home.mkdir()
    (home / "fit.py").write_text(FIT)
    (home / "judge.py").write_text(JUDGE)
    asked = command.Options("python fit.py", "loss", minutes_each=0.06, files=("*.py",), seed=1, **options)
    folder = command.make(home, home / "living", asked).folder
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text().replace('improver = "selfproof_improver.py:propose"', 'improver = ""'))
    outside, events = Outside(texts), []
    for event in session.run(folder, 0.7, 1, Asked(more=(outside,))):
        events.append(event)
        if event["event"] == "decision" and event["verdict"] == "adopted":
            (folder / "STOP").touch()
    return folder, events, outside


def adopted(events: list[dict[str, Any]]) -> list[str]:
    return [e["title"] for e in events if e["event"] == "decision" and e["verdict"] == "adopted"]


@pytest.mark.slow
def test_with_a_scorer_outside_only_what_is_better_is_adopted(tmp_path: Path) -> None:
    texts = {**HOSTILE, "honest": HONEST}
    folder, events, outside = lived(tmp_path / "p", texts, rescore="judge.py:score", artefacts=("out.json",))
    assert adopted(events) == ["honest"] and not outside.waiting
    state = fold(read(folder / ".selfproof" / "ledger").leaves())
    verdict = next(c.verdict for c in state.confirmations.values() if c.version == 1)
    assert verdict is not None and not any("joint" in told for told in verdict["not_covered"])
    assert verdict["granted"] == ["subprocesses", "scratch:256"]
    assert audit(folder / ".selfproof" / "ledger")["ok"]
    told = repr(outside.briefs[-1])
    assert "judge" not in told and "SEED" in outside.briefs[-1].files["fit.py"] and "'seed'" not in told


@pytest.mark.slow
def test_without_one_a_lie_gets_through_and_the_certificate_says_that_it_could(tmp_path: Path) -> None:
    """This is what ``joint`` means, and why a scorer of one's own is better."""
    folder, events, _ = lived(tmp_path / "p", {"print nan": HOSTILE["print nan"], "lie": LIE})
    assert adopted(events) == ["lie"]
    state = fold(read(folder / ".selfproof" / "ledger").leaves())
    verdict = next(c.verdict for c in state.confirmations.values() if c.version == 1)
    assert verdict is not None and any("touched its own score" in told for told in verdict["not_covered"])
