"""Ledgers whose signatures are right and whose history is not: ``verify`` names the leaf that lies.

Every case takes a real life's ledger, changes a field or two of one leaf and signs everything again with the real
key, as only its holder could.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forging import Entry, Forger

from selfproof import audit as auditing
from selfproof import birth
from selfproof.audit import audit
from selfproof.audit.comparing import close
from selfproof.certify.guards import guard_level
from selfproof.certify.spending import level

Forge = Callable[[Forger], "Entry | tuple[Entry, ...]"]


@pytest.fixture(scope="module")
def size(life: Any) -> int:
    """Entries up to and with the effect of the second adopted change: enough of everything, quick to audit."""
    forger = Forger(life.folder)
    second = forger.adopted(skip=1).index
    control = max(e.index for e in forger.entries if e.kind == "control")
    version = forger.find("adopt", lambda b: b["confirmation"] == second).body["version"]
    return max(control, forger.find("canary", lambda b: b["version"] == version).index) + 1


def judged(life: Any, size: int, tmp_path: Path, forge: Forge | None = None) -> tuple[dict[str, Any], list[Entry]]:
    forger = Forger(life.folder)
    forger.cut(size)
    found = forge(forger) if forge is not None else ()
    changed = [found] if isinstance(found, Entry) else list(found)
    return audit(forger.sign(tmp_path / "ledger")), changed


def test_the_same_history_signed_again_is_sound(life: Any, size: int, tmp_path: Path) -> None:
    """So that the cases below fail for what they change, not for how they are written."""
    result, _ = judged(life, size, tmp_path)
    assert result["ok"] and result["entries"] == size, result


@pytest.mark.parametrize(("before", "after"), [("own account", "same account"), ("same account", "own account")])
def test_the_signer_is_the_weaker_of_all_epochs(life: Any, size: int, tmp_path: Path, before: str, after: str) -> None:
    def another_epoch(f: Forger) -> Entry:
        commit = f.find("seed-commit")
        f.cut(commit.index + 1)
        commit.body["signer"] = before
        return f.append("seed-commit", {**commit.body, "epoch": commit.body["epoch"] + 1, "signer": after})

    result, _ = judged(life, size, tmp_path, another_epoch)
    assert result["ok"] and result["signer"] == "same account", result


def test_verdicts_say_who_signed_as_the_epoch_does(life: Any, size: int, tmp_path: Path) -> None:
    def own_account(f: Forger) -> tuple[Entry, ...]:
        told = tuple(entry for entry in f.entries if entry.kind in ("seed-commit", "verdict", "certificate"))
        for entry in told:
            entry.body["signer"] = "own account"
        return told

    result, _ = judged(life, size, tmp_path, own_account)
    assert result["ok"] and result["signer"] == "own account", result


def k_skipped(f: Forger) -> Entry:
    start = f.adopted(skip=1)
    start.body["k"] += 1
    share = f.entries[0].body["weights"]["memory"]
    start.body["alpha_k"] = start.body["rule"]["level"] = level(f.entries[0].body["alpha"], share, start.body["k"])
    return start


def k_used_twice(f: Forger) -> Entry:
    start = f.adopted(skip=1)
    share = f.entries[0].body["weights"]["memory"]
    start.body["k"] = 1
    start.body["alpha_k"] = start.body["rule"]["level"] = level(f.entries[0].body["alpha"], share, 1)
    return start


def alpha_k_raised(f: Forger) -> Entry:
    start = f.adopted()
    start.body["alpha_k"] *= 2
    start.body["rule"]["level"] *= 2
    return start


def level_raised_in_the_rule_alone(f: Forger) -> Entry:
    start = f.adopted()
    start.body["rule"]["level"] *= 2
    return start


def smaller_scale(f: Forger) -> Entry:
    start = f.adopted()
    start.body["rule"]["scale"] *= 0.9
    return start


def no_mean_bet(f: Forger) -> Entry:
    start = f.adopted()
    start.body["rule"]["margin"] = None
    return start


def wider_margin(f: Forger) -> Entry:
    start = f.adopted()
    start.body["rule"]["margin"] = 5.0
    return start


def smaller_span(f: Forger) -> Entry:
    start = f.adopted()
    start.body["rule"]["span"] /= 2
    return start


def more_pairs_than_the_preset(f: Forger) -> Entry:
    start = f.adopted()
    start.body["rule"]["most_pairs"] *= 10
    return start


def a_head_start(f: Forger) -> Entry:
    start = f.adopted()
    start.body["rule"]["minimum"] = -1.0
    return start


def another_candidate_than_its_files(f: Forger) -> Entry:
    start = f.adopted()
    start.body["candidate"] = "0" * 64
    return start


def an_old_incumbent(f: Forger) -> Entry:
    start = f.adopted(skip=1)
    start.body["base_version"] = 0
    return start


def turned_direction(f: Forger) -> Entry:
    start = f.adopted()
    start.body["better"] = "higher"
    return start


def a_draw_changed(f: Forger) -> tuple[Entry, ...]:
    start = f.adopted()
    results = f.of("results", start.index)
    header, rows = f.rows(results.body["pairs"])
    half = len(rows[3]) // 2
    rows[3][half] = max(0.0, rows[3][half] - 0.5)
    results.body["pairs"] = f.evidence(header, rows)
    return results, f.of("verdict", start.index)


def a_pair_turned_round(f: Forger) -> tuple[Entry, ...]:
    start = f.adopted()
    results = f.of("results", start.index)
    header, rows = f.rows(results.body["pairs"])
    half = len(rows[3]) // 2
    rows[3] = rows[3][half:] + rows[3][:half]
    results.body["pairs"] = f.evidence(header, rows)
    return results, f.of("verdict", start.index)


def a_bad_pair_left_out(f: Forger) -> tuple[Entry, ...]:
    start = f.adopted()
    results = f.of("results", start.index)
    header, rows = f.rows(results.body["pairs"])
    results.body["pairs"] = f.evidence(header, rows[1:])
    return results, f.of("verdict", start.index)


def results_of_another_confirmation(f: Forger) -> Entry:
    one, two = f.adopted(), f.adopted(skip=1)
    results = f.of("results", two.index)
    results.body["pairs"] = f.of("results", one.index).body["pairs"]
    return results


def results_counted_wrongly(f: Forger) -> Entry:
    results = f.of("results", f.adopted().index)
    results.body["n"] += 1
    return results


def broken_and_certified(f: Forger) -> tuple[Entry, ...]:
    start = f.adopted()
    results = f.of("results", start.index)
    results.body["broken"] = "an output differs from the incumbent's"
    return results, f.of("verdict", start.index)


def wealth_improved(f: Forger) -> Entry:
    verdict = f.of("verdict", f.adopted().index)
    verdict.body["log_wealth"] += 0.01
    return verdict


def mean_wealth_improved(f: Forger) -> Entry:
    verdict = f.of("verdict", f.adopted().index)
    verdict.body["log_mean_wealth"] += 0.01
    return verdict


def lower_threshold(f: Forger) -> Entry:
    verdict = f.of("verdict", f.adopted().index)
    verdict.body["log_threshold"] -= 1
    return verdict


def smaller_blind_spot(f: Forger) -> Entry:
    verdict = f.of("verdict", f.adopted().index)
    verdict.body["blind_spot"] /= 2
    return verdict


def refused_turned_into_certified(f: Forger) -> Entry:
    verdict = f.find("verdict", lambda body: body["answer"] == "refused")
    verdict.body["answer"] = "certified"
    return verdict


def certified_turned_into_refused(f: Forger) -> Entry:
    verdict = f.of("verdict", f.adopted().index)
    verdict.body["answer"] = "refused"
    return verdict


def a_verdict_of_another_candidate(f: Forger) -> Entry:
    verdict = f.of("verdict", f.adopted().index)
    verdict.body["candidate"] = f.adopted(skip=1).body["candidate"]
    return verdict


def adopted_without_a_certificate(f: Forger) -> Entry:
    """The refused candidate of a confirmation is adopted after all."""
    refused = f.find("verdict", lambda body: body["answer"] == "refused")
    start = f.entries[refused.body["confirmation"]]
    adopt = f.find("adopt", skip=0)
    f.cut(refused.index + 1)
    state_version = sum(e.kind == "adopt" for e in f.entries)
    body = {
        **adopt.body, "confirmation": start.index, "candidate": start.body["candidate"], "parent": state_version,
        "version": state_version + 1,
    }  # fmt: skip
    return f.append("adopt", body)


def a_control_adopted(f: Forger) -> Entry:
    control = f.find("confirm-start", lambda body: body["counter"].startswith("control-") and body["k"] >= 1)
    planted = f.find("control", lambda body: body["name"] == "planted_gain")
    start = f.entries[planted.body["confirmation"]]
    verdict = f.of("verdict", start.index)
    adopt = f.find("adopt")
    f.cut(verdict.index + 1)
    versions = sum(e.kind == "adopt" for e in f.entries)
    body = {**adopt.body, "confirmation": start.index, "candidate": start.body["candidate"],
            "parent": versions, "version": versions + 1}  # fmt: skip
    assert control.index <= start.index
    return f.append("adopt", body)


def wrong_tree_hash(f: Forger) -> Entry:
    adopt = f.find("adopt")
    adopt.body["tree"] = "f" * 64
    return adopt


def other_files_than_the_candidates(f: Forger) -> Entry:
    from selfproof.archive.tree import tree_of_digests

    adopt = f.find("adopt")
    adopt.body["files"]["improver.py"] = adopt.body["files"]["memory.py"]
    adopt.body["tree"] = tree_of_digests(adopt.body["files"])
    return adopt


def another_candidate_adopted(f: Forger) -> Entry:
    adopt = f.find("adopt")
    adopt.body["candidate"] = f.adopted(skip=1).body["candidate"]
    return adopt


def a_version_skipped(f: Forger) -> Entry:
    adopt = f.find("adopt")
    adopt.body["version"] += 1
    return adopt


def a_guards_gain_turned(f: Forger) -> Entry:
    guard = f.of("guard", f.adopted().index)
    guard.body["is_better"] = not guard.body["is_better"]
    return guard


def high_water_turned(f: Forger) -> Entry:
    """The guard's reference is moved, or not moved, against what the guard found."""
    adopt = f.of("adopt", f.adopted().index)
    adopt.body["high_water"] = [] if adopt.body["high_water"] else ["source"]
    return adopt


