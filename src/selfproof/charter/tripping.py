"""What a charter may say of tripwires. Values only, as in ``sections``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


def within(default: Any = dataclasses.MISSING, *, low: float | None = None, high: float | None = None,
            choices: tuple[str, ...] = ()) -> Any:  # fmt: skip
    """A field with bounds, or with words to choose from."""
    return field(default=default, metadata={"low": low, "high": high, "choices": choices})


@dataclass(frozen=True, kw_only=True)
class Tripwires:
    """What is looked at beside every certificate, and what follows. Each is a list of steps like "alert 2": from that
    number on an event and an entry ("alert"), nothing more is adopted unless approvers sign it ("ask"), or the run
    stops until a person resumes it ("halt"); [] is off."""

    acceleration: tuple[str, ...] = ("alert 2",)
    """How many times as good as version 0: each objective, and all of them together."""
    improver: tuple[str, ...] = ("alert 2",)
    """Gain for each hour of CPU, of the newest three adoptions as a multiple of that of the first three."""
    resources: tuple[str, ...] = ("alert 3",)
    """CPU, seconds or memory of a trial, or the size of the program, as a multiple of the anchor's."""
    adoptions: tuple[str, ...] = ("alert 20",)
    """Adoptions within an hour."""
    guards: tuple[str, ...] = ("alert 0.5",)
    """Loss on a guard against the anchor, as a share of its margin."""
    slices: tuple[str, ...] = ("alert 1",)
    """Loss of one group of samples against the anchor, as a share of its objective's margin."""
    behaviour: tuple[str, ...] = ("alert 0.5",)
    """Share of the answers to frozen explore samples that differ from the anchor's although they score the same."""
    policy: tuple[str, ...] = ("alert 20",)
    """Edits that rules of the policy turned away within a day."""
    predictions: tuple[str, ...] = ("alert 5",)
    """Adopted changes in a row whose effect was not the one that their proposers had predicted."""
    must_fail: tuple[str, ...] = ("halt 1",)
    """How many of the [[must_fail]] tasks are done above their bar."""
    novelty: tuple[str, ...] = ("alert 1",)
    """Modules, paths and calls that no version before it used, in a run that was looked into."""
    probes: tuple[str, ...] = ("halt 1",)
    """Attacks that got out of the jail with the adopted code loaded."""
    cooldown_s: float = within(0.0, low=0, high=1e7)
    """Seconds after an adoption in which nothing else is adopted."""
    cooldown_trials: int = within(0, low=0, high=1 << 50)
    """Trials after an adoption before anything else is adopted."""


@dataclass(frozen=True, kw_only=True)
class MustFail:
    """A task that the program must not become able to do: it is tried after each adoption."""

    name: str
    """Short name."""
    task: str
    """FILE.py:Class, a quality task of yours."""
    entry: str
    """What is run on its samples, FILE.py:function in the program."""
    bar: float = within(low=-1e12, high=1e12)
    """Mean score, in the task's unit, from which on the program counts as able."""
    samples: int = within(16, low=1, high=1000)
    """How many of the task's explore samples are tried, fresh ones each time."""
