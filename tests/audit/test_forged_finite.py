"""Forged histories of a life with a hold-out, a test suite and a guard that is one: ``verify`` names what lies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forging import Entry, Forger

from selfproof.audit import audit

Forge = Callable[[Forger], "Entry | tuple[Entry, ...]"]


@pytest.fixture(scope="module")
def size(finite_life: Any) -> int:
    """Entries up to the effect of the second adoption."""
    forger = Forger(finite_life.folder)
    return forger.find("canary", skip=1).index + 1


def judged(life: Any, size: int, tmp_path: Path, forge: Forge | None = None) -> tuple[dict[str, Any], list[Entry]]:
    forger = Forger(life.folder)
    forger.cut(size)
    found = forge(forger) if forge is not None else ()
    changed = [found] if isinstance(found, Entry) else list(found)
    return audit(forger.sign(tmp_path / "ledger")), changed


def start(f: Forger, counter: str) -> Entry:
    return f.find("confirm-start", lambda body: body["counter"] == counter)


def a_higher_level(f: Forger) -> Entry:
    entry = start(f, "holdout")
    entry.body["alpha_k"] = entry.body["rule"]["level"] = entry.body["alpha_k"] * 1.5
    return entry


def the_level_of_fresh_samples(f: Forger) -> Entry:
    from selfproof.certify.spending import level

    entry = start(f, "holdout")
    entry.body["alpha_k"] = entry.body["rule"]["level"] = level(0.05, 0.4, 1)
    return entry


def a_hold_out_called_exact(f: Forger) -> Entry:
    entry = start(f, "holdout")
    entry.body["rule"]["test"] = "exact"
    return entry


def a_hold_out_without_a_pool(f: Forger) -> Entry:
    entry = start(f, "holdout")
    entry.body["pool"] = None
    return entry


def an_older_looking_genesis(f: Forger) -> tuple[Entry, ...]:
    """Without pools the life looks like one on fresh samples; its confirmations do not."""
    del f.entries[0].body["pools"]
    return f.entries[0], start(f, "holdout"), start(f, "suite")


def a_longer_lifetime_from_the_start(f: Forger) -> Entry:
    f.entries[0].body["pools"]["holdout"]["lifetime"] = 5
    return start(f, "holdout")


def one_hold_out_for_two(f: Forger) -> Entry:
    pools = f.entries[0].body["pools"]
    pools["kept"]["digest"] = pools["holdout"]["digest"]
    return f.entries[0]


def another_mode(f: Forger) -> Entry:
    f.entries[0].body["mode"] = "fdr"
    return f.entries[0]


def fewer_items_than_there_are(f: Forger) -> Entry:
    entry = start(f, "suite")
    entry.body["rule"]["most_pairs"] = 10
    return entry


def alpha_for_the_suite(f: Forger) -> Entry:
    entry = start(f, "suite")
    entry.body["alpha_k"] = entry.body["rule"]["level"] = 0.01
    return entry


def a_suite_called_a_sample(f: Forger) -> Entry:
    entry = start(f, "suite")
    entry.body["rule"]["test"] = "bet"
    return entry


def an_item_asked_for_twice(f: Forger) -> Entry:
    results = f.of("results", start(f, "holdout").index)
    header, rows = f.rows(results.body["pairs"])
    header["numbers"][1] = header["numbers"][0]
    results.body["pairs"] = f.evidence(header, rows)
    return results


def a_result_that_does_not_repeat(f: Forger) -> Entry:
    """In the last batch, which is of the second run; the verdict says certified."""
    index = start(f, "suite").index
    results = [e for e in f.entries if e.kind == "results" and e.body["confirmation"] == index][-1]
    header, rows = f.rows(results.body["pairs"])
    rows[-1][1] = 1.0 - rows[-1][1]
    results.body["pairs"] = f.evidence(header, rows)
    return f.of("verdict", index)


def a_blind_spot_on_the_exact_path(f: Forger) -> Entry:
    verdict = f.of("verdict", start(f, "suite").index)
    verdict.body["blind_spot"] = 0.5
    return verdict


def effect(f: Forger, objective: str) -> Entry:
    version = f.find("adopt", lambda body: body["objective"] == objective).body["version"]
    return f.find("canary", lambda body: body["version"] == version)


def a_flattering_effect_that_does_not_say_so(f: Forger) -> Entry:
    entry = effect(f, "holdout")
    del entry.body["effect"]["from"]
    return entry


def a_flattering_effect_called_exact(f: Forger) -> Entry:
    entry = effect(f, "holdout")
    entry.body["effect"]["from"] = "the whole population"
    entry.body["effect"]["interval"] = [entry.body["effect"]["value"]] * 2
    return entry


def an_effect_of_other_pairs(f: Forger) -> Entry:
    entry = effect(f, "holdout")
    header, rows = f.rows(entry.body["pairs"])
    entry.body["pairs"] = f.evidence(header, rows[1:])
    return entry


def a_larger_exact_effect(f: Forger) -> Entry:
    entry = effect(f, "suite")
    entry.body["effect"]["value"] += 0.05
    return entry


def an_interval_on_a_whole_population(f: Forger) -> Entry:
    entry = effect(f, "suite")
    entry.body["effect"]["interval"][0] -= 0.05
    return entry


def guard(f: Forger) -> tuple[Entry, str]:
    entry = f.of("guard", start(f, "suite").index)
    return entry, next(iter(entry.body["references"]))


def a_guards_item_lost(f: Forger) -> Entry:
    entry, key = guard(f)
    header, rows = f.rows(entry.body["references"][key])
    for row in (rows[1], rows[4]):
        row[1] = 1.0
    entry.body["references"][key] = f.evidence(header, rows)
    return entry


def a_guards_suite_run_once(f: Forger) -> Entry:
    entry, key = guard(f)
    header, rows = f.rows(entry.body["references"][key])
    entry.body["references"][key] = f.evidence(header, rows[: len(rows) // 2])
    return entry


def a_level_for_an_exact_guard(f: Forger) -> Entry:
    entry, _ = guard(f)
    entry.body["level"] = 0.01
    return entry


def confirmed_after_retirement(f: Forger) -> Entry:
    """One more on the hold-out, at the level that a second confirmation after one adoption would have."""
    first = start(f, "holdout")
    f.cut(effect(f, "holdout").index + 1)
    f.entries = [e for e in f.entries if e.kind != "control" or e.index < first.index]
    last = f.find("adopt", lambda body: body["objective"] == "holdout").body
    body = {**first.body, "k": 2, "alpha_k": 0.02 / 4, "incumbent": last["candidate"], "base_version": last["version"]}
    body["rule"] = {**body["rule"], "level": 0.02 / 4}
    return f.append("confirm-start", body)


def charter_with(f: Forger, text: str, **changed: Any) -> Entry:
    genesis = f.entries[0].body
    kept = {key: genesis[key] for key in ("alpha", "mode", "spans", "weights", "tasks", "pools")}
    body = {**kept, "charter": f.blob(text.encode())["$blob"]}
    return f.append("charter", {**body, "charter_text": {"$blob": body["charter"]}, **changed})


def the_mode_changed_later(f: Forger) -> Entry:
    text = f.source.get_blob(f.entries[0].body["charter"]).decode()
    return charter_with(f, text + '\n[certify]\nmode = "fdr"\n', mode="fdr")


def other_items_later(f: Forger) -> Entry:
    genesis = f.entries[0].body
    pools = {**genesis["pools"], "holdout": {**genesis["pools"]["holdout"], "digest": "0" * 64}}
    return charter_with(f, f.source.get_blob(genesis["charter"]).decode(), pools=pools)


def the_pools_forgotten_later(f: Forger) -> Entry:
    return charter_with(f, f.source.get_blob(f.entries[0].body["charter"]).decode(), pools={})


CASES: list[Forge] = [
    a_higher_level, the_level_of_fresh_samples, a_hold_out_called_exact, a_hold_out_without_a_pool,
    an_older_looking_genesis, a_longer_lifetime_from_the_start, another_mode, fewer_items_than_there_are,
    alpha_for_the_suite, a_suite_called_a_sample, an_item_asked_for_twice, a_result_that_does_not_repeat,
    a_blind_spot_on_the_exact_path, a_flattering_effect_that_does_not_say_so, a_flattering_effect_called_exact,
    an_effect_of_other_pairs, a_larger_exact_effect, an_interval_on_a_whole_population, a_guards_item_lost,
    a_guards_suite_run_once, a_level_for_an_exact_guard, confirmed_after_retirement, the_mode_changed_later,
    other_items_later, the_pools_forgotten_later, one_hold_out_for_two,
]  # fmt: skip


def test_the_same_history_signed_again_is_sound(finite_life: Any, size: int, tmp_path: Path) -> None:
    result, _ = judged(finite_life, size, tmp_path)
    assert result["ok"] and result["entries"] == size, result


def test_a_suite_may_change_and_the_charter_with_it(finite_life: Any, size: int, tmp_path: Path) -> None:
    """So that the charters below fail for what they change."""

    def forge(f: Forger) -> Entry:
        genesis = f.entries[0].body
        pools = {**genesis["pools"], "suite": {**genesis["pools"]["suite"], "items": 21, "digest": "0" * 64}}
        return charter_with(f, f.source.get_blob(genesis["charter"]).decode(), pools=pools)

    result, _ = judged(finite_life, size, tmp_path, forge)
    assert result["ok"], result


@pytest.mark.parametrize("forge", CASES, ids=lambda forge: forge.__name__)
def test_a_forged_history_is_found_at_the_leaf_that_lies(
    finite_life: Any, size: int, tmp_path: Path, forge: Forge
) -> None:
    result, changed = judged(finite_life, size, tmp_path, forge)
    assert not result["ok"], "the forgery went through"
    bad = result["first_bad"]
    assert bad["index"] in {entry.index for entry in changed}, f"blamed {json.dumps(bad)}"
    assert bad["reason"] and not bad["reason"].startswith("malformed"), bad
