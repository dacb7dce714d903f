"""Seeds: two runs with the same one decide alike, and the logged draws are what the revealed seeds give."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from selfproof.archive.evidence import unpack
from selfproof.archive.state import fold
from selfproof.certify import seeds
from selfproof.jail import Limits, Pool
from selfproof.ledger import Reader, read
from selfproof.templates.apprentice.tasks.language import Language
from selfproof.trial import blocks

CIRCUMSTANCES = {"time", "trials", "cpu_seconds", "layers"}


def decisions(folder: Path) -> list[tuple[str, str]]:
    """Everything that the memory's domain decided: candidates, races, confirmations, verdicts, adoptions, effects."""
    kinds = {
        "propose",
        "race",
        "confirm-start",
        "results",
        "verdict",
        "guard",
        "decision",
        "adopt",
        "canary",
        "control",
    }
    found = []
    for leaf in read(folder / ".selfproof" / "ledger").leaves():
        stream = leaf.body.get("objective", "memory")
        if leaf.kind in kinds and stream == "memory":
            body = {key: value for key, value in leaf.body.items() if key not in CIRCUMSTANCES}
            found.append((leaf.kind, json.dumps(body, sort_keys=True)))
    return found


@pytest.mark.parametrize("count", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_two_runs_with_one_seed_decide_alike(cli: Any, life: Any, unborn: Any, count: int) -> None:
    """A second run, beside a busy neighbour, against the session's life: the shorter is a prefix of the longer."""
    one, other = unborn("one"), unborn("other")
    neighbour = cli.launch("run", "--minutes", "2", "--seed", "2", "--json", "--at", other, stdout=subprocess.DEVNULL)
    try:
        cli.until("decision", one, "--seed", "1", count=count)
    finally:
        cli.end(neighbour)
    first, second, third = decisions(life.folder), decisions(one), decisions(other)
    common = min(len(first), len(second))
    assert [kind for kind, _ in second[:common]].count("adopt") >= 1
    assert second[:common] == first[:common]
    assert third[: min(common, len(third))] != first[: min(common, len(third))]


@pytest.fixture(scope="module")
def told(life: Any) -> tuple[Reader, list[Any]]:
    reader = read(life.folder / ".selfproof" / "ledger")
    return reader, list(reader.leaves())


def test_the_key_was_committed_before_and_revealed_after(told: tuple[Reader, list[Any]]) -> None:
    _, leaves = told
    commit = next(leaf for leaf in leaves if leaf.kind == "seed-commit")
    reveal = next(leaf for leaf in leaves if leaf.kind == "seed-reveal")
    starts = [leaf.index for leaf in leaves if leaf.kind == "confirm-start"]
    assert commit.index < min(starts) <= max(starts) < reveal.index
    assert seeds.commitment(bytes.fromhex(reveal.body["key"])) == commit.body["commitment"]
    assert commit.body["seeds"] == "operator-chosen", "a run with --seed says so"


def test_no_confirm_seed_is_used_twice(told: tuple[Reader, list[Any]]) -> None:
    reader, leaves = told
    used = []
    for confirming in fold(leaves).confirmations.values():
        pairs = sum(len(unpack(reader.get_blob(d))[1]) for d in confirming.evidence)
        body = confirming.body
        used += [("confirm", body["candidate"], confirming.counter, body["k"], j) for j in range(pairs)]
    assert len(used) > 50 and len(set(used)) == len(used)


def test_the_logged_draws_are_those_of_the_revealed_seeds(told: tuple[Reader, list[Any]]) -> None:
    """The first pairs of a confirmation, run again from the ledger's blobs alone, give the same numbers."""
    reader, leaves = told
    state = fold(leaves)
    key = bytes.fromhex(next(leaf for leaf in leaves if leaf.kind == "seed-reveal").body["key"])
    confirming = next(c for c in state.confirmations.values() if c.version == 2)
    body, task = confirming.body, Language()
    names = (state.versions[body["base_version"]].files, body["files"])
    versions = [{path: reader.get_blob(digest).decode() for path, digest in files.items()} for files in names]
    drawn = [seeds.derive(key, "confirm", body["candidate"], confirming.counter, body["k"], j) for j in range(3)]
    part = blocks.prepare([task.samples("confirm", seed, 1)[0] for seed in drawn])
    with Pool(1) as pool:
        jobs = [blocks.job(files, "memory.py:predict", part, Limits(wall_s=20.0)) for files in versions]
        ours, theirs = (blocks.score(task, part, outcome) for outcome in pool.map(jobs))
    rows = unpack(reader.get_blob(confirming.evidence[0]))[1]
    for j in range(3):
        assert rows[j] == (*ours[j].draws, *theirs[j].draws)
