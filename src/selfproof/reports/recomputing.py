"""What entries that are shown say must follow from each other, and from the pairs where those are published.

It uses no charter and no candidate, since neither is published. What each part rests on is said where it is less than
an auditor with the bundle has: shares of alpha are inferred, and rules come from the verdicts that they led to.

Does not protect against: what only entries that are not shown could contradict.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from selfproof.archive.evidence import unpack
from selfproof.archive.state import EXPECTED
from selfproof.audit.comparing import close, same
from selfproof.certify import guards as guarding
from selfproof.certify.canary import canary_level, judge_canary
from selfproof.certify.judging import gate_for
from selfproof.certify.pairs import pair_of, quality_pair
from selfproof.certify.recorded import effect_of
from selfproof.certify.spending import gamma
from selfproof.certify.terms import Rule
from selfproof.ledger import LedgerBroken
from selfproof.ledger.statement import Statement

Rows = list[tuple[float, ...]]
Source = Callable[[str], bytes]
ENDLESS = 1 << 30


class Result(Protocol):
    """Where findings go."""

    wrong: list[str]
    not_checked: list[str]
    improvements: list[dict[str, Any]]

    def count(self, what: str) -> None: ...  # noqa: D102


class Unfounded(Exception):
    """An entry says what does not follow."""


def blobs_of(one: Statement) -> list[str]:
    """The blobs of rows that an entry refers to."""
    told = one.body.get("pairs"), *(one.body.get("references") or {}).values()
    return [ref["$blob"] for ref in told if isinstance(ref, dict) and set(ref) == {"$blob"}]


def recompute(entries: dict[int, Statement], blobs: Source | None, result: Result) -> None:
    """Check all entries that are shown; ``blobs`` gives rows, None where they are not published."""
    known = _Known(entries, blobs)
    for index, one in entries.items():
        rule = RULES.get(one.kind)
        if rule is None:
            continue
        try:
            for what in rule(known, index, one.body):
                result.count(what)
        except (Unfounded, LedgerBroken) as error:
            result.wrong.append(f"entry {index} ({one.kind}): {error}")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, ZeroDivisionError) as error:
            result.wrong.append(f"entry {index} ({one.kind}) is malformed: {type(error).__name__} {error}")
    try:
        _budget(known, result)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        result.wrong.append(f"levels are malformed: {type(error).__name__} {error}")
    result.improvements += [_told(index, one.body) for index, one in entries.items()
                            if one.kind == "certificate" and one.body.get("version") is not None]  # fmt: skip


class _Known:
    """Entries by what they are about."""

    def __init__(self, entries: dict[int, Statement], blobs: Source | None) -> None:
        self.blobs = blobs
        self.results: dict[int, list[dict[str, Any]]] = {}
        self.verdicts: dict[int, dict[str, Any]] = {}
        self.certificates: dict[int, dict[str, Any]] = {}
        self.controls = {one.body["confirmation"] for one in entries.values() if one.kind == "control"}
        self.guards: dict[int, list[dict[str, Any]]] = {}
        self.canaries: dict[int, dict[str, Any]] = {}
        for one in entries.values():
            if one.kind == "results":
                self.results.setdefault(one.body["confirmation"], []).append(one.body)
            elif one.kind == "guard":
                self.guards.setdefault(one.body["confirmation"], []).append(one.body)
            elif one.kind == "verdict":
                self.verdicts[one.body["confirmation"]] = one.body
            elif one.kind == "certificate":
                self.certificates[one.body["confirmation"]] = one.body
            elif one.kind == "canary":
                self.canaries[one.body["version"]] = one.body

    def rows(self, reference: dict[str, str]) -> Rows:
        """The rows of a blob that is published."""
        assert self.blobs is not None
        return unpack(self.blobs(reference["$blob"]))[1]


def _must(condition: bool, reason: str) -> None:
    if not condition:
        raise Unfounded(reason)


def _kind(verdict: dict[str, Any]) -> tuple[str, str]:
    """(kind, better) of a confirmation, from its claim."""
    if verdict["claim"].startswith("on fresh inputs "):
        return "speed", "lower"
    return "quality", "lower" if " less " in verdict["claim"] else "higher"


def _verdict(known: _Known, index: int, body: dict[str, Any]) -> list[str]:
    del index
    found = []
    if body["alpha_k"]:
        _must(close(body["log_threshold"], -math.log(body["alpha_k"])), "its line is not 1/alpha_k")
        found.append("lines of verdicts, from their alpha_k")
    if body["answer"] == "certified" and body["test"] == "bet":
        wealth = [body["log_wealth"], body["log_mean_wealth"], body["log_loss_wealth"]]
        _must(all(one >= body["log_threshold"] for one in wealth if one is not None), "certified below its line")
        found.append("certified verdicts reach their line")
    results = known.results.get(body["confirmation"], [])
    if known.blobs is None or body["test"] != "bet" or sum(one["n"] for one in results) != body["pairs"]:
        return found
    kind, better = _kind(body)
    gate = gate_for(Rule(body["alpha_k"], body["scale"], ENDLESS, body["minimum"], body["margin"], body["span"]))
    for one in results:
        for row in known.rows(one["pairs"]):
            gate.add(pair_of(kind, better, row))
    told = gate.verdict
    _must(close(told.log_wealth, body["log_wealth"]), "its wealth does not follow from the pairs")
    _must(close(told.log_mean_wealth, body["log_mean_wealth"]), "its mean bet does not follow from the pairs")
    return [*found, "bets of verdicts, from the recorded pairs"]


def _certificate(known: _Known, index: int, body: dict[str, Any]) -> list[str]:
    del index
    verdict = known.verdicts.get(body["confirmation"])
    found = []
    if verdict is not None:
        for key in ("answer", "alpha_k", "k", "pairs", "log_wealth", "log_threshold", "candidate", "claim"):
            _must(same(body[key], verdict[key]), f"its {key} is not its verdict's")
        found.append("certificates agree with their verdicts")
    canary = known.canaries.get(body["version"]) if body["version"] is not None else None
    if canary is not None:
        _must(same(body["effect"], canary["effect"]), "its effect is not the canary's")
    if body["decision"] == "adopted":
        _must(body["answer"] in {"certified", "uncertified"}, "adopted without a certificate")
        _must(all(guard["passed"] for guard in body["guards"]), "adopted although a guard did not pass")
        found.append("adoptions have a certificate, and their guards passed")
    return found


def _guard(known: _Known, index: int, body: dict[str, Any]) -> list[str]:
    del index
    if body["level"] == 0:
        return []
    _must(close(body["level"], guarding.guard_level(body["number"])), "a guard's level is not what its number gives")
    if known.blobs is None:
        return ["levels of guards, from their numbers"]
    passes, better = True, False
    for _, blob in sorted(body["references"].items(), key=lambda one: int(one[0])):
        blocks = [quality_pair(row, body["better"]).parts for row in known.rows(blob)]
        told = guarding.judge_guard(blocks, margin=body["margin"], span=body["span"], level=body["level"])
        passes, better = passes and told.passed, told.better
    held = body.get("broken") is None
    _must(
        (body["passed"], body["is_better"]) == (passes and held, better and held), "it does not follow from its draws"
    )
    return ["levels of guards, from their numbers", "guards, from their recorded draws"]


def _canary(known: _Known, index: int, body: dict[str, Any]) -> list[str]:
    del index
    if body["most"] == 0:  # a finite pool has no fresh pairs
        return []
    _must(close(body["level"], canary_level(body["version"])), "its level is not what its adoption gives")
    found = ["levels of canaries, from their versions"]
    of = [one for one in known.certificates.values() if one["version"] == body["version"]]
    if known.blobs is None or not of:
        return found
    kind, better = _kind(of[0])
    rows = known.rows(body["pairs"])
    ys = [pair_of(kind, better, row).y for row in rows]
    answer, wealth = judge_canary(ys, of[0]["scale"], body["level"], body["most"])
    _must(close(wealth, body["log_wealth"]), "its wealth does not follow from its pairs")
    _must(body["answer"] == ("rollback" if body["broken"] else answer), "its answer does not follow from its pairs")
    span = None if of[0]["margin"] is None else of[0]["span"]
    _must(
        same(effect_of(kind, better, rows, span, body["broken"]), body["effect"]), "the effect is not that of its pairs"
    )
    return [*found, "canaries and effects, from their recorded pairs"]


def _control(known: _Known, index: int, body: dict[str, Any]) -> list[str]:
    del index
    expected = EXPECTED.get(body["name"])
    _must(body["expected"] == expected, "a control with another expectation")
    verdict = known.verdicts.get(body["confirmation"])
    _must(verdict is None or verdict["answer"] == body["answer"], "a control's answer is not its verdict's")
    if expected is not None:
        _must(body["answer"] == expected, f"control {body['name']} came out {body['answer']}: no certificate holds")
    return ["controls came out as they must"]


def _budget(known: _Known, result: Result) -> None:
    """Every level that was spent, by number: none is missing, none is doubled, together they stay within alpha."""
    told = [one for one in known.certificates.values() if "spent" in one]
    by: dict[str, dict[int, float]] = {}
    for confirmation, body in known.verdicts.items():
        if confirmation in known.controls:
            continue
        levels = by.setdefault(body["objective"], {})
        if body["k"] in levels:
            result.wrong.append(f"two verdicts of {body['objective']} have the number {body['k']}")
        levels[body["k"]] = body["alpha_k"]
    if not told:
        result.not_checked.append("how much alpha there is: no certificate is shown")
        return
    alpha = told[-1]["spent"] + told[-1]["left"]
    if any(not close(one["spent"] + one["left"], alpha) for one in told):
        result.not_checked.append(
            "alpha was changed during this life, or an objective was added; budgets are not compared"
        )
    spent = math.fsum(level for levels in by.values() for level in levels.values())
    if spent > alpha * (1 + 1e-9):
        result.wrong.append(f"verdicts spend {spent:.4g}, more than alpha = {alpha:.4g}")
        return
    result.count("levels of all verdicts that are shown stay within alpha")
    for name, levels in sorted(by.items()):
        missing = sorted(set(range(1, max(levels) + 1)) - set(levels))
        if missing:
            result.not_checked.append(f"{name}: verdicts {', '.join(map(str, missing))} are not shown, or were cut off")
        shares = [level / (alpha * gamma(k)) for k, level in levels.items() if level]
        if len(shares) == 1:
            result.not_checked.append(f"{name}: its share of alpha; there is one level, and nothing to compare it with")
        elif shares and max(shares) - min(shares) <= 1e-9 * max(shares):
            result.count("levels follow from their numbers, with one share of alpha for each objective")
        elif shares:
            result.not_checked.append(f"{name}: its levels have no common share (mode fdr, or a finite hold-out)")


def _told(index: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"entry": index, "version": body["version"], "claim": body["claim"], "answer": body["answer"],
            "decision": body["decision"], "effect": body["effect"], "alpha_k": body["alpha_k"],
            "guards": [{key: one[key] for key in ("guard", "passed", "margin")} for one in body["guards"]],
            "tier": body["tier"], "seeds": body["seeds"]}  # fmt: skip


RULES: dict[str, Callable[[_Known, int, dict[str, Any]], list[str]]] = {
    "verdict": _verdict, "certificate": _certificate, "guard": _guard, "canary": _canary, "control": _control,
}  # fmt: skip
