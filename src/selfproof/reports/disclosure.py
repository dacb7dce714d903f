"""What of an entry may be published by someone who does not publish the program: kinds, fields and forms, closed lists.

An entry is shown whole or not at all, for only whole does it hash to its leaf. So it is shown only if every text in it
has a form in which no code, no title and no stranger's words can be: a hash, a time, a name of an objective, one of our
own sentences. A field that is not known is no reason to hide an entry while it holds numbers, and always while it holds
a text. What is not shown is known by its leaf hash alone.

Does not protect against: names. Objectives, metrics, guards, pools and the function that a timed claim is about are
named in verdicts; an owner to whom these are secrets publishes nothing but the checkpoint.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from selfproof.ledger import Leaf
from selfproof.line import certificates

LEVELS = ("commitments", "evidence", "code")
SHOWN = frozenset({
    "verdict", "certificate", "canary", "control", "guard-start", "guard", "check", "results", "decision",
    "seed-commit", "seed-reveal", "halt",
})  # fmt: skip
"""Kinds that are shown if their texts allow it. Candidates, files, titles, approvals and charters are in others."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,59}")
_SHA = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-f]{16,64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
_KEY = re.compile(r"[a-z][a-z_]{0,30}|[0-9]{1,9}|[A-Za-z0-9][A-Za-z0-9_-]{0,59}|\$blob")
_LAYER = re.compile(r"[a-z0-9]+(:[a-z0-9.]+)?")
_NAMED = r"[\w.+-]{1,60}"
_CLAIM = re.compile(
    rf"on (?:fresh samples|samples like those of the hold-out|all \d+ samples) of {_NAMED}(?: together)? this version "
    rf"has (?:typically )?(?:less|more) {_NAMED} than the version before it"
    r"|on fresh inputs [\w./-]{1,80}:[\w.]{1,80} gives equal outputs in less time than the version before it"
)
_BLIND = re.compile(r"losses in fewer than \d{1,3}\.\d% of runs")
_WHY = re.compile(
    r"it is better on \d{1,3}% of single draws, yet \d+\.\d+ [\w.+-]{1,60} (?:worse|better) on average"
    r"|no difference to be found in \d+ pairs|\d+ pairs were taken for a gain where there is none"
    r"|a known gain of -?\d+\.\d+ (?:in the log of the time|[\w.+-]{1,60}) was (?:not )?found in \d+ pairs"
)
_SAMPLES = re.compile(r"better on the whole population, but \d+ of \d+ samples lose too much")
SENTENCES = frozenset({
    *certificates.ASSUMES, *certificates.HOLDOUT, *certificates.SHARES, *certificates.SINGLE_LOSSES, certificates.EXACT,
    certificates.JOINT, certificates.UNISOLATED, "anything but these samples",
    "the bet reached its line", "all bets reached their line", "no sign of a gain worth waiting for",
    "not shown within the pairs allowed", "the bound is not reached yet", "not every sample has been run twice",
    "better in the typical case, but a loss in the mean is not excluded",
    "better in the typical case, but large losses may not be rare enough",
    "better in the typical case, but a loss in the mean is not excluded and large losses may not be rare enough",
    "a sample's result did not repeat, so that nothing here is exact", "not better on the whole population",
    "better on the whole population, twice with the same results", "a control experiment is never adopted",
    "fresh pairs show that it is worse", "too few pairs", "the whole population",
    "the pairs that certified it, which flatter it", "random, committed before use", "operator-chosen", "own account",
    "same account", "stop file", "rolled back", "fresh for each pair", "",
})  # fmt: skip
"""Texts of our own, word for word: nothing of a program's can be in them."""

FREE = {"claim": _CLAIM, "why": _WHY, "reason": _SAMPLES, "not_covered": _BLIND, "layers": _LAYER}
"""Fields whose texts have a form of their own beside the sentences above."""
NAMES = frozenset({
    "objective", "guard", "name", "answer", "expected", "decision", "verdict", "step", "tier", "test", "better", "kind",
    "split", "corpus", "strategy", "decided_because", "by",
})  # fmt: skip
"""Fields that hold a short name: letters, digits and a few signs, no space."""


def shown(leaf: Leaf) -> bool:
    """Whether the whole of an entry may be published."""
    return leaf.kind in SHOWN and no_subject(leaf.raw) and fits("", leaf.body)


def no_subject(raw: bytes) -> bool:
    """Whether a statement is about nothing but trees and hashes, and has no field that is not looked at here."""
    told = json.loads(raw)
    named = {"_type", "predicate", "predicateType", "subject"} >= set(told)
    return named and all(_NAME.fullmatch(one["name"]) and set(one) == {"name", "digest"} for one in told["subject"])


def fits(field: str, value: Any) -> bool:
    """Whether a value may be shown under this field's name."""
    if value is None or isinstance(value, bool | int | float):
        return True
    if isinstance(value, list | tuple):
        return all(fits(field, one) for one in value)
    if isinstance(value, Mapping):
        if field == "pool":
            return all(_KEY.fullmatch(key) and _of_pool(one) for key, one in value.items())
        if field == "granted" and any(value.values()):
            return False  # lines of grants name folders and hosts
        return all(
            _KEY.fullmatch(key) and fits(key if key.isidentifier() else field, one) for key, one in value.items()
        )
    if not isinstance(value, str):
        return False
    if value in SENTENCES or _SHA.fullmatch(value) or _TIME.fullmatch(value):
        return True
    if field in NAMES and _NAME.fullmatch(value):
        return True
    if field in {"commitment", "key"} and _HEX.fullmatch(value):
        return True
    return field in FREE and FREE[field].fullmatch(value) is not None


def _of_pool(value: Any) -> bool:
    """What a task says of its samples: numbers, hashes, short names."""
    if isinstance(value, list | tuple):
        return all(map(_of_pool, value))
    return fits("pool", value) or (isinstance(value, str) and _NAME.fullmatch(value) is not None)


def numbers_only(header: Mapping[str, Any]) -> bool:
    """Whether the header of a blob of rows holds nothing but numbers, hashes and short names."""
    return fits("", header)


def blobs_of(leaf: Leaf) -> list[str]:
    """The blobs of rows that an entry refers to."""
    told = leaf.body.get("pairs"), *leaf.body.get("references", {}).values()
    return [one["$blob"] for one in told if isinstance(one, Mapping) and set(one) == {"$blob"}]