def guard_in_the_other_direction(f: Forger) -> Entry:
    guard = f.of("guard", f.adopted().index)
    guard.body["better"] = "higher"
    return guard


def guard_of_another_candidate(f: Forger) -> Entry:
    guard = f.of("guard", f.adopted().index)
    guard.body["candidate"] = f.adopted(skip=1).body["candidate"]
    return guard


def a_larger_effect(f: Forger) -> Entry:
    canary = f.find("canary", lambda body: body["effect"]["kind"] == "difference")
    canary.body["effect"]["value"] += 0.1
    return canary


def a_narrower_interval(f: Forger) -> Entry:
    canary = f.find("canary", lambda body: body["effect"]["kind"] == "difference")
    canary.body["effect"]["interval"][0] += 0.001
    return canary


def guard_turned(f: Forger) -> Entry:
    guard = f.of("guard", f.adopted().index)
    guard.body["passed"] = not guard.body["passed"]
    return guard


def guard_at_another_level(f: Forger) -> Entry:
    guard = f.of("guard", f.adopted().index)
    guard.body["level"] = guard_level(guard.body["number"]) * 3
    return guard


def guard_with_another_margin(f: Forger) -> Entry:
    guard = f.of("guard", f.adopted().index)
    guard.body["margin"] *= 10
    return guard


