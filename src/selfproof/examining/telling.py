"""Findings of tripwires in words, and as the ledger has them."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from selfproof.archive.state import State
from selfproof.examining.examination import LARGEST
from selfproof.oversight.tripwires import Finding

WORDS = {
    "acceleration": "{subject} is {measured:.3g} times as good as at the start",
    "improver": "an hour of CPU gains {measured:.3g} times as much as at the beginning",
    "resources": "{subject}: {measured:.3g} times the anchor's",
    "adoptions": "{measured:.0f} adoptions within an hour",
    "guards": "{measured:.0%} of the margin of guard {subject} is used up",
    "slices": "the group {subject} has lost {measured:.0%} of the margin",
    "behaviour": "{measured:.0%} of the answers on {subject} changed although they score the same",
    "policy": "{measured:.0f} edits against the policy within a day",
    "predictions": "{measured:.0f} predictions in a row were wrong",
    "must_fail": "{measured:.0f} done of what must fail: {subject}",
    "novelty": "{measured:.0f} things that no version before used: {subject}",
    "probes": "{measured:.0f} attacks got out with the adopted code loaded: {subject}",
}

BEYOND = {
    "acceleration": "{subject} is better than at the start beyond any ratio: one of the two scores is 0",
    "improver": "an hour of CPU gains more than at the beginning beyond any ratio: it gained nothing then",
    "resources": "{subject}: beyond any ratio of the anchor's",
}
"""What is said of a ratio that is as large as an examination tells them."""


def in_words(finding: Finding) -> str:
    """One finding in a sentence."""
    if math.isnan(finding.measured):
        return f"{finding.name} of {finding.subject} could not be measured"
    words = BEYOND if finding.measured >= LARGEST and finding.name in BEYOND else WORDS
    return words[finding.name].format(subject=finding.subject, measured=finding.measured)


def as_entry(state: State, finding: Finding) -> dict[str, Any]:
    """A finding as its entry and its event have it; a number that is none is null."""
    told = finding.measured if math.isfinite(finding.measured) else None
    return {**asdict(finding), "measured": told, "words": in_words(finding), "version": state.current}
