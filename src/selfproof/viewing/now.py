"""What a run is doing at this moment, for the bottom of the live screen. Holds words, draws nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

from selfproof.nouns import Event
from selfproof.viewing.story import cost_words
from selfproof.viewing.words import at, clean, clock, count, duration, finite, items, number, reason_words

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
        """Time left in words, empty as long as that is unknown."""
        if self._deadline is None:
            return ""
        seconds = self._deadline - self._now()
        return f"{clock(seconds)} left" if seconds > 0 else "time is up"

    @property
    def name(self) -> str:
        """The program, its version, and how many changes were certified and refused in its life."""
        found = f"{self.program} v{self.version}"
        if "certified" in self._facts:
            certified, refused = (number(self._facts.get(key), 0) for key in ("certified", "refused"))
            found += f" · {certified} certified, {refused} refused"
        return found

    @property
    def facts(self) -> str:
        """Isolation, cost and error budget on one line, as far as they are known yet."""
        facts, parts = self._facts, []
        if "tier" in facts:
            parts.append(f"isolation {clean(facts['tier'], 12)}")
        if "trials" in facts:
            parts += [count(facts["trials"], "trial"), f"CPU {duration(facts.get('cpu_seconds'))}"]
        if finite(at(facts, "workers", "total")) is not None:
            busy, total = (number(at(facts, "workers", key), 0) for key in ("busy", "total"))
            parts.append(f"{busy} of {total} workers busy")
        if finite(at(facts, "models", "tokens_in")) or finite(at(facts, "models", "tokens_out")):
            parts.append(cost_words(facts["models"]))
        spent, total = at(facts, "alpha", "spent"), at(facts, "alpha", "total")
        if finite(spent) is not None:
            parts.append(f"alpha {number(spent, 4)} of {number(total, 2)} spent")
        elif finite(facts.get("alpha")) is not None:
            parts.append(f"alpha {number(facts['alpha'], 2)}")
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
        elif kind == "beat":
            self._beat(event)
        elif kind == "observe":
            self._say(event, "searching", clean(event.get("focus", ""), 120))
        elif kind == "racing":
            self._racing(event)
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
            self._say(event, "raced", clean(event.get("title", ""), 120), self.detail)
        elif kind in {"confirm", "verdict"}:
            self._confirming(event)
        elif kind == "proposer":
            self._suggesting(event)
        elif kind == "closing":
            self._say(event, "measuring for the closing table", clean(event.get("step", ""), 60))

    def _suggesting(self, event: Event) -> None:
        name, status = clean(event.get("name", "?"), 40), event.get("status")
        if status == "suggested":
            self._say(event, f"suggested by {name}", clean(event.get("title", ""), 120))
        elif status == "working":
            self._say(event, f"{name} works", clean(event.get("note", ""), 120))

    def _beat(self, event: Event) -> None:
        moved: Event = {key: event[key] for key in ("trials", "cpu_seconds", "workers") if key in event}
        self._facts = {**self._facts, **moved}
        if (left := finite(event.get("left"))) is not None:
            self._deadline = self._now() + left

    def _racing(self, event: Event) -> None:
        told, titles = count(event.get("candidates"), "candidate"), items(event, "titles")
        self._say(event, "racing", f"{told}, the first: {clean(titles[0], 80)}" if titles else told)

    def _say(self, event: Event, verb: str, what: str, detail: str = "") -> None:
        self.objective, self.verb = clean(event.get("objective", ""), 24), verb
        self.what, self.detail, self.progress = what, detail, None

    def _confirming(self, event: Event) -> None:
        """The wealth of the bet as a bar on a logarithmic scale; the line is 1 / alpha_k."""
        control = "control " if event.get("control") else ""
        pairs, title = count(event.get("pairs"), "fresh pair"), clean(event.get("title", ""), 120)
        if event.get("event") == "verdict":
            answer = control + clean(event.get("answer", "?"), 24)
            self._say(event, answer, title, f"{reason_words(event.get('reason', ''))[:80]}, {pairs}")
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