def guard_against_one_reference_only(f: Forger) -> Entry:
    guard = f.of("guard", f.adopted(skip=1).index)
    guard.body["references"] = {"7": next(iter(guard.body["references"].values()))}
    return guard


def a_guards_draw_changed(f: Forger) -> Entry:
    guard = f.of("guard", f.adopted().index)
    key = next(iter(guard.body["references"]))
    header, rows = f.rows(guard.body["references"][key])
    guard.body["references"][key] = f.evidence(
        header, [[*row[: len(row) // 2], *[13.0] * (len(row) // 2)] for row in rows]
    )
    return guard


def a_broken_guard_that_passed(f: Forger) -> Entry:
    guard = f.of("guard", f.adopted().index)
    guard.body["broken"] = "no valid answer on a fresh sample"
    return guard


def adopted_after_a_broken_guard(f: Forger) -> Entry:
    """The guard's leaf is in order: who gives no answer has failed, whatever came before. The adoption lies."""
    start = f.adopted()
    guard = f.of("guard", start.index)
    guard.body |= {"broken": "no valid answer on a fresh sample", "passed": False, "is_better": False}
    return f.of("adopt", start.index)


def guard_left_out(f: Forger) -> tuple[Entry, ...]:
    """The guard's leaf is replaced by one that says nothing; the adoption stays."""
    start = f.adopted()
    guard = f.of("guard", start.index)
    guard.kind, guard.body = "note", {"text": "nothing to see"}
    return guard, f.of("adopt", start.index)


def a_control_turned(f: Forger) -> Entry:
    control = f.find("control", lambda body: body["answer"] == "refused")
    control.body["answer"] = "certified"
    return control


def another_epoch_key(f: Forger) -> Entry:
    commit = f.find("seed-commit")
    return f.append("seed-reveal", {"epoch": commit.body["epoch"], "key": "ab" * 32})


def an_epoch_out_of_order(f: Forger) -> Entry:
    commit = f.find("seed-commit")
    commit.body["epoch"] += 1
    return commit


def a_signer_of_another_account_in_a_verdict(f: Forger) -> Entry:
    verdict = f.of("verdict", f.adopted().index)
    verdict.body["signer"] = {"own account": "same account"}.get(verdict.body["signer"], "own account")
    return verdict


def a_signer_that_nobody_has(f: Forger) -> Entry:
    commit = f.find("seed-commit")
    commit.body["signer"] = "a vault"
    return commit


def alpha_raised_later(f: Forger) -> Entry:
    genesis = f.entries[0].body
    return f.append(
        "charter", {"charter": "0" * 64, "alpha": 0.2, "weights": genesis["weights"], "tasks": genesis["tasks"]}
    )


def weights_moved_later(f: Forger) -> Entry:
    genesis = f.entries[0].body
    weights = {**genesis["weights"], "memory": 0.9}
    return f.append("charter", {"charter": "0" * 64, "alpha": 0.05, "weights": weights, "tasks": genesis["tasks"]})


def weights_above_one(f: Forger) -> Entry:
    f.entries[0].body["weights"]["ghost"] = 0.9
    return f.entries[0]


def a_weight_of_nothing(f: Forger) -> Entry:
    f.entries[0].body["weights"]["ghost"] = 0.0
    return f.entries[0]


def a_weight_below_nothing_that_pays_for_another(f: Forger) -> Entry:
    f.entries[0].body["weights"] |= {"ghost": -19.0, "ghosts": 19.0}
    return f.entries[0]


def more_pairs_from_the_start(f: Forger) -> Entry:
    f.entries[0].body["confirm_pairs"] *= 2
    return min((e for e in f.entries if e.kind == "confirm-start"), key=lambda e: e.index)


def impossible_alpha(f: Forger) -> Entry:
    f.entries[0].body["alpha"] = 0.9
    return f.entries[0]


def another_first_tree(f: Forger) -> Entry:
    f.entries[0].body["tree"] = "0" * 64
    return f.entries[0]


def rollback_to_another_tree(f: Forger) -> Entry:
    version = max(e.body["version"] for e in f.entries if e.kind == "adopt")
    body = {"from": version, "to": 0, "undone": list(range(1, version + 1)), "tree": "0" * 64, "reason": "", "by": "x"}
    return f.append("rollback", body)


def rollback_that_hides_a_version(f: Forger) -> Entry:
    version = max(e.body["version"] for e in f.entries if e.kind == "adopt")
    body = {"from": version, "to": 0, "undone": [version], "tree": f.entries[0].body["tree"], "reason": "", "by": "x"}
    return f.append("rollback", body)


def two_confirmations_at_a_time(f: Forger) -> Entry:
    start = f.adopted(skip=1)
    share = f.entries[0].body["weights"]["memory"]
    f.cut(start.index + 1)
    k = start.body["k"] + 1
    alpha_k = level(f.entries[0].body["alpha"], share, k)
    rule = {**start.body["rule"], "level": alpha_k}
    return f.append("confirm-start", {**start.body, "k": k, "alpha_k": alpha_k, "rule": rule})


def a_second_verdict(f: Forger) -> Entry:
    verdict = f.of("verdict", f.adopted().index)
    return f.append("verdict", dict(verdict.body))


def a_field_missing(f: Forger) -> Entry:
    start = f.adopted()
    del start.body["rule"]["scale"]
    return start


def a_number_as_text(f: Forger) -> Entry:
    start = f.adopted()
    start.body["k"] = "1"
    return start


def _certificate(f: Forger) -> Entry:
    return f.of("certificate", f.adopted().index)


def a_certificate_that_cost_less(f: Forger) -> Entry:
    told = _certificate(f)
    told.body["cost"]["trials"] -= 1
    return told


def a_certificate_with_more_budget_left(f: Forger) -> Entry:
    told = _certificate(f)
    told.body["left"] += 0.001
    return told


def a_certificate_with_another_guard(f: Forger) -> Entry:
    told = _certificate(f)
    told.body["guards"][0]["margin"] /= 2
    return told


def a_certificate_with_a_better_correlation(f: Forger) -> Entry:
    told = _certificate(f)
    told.body["pairing"]["correlation"] = 0.999
    return told


def a_second_certificate(f: Forger) -> Entry:
    told = _certificate(f)
    f.cut(told.index + 1)
    return f.append("certificate", dict(told.body))


def a_canary_at_another_level(f: Forger) -> Entry:
    canary = f.find("canary")
    canary.body["level"] /= 2
    return canary


def a_canary_of_a_length_of_its_own(f: Forger) -> Entry:
    """Its confirmation says so beforehand: still, no adoption is watched for so few pairs."""
    canary = f.find("canary")
    adopt = f.find("adopt", lambda body: body["version"] == canary.body["version"])
    f.entries[adopt.body["confirmation"]].body["watched"] = [6, 18]
    canary.body["most"] = 18
    return canary


def a_canary_that_saw_less_against_it(f: Forger) -> Entry:
    canary = f.find("canary")
    canary.body["log_wealth"] -= 0.5
    return canary


def a_canary_that_should_have_taken_it_back(f: Forger) -> Entry:
    """Its pairs turned round speak against the change; the answer stays."""
    canary = f.find("canary")
    header, rows = f.rows(canary.body["pairs"])
    half = len(rows[0]) // 2
    canary.body["pairs"] = f.evidence(header, [row[half:] + row[:half] for row in rows])
    return canary


def a_check_that_was_not_passed(f: Forger) -> Entry:
    start = f.adopted()
    f.of("check", start.index).body |= {"passed": False, "reason": "too dear"}
    return f.of("adopt", start.index)


def a_second_check(f: Forger) -> Entry:
    """The first was not passed, the second was."""
    check = f.of("check", f.adopted().index)
    body = dict(check.body)
    check.body |= {"passed": False, "reason": "too dear"}
    f.cut(check.index + 1)
    return f.append("check", body)


def a_canary_without_pairs(f: Forger) -> Entry:
    canary = f.find("canary")
    header, rows = f.rows(canary.body["pairs"])
    canary.body |= {"pairs": f.evidence(header, rows[:0]), "log_wealth": 0.0,
                    "effect": {"kind": "unknown", "reason": "too few pairs"}}  # fmt: skip
    return canary


def no_canary_at_all(f: Forger) -> Entry:
    """The next confirmation begins although nobody watched the version before."""
    first = f.find("canary")
    later = next(e for e in f.entries if e.kind == "confirm-start" and e.index > first.index)
    body = dict(later.body)
    f.cut(first.index)
    return f.append("confirm-start", body)


def certificate_of_one_line(f: Forger) -> Entry:
    told = _certificate(f)
    told.body = {"confirmation": told.body["confirmation"]}
    return told


def nothing_is_not_covered(f: Forger) -> Entry:
    verdict = f.of("verdict", f.adopted().index)
    verdict.body["not_covered"] = []
    return verdict


def a_stronger_tier(f: Forger) -> Entry:
    verdict = f.of("verdict", f.adopted().index)
    verdict.body["layers"] = [*verdict.body["layers"], "gvisor"]
    return verdict


def results_of_another_tier(f: Forger) -> Entry:
    results = f.of("results", f.adopted().index)
    results.body["tier"] = "none"
    return results


def a_guard_begun_twice(f: Forger) -> Entry:
    begun = f.of("guard-start", f.adopted().index)
    body = {**begun.body, "number": begun.body["number"] + 1}
    f.cut(begun.index + 1)
    return f.append("guard-start", body)


def another_form(f: Forger) -> Entry:
    start = f.adopted()
    start.body["form"] = "0" * 64
    return start


def a_loss_that_was_not_named(f: Forger) -> Entry:
    start = f.adopted()
    start.body["rule"]["loss"] = 0.5
    return start


def a_test_that_proves_nothing(f: Forger) -> Entry:
    start = f.adopted()
    start.body["rule"]["test"] = "greedy"
    return start


CASES: list[Forge] = [
    a_certificate_that_cost_less, a_certificate_with_more_budget_left, a_certificate_with_another_guard,
    a_certificate_with_a_better_correlation, a_second_certificate, a_canary_at_another_level,
    a_canary_of_a_length_of_its_own,
    a_canary_that_saw_less_against_it, a_canary_that_should_have_taken_it_back, a_check_that_was_not_passed,
    a_second_check, a_canary_without_pairs, no_canary_at_all, certificate_of_one_line, nothing_is_not_covered,
    a_stronger_tier, results_of_another_tier, a_guard_begun_twice, another_form,
    a_loss_that_was_not_named, a_test_that_proves_nothing,
    k_skipped, k_used_twice, alpha_k_raised, level_raised_in_the_rule_alone, smaller_scale, no_mean_bet, wider_margin,
    smaller_span, more_pairs_than_the_preset, a_head_start, another_candidate_than_its_files, an_old_incumbent,
    turned_direction, a_draw_changed, a_pair_turned_round, a_bad_pair_left_out, results_of_another_confirmation,
    results_counted_wrongly, broken_and_certified, wealth_improved, mean_wealth_improved, lower_threshold,
    smaller_blind_spot, refused_turned_into_certified, certified_turned_into_refused, a_verdict_of_another_candidate,
    adopted_without_a_certificate, a_control_adopted, wrong_tree_hash, other_files_than_the_candidates,
    another_candidate_adopted, a_version_skipped, a_guards_gain_turned, high_water_turned,
    guard_in_the_other_direction, guard_of_another_candidate, a_larger_effect, a_narrower_interval,
    guard_turned, guard_at_another_level, guard_with_another_margin, guard_against_one_reference_only,
    a_guards_draw_changed, a_broken_guard_that_passed, adopted_after_a_broken_guard,
    guard_left_out, a_control_turned, another_epoch_key, an_epoch_out_of_order,
    a_signer_of_another_account_in_a_verdict, a_signer_that_nobody_has,
    alpha_raised_later, weights_moved_later, weights_above_one, impossible_alpha, another_first_tree,
    rollback_to_another_tree, rollback_that_hides_a_version, two_confirmations_at_a_time, a_second_verdict,
    a_field_missing, a_number_as_text, a_weight_of_nothing, a_weight_below_nothing_that_pays_for_another,
    more_pairs_from_the_start,
]  # fmt: skip


@pytest.mark.parametrize("forge", CASES, ids=lambda forge: forge.__name__)
def test_a_forged_history_is_found_at_the_leaf_that_lies(life: Any, size: int, tmp_path: Path, forge: Forge) -> None:
    result, changed = judged(life, size, tmp_path, forge)
    assert not result["ok"], "the forgery went through"
    bad = result["first_bad"]
    assert bad["index"] in {entry.index for entry in changed}, f"blamed {json.dumps(bad)}"
    assert bad["reason"] and bad["kind"] in {entry.kind for entry in changed}


def test_tiny_levels_are_compared_as_closely_as_large_ones() -> None:
    """After some adoptions on a hold-out its levels lie below any absolute tolerance."""
    assert not close(1e-13, 3e-13) and close(1e-13, 1e-13 * (1 + 1e-12))
    assert not close(1e-300, 2e-300) and not close(0.0, 1e-13)
    assert close(0.0, 1e-17) and close(-1e-17, 1e-17), "sums may cancel in another order"


@pytest.mark.parametrize("error", [ZeroDivisionError, StopIteration, AssertionError, RecursionError, struct.error])
def test_whatever_an_entry_makes_the_auditor_stumble_over_is_malformed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def stumble(*_: object) -> None:
        raise error("over this")

    birth.make(tmp_path / "p", seed=1)
    monkeypatch.setitem(auditing.CHECKS, "genesis", stumble)
    bad = audit(tmp_path / "p" / ".selfproof" / "ledger")["first_bad"]
    assert bad["index"] == 0 and bad["reason"].startswith("malformed: ")
