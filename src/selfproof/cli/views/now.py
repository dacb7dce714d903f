"""What a run is doing at this moment, for the bottom of the live screen. Holds words, draws nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

from selfproof.cli.views.words import clean, clock, count, duration, finite, number
from selfproof.nouns import Event

OUTCOMES = {"slow": "not faster", "unequal": "answers differ", "raced": "kept for now"}


class Now:
    """The last word on everything that the bottom lines show; ``now`` is a clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._deadline: float | None = None
        self._facts: Event = {}
        self.program, self.version = "", "?"
        self.objective, self.verb, self.what, self.detail = "", "starting", "", ""
        self.progress: float | None = None

    @property
    def left(self) -> str:
        """Time left as ``m:ss``, empty as long as that is unknown."""
        return "" if self._deadline is None else clock(self._deadline - self._now())

    @property
    def facts(self) -> str:
        """Isolation, cost and error budget on one line."""
        facts = self._facts
        if not facts:
            return ""
        spent, total = finite(facts.get("alpha_spent")), number(facts.get("alpha"), 2)
        parts = [
            clean(facts.get("tier", "?"), 12),
            count(facts.get("trials", 0), "trial"),
            f"CPU {duration(facts.get('cpu_seconds', 0))}",
            f"alpha {total if spent is None else f'{spent:.4f} of {total}'}",
            f"{number(facts.get('certified', 0), 0)} certified, {number(facts.get('refused', 0), 0)} refused",
        ]
        return " · ".join(parts)

    def take(self, event: Event) -> None:
        """Note what an event says about the present."""
        kind = event.get("event")
        if kind in {"start", "status"}:
            self._facts = {**self._facts, **event}
            self.version = number(event.get("version"), 0)
        if kind == "start":
            self.program = clean(event.get("program", "?"))[:8]
            seconds = finite(event.get("seconds"))
            self._deadline = None if seconds is None else self._now() + seconds
        elif kind == "observe":
            self._say(event, "searching", clean(event.get("focus", ""), 120))
        elif kind == "race":
            best, now = finite(event.get("best")), finite(event.get("incumbent"))
            told = f"{count(event.get('candidates'), 'candidate')} raced, {number(event.get('kept'), 0)} kept"
            if best is not None and now is not None:
                told += f", best {best:.4f} against {now:.4f} of the program"
            self.detail = told
        elif kind == "candidate":
            speed = finite(event.get("speedup"))
            outcome = clean(event.get("outcome", "?"), 24)
            self.detail = OUTCOMES.get(outcome, outcome) + (f", {speed:.2f}× as fast" if speed is not None else "")
            self._say(event, "racing", clean(event.get("title", ""), 120), self.detail)
        elif kind in {"confirm", "verdict"}:
            self._confirming(event)
        elif kind == "closing":
            self._say(event, "measuring for the closing table", clean(event.get("step", ""), 60))

    def _say(self, event: Event, verb: str, what: str, detail: str = "") -> None:
        self.objective, self.verb = clean(event.get("objective", ""), 24), verb
        self.what, self.detail, self.progress = what, detail, None

    def _confirming(self, event: Event) -> None:
        """The wealth of the bet as a bar on a logarithmic scale; the line is 1 / alpha_k."""
        control = "control " if event.get("control") else ""
        pairs, title = count(event.get("pairs"), "fresh pair"), clean(event.get("title", ""), 120)
        if event.get("event") == "verdict":
            answer = control + clean(event.get("answer", "?"), 24)
            self._say(event, answer, title, f"{clean(event.get('reason', ''), 80)}, {pairs}")
            return
        wealth, line = finite(event.get("log_wealth")), finite(event.get("log_threshold"))
        self._say(event, f"{control}confirming", title, pairs)
        if wealth is None or line is None or line <= 0:
            return
        self.progress = min(1.0, max(0.0, wealth / line))
        self.detail = f"{pairs}, evidence {_odds(wealth)} of {_odds(line)} needed"
        if wealth >= line and event.get("answer") == "undecided":
            self.detail = f"{pairs}, waiting for the bet on the mean"


def _odds(log: float) -> str:
    """A wealth from its logarithm, short."""
    value = math.exp(min(log, 700.0))
    return f"{value:,.2f}" if value < 10 else f"{value:,.0f}" if value < 1e6 else f"{value:.1e}"
