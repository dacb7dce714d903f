"""Run logged pairs of confirmations again, in the jail, and compare: what no recomputation can see.

A pair's sample follows from the epoch's key, which the ledger reveals when a run ends with nothing open; before, the
pair cannot be drawn, and that is said. Scores must be equal up to rounding. Times are another machine's or moment's:
both ratios are told, and nothing is judged by them.

Does not protect against: tasks that an auditor runs without having read them (they are their owner's code, on the
trusted side); a machine or library on which the same program gives other answers, which looks like a false record.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from selfproof.archive.evidence import unpack
from selfproof.archive.state import Confirming
from selfproof.archive.tree import digests, tree_of_digests
from selfproof.audit.comparing import same
from selfproof.certify import seeds
from selfproof.domains.base import Domain, Finalist
from selfproof.domains.paired import IncumbentFailed
from selfproof.life import Life
from selfproof.loop import domain_of
from selfproof.nouns import Candidate
from selfproof.trial import loading
from selfproof.trial.task import Task


@dataclass(frozen=True)
class _Pair:
    """A recorded pair: its confirmation, its number there, what was recorded, and the seed that draws its sample."""

    confirming: Confirming
    number: int
    row: tuple[float, ...]
    seed: int


def rerun(life: Life, n: int, rng: random.Random | None = None) -> dict[str, Any]:
    """Draw ``n`` recorded pairs and run them again: ``ok``, ``pairs`` (one dict each), ``left_out`` {why: pairs}.

    Raises:
        SelfproofError: this machine cannot isolate as the charter asks, or the jail failed.
    """
    left_out: dict[str, int] = {}
    drawable = list(_drawable(life, left_out))
    chosen = (rng or random.SystemRandom()).sample(drawable, min(n, len(drawable)))
    found = [_again(life, pair) for pair in sorted(chosen, key=lambda pair: (pair.confirming.id, pair.number))]
    return {
        "ok": all(row["equal"] is not False for row in found), "asked": n, "of": len(drawable), "pairs": found,
        "left_out": left_out,
    }  # fmt: skip


def _drawable(life: Life, left_out: dict[str, int]) -> Iterator[_Pair]:
    """Every recorded pair whose sample and versions can be had; the others are counted, by the reason."""
    keys = {leaf.body["epoch"]: bytes.fromhex(leaf.body["key"])
            for leaf in life.ledger.leaves() if leaf.kind == "seed-reveal"}  # fmt: skip
    for confirming in life.state.confirmations.values():
        body, first = confirming.body, 0
        key = keys.get(body["epoch"])
        why = _unfit(life, confirming, key)
        for digest in confirming.evidence:
            header, rows = unpack(life.ledger.get_blob(digest))
            numbers = header.get("numbers")
            for j, row in enumerate(rows):
                if why:
                    left_out[why] = left_out.get(why, 0) + 1
                    continue
                purpose = "confirm", body["candidate"], confirming.counter, body["k"], first + j
                seed = seeds.derive(key, *purpose) if numbers is None else numbers[j]  # type: ignore[arg-type]
                yield _Pair(confirming, first + j, row, seed)
            first += len(rows)


def _unfit(life: Life, confirming: Confirming, key: bytes | None) -> str | None:
    """Why a confirmation's pairs cannot be run again here, or None."""
    body = confirming.body
    if confirming.counter != body["objective"]:
        return "pairs of controls, whose other version is not in the ledger"
    if key is None and body["pool"] is None:
        return f"seeds of epoch {body['epoch']} are not revealed yet"
    if body["charter"] != life.charter.digest:
        return "confirmed under another charter than the one here"
    if body["tasks"] != tree_of_digests(digests(loading.task_files(life.paths.folder))):
        return "confirmed with other tasks than those here"
    return None


def _again(life: Life, pair: _Pair) -> dict[str, Any]:
    body = pair.confirming.body
    objective = life.charter.objective(body["objective"])
    domain = domain_of(life, objective)
    texts = {path: life.ledger.get_blob(digest).decode() for path, digest in body["files"].items()}
    candidate = Candidate(body["candidate"], objective.name, texts)
    incumbent = life.version(objective, body["base_version"])
    finalist = Finalist(candidate, incumbent, tuple(body["differences"]), body["notes"])
    told = {"confirmation": pair.confirming.id, "pair": pair.number, "objective": objective.name}
    row, failed = _measured(domain, finalist, pair.seed)
    if objective.kind == "speed":
        ratios = {"recorded": pair.row[0] / pair.row[1], "now": row[0] / row[1] if row else None}
        return {**told, "equal": False if failed else None, "ratio": ratios, "why": failed}
    task = domain.life.tasks[objective.name]
    if isinstance(task, Task) and task.timed and not failed:
        return {**told, "equal": None, "recorded": list(pair.row), "now": list(row), "why": None}
    return {**told, "equal": not failed and same(row, pair.row), "why": failed or _difference(row, pair.row)}


def _measured(domain: Domain, finalist: Finalist, seed: int) -> tuple[tuple[float, ...], str | None]:
    """The row of this seed, and why there is none."""
    try:
        measured = domain.begin(finalist, [seed])()
    except IncumbentFailed as error:
        return (), f"the incumbent gave no valid answer: {error}"
    return (measured.rows[0], None) if measured.rows else ((), measured.broken or "it gave no valid answer")


def _difference(row: tuple[float, ...], recorded: tuple[float, ...]) -> str | None:
    """Where two rows differ first, in words."""
    if len(row) != len(recorded):
        return f"{len(row)} numbers, {len(recorded)} were recorded"
    for place, (one, two) in enumerate(zip(row, recorded, strict=True)):
        if not same(one, two):
            return f"draw {place} scores {one!r}, recorded is {two!r}"
    return None
