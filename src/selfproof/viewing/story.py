"""A run as a person would tell it: events in, lines worth keeping out.

Both the live screen's history and the plain view print these lines. Races are many and mostly lead nowhere, so they
are gathered into one ``searched`` line; everything that was confirmed, refused or checked has a line of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from selfproof.nouns import Event
from selfproof.viewing.words import clean, count, duration, effect_words, finite, items, mapping, number

SIGNS = {
    "certified": "✓",
    "refused": "✗",
    "control": "◇",
    "searched": "·",
    "WRONG": "!",
    "UNPROVED": "!",
    "undone": "<",
    "waits": "~",
    "tripwire": "!",
    "signed": "✓",
}
CONTROLS = {"fake_gain": "fake gain", "planted_gain": "planted gain", "aa": "A/A"}


@dataclass(frozen=True)
class Line:
    """One line of the history: a word that says what happened, to what, and the rest; ``title`` names a change."""

    word: str
    subject: str
    told: str
    title: str = ""

    @property
    def sign(self) -> str:
        """The sign that goes with the word."""
        return SIGNS.get(self.word, "▸")


class Tally:
    """What racing has come to since it was last told."""

    def __init__(self) -> None:
        self._races: dict[str, tuple[int, int, Event]] = {}
        self._screened = 0
        self._why = ""
        self._asked: dict[str, tuple[int, Event]] = {}

    def suggested(self, event: Event) -> None:
        """Count a suggestion of a model or an agent; the event says what all of its cost so far."""
        name = clean(event.get("name", "?"), 40)
        self._asked[name] = (self._asked.get(name, (0, event))[0] + 1, event)

    def race(self, event: Event) -> None:
        """Count a batch."""
        name = clean(event.get("objective", "?"), 24)
        tried, kept, _ = self._races.get(name, (0, 0, event))
        more, stay = finite(event.get("candidates")) or 0, finite(event.get("kept")) or 0
        self._races[name] = (tried + int(more), kept + int(stay), event)

    def screened(self, event: Event) -> None:
        """Count an edit that the rules forbade, and remember why."""
        self._screened += 1
        self._why = clean(event.get("reason", ""), 60)

    def told(self) -> str:
        """One sentence, empty if nothing happened; starts counting anew."""
        parts = [
            f"{name} {count(tried, 'candidate')}, {kept} kept{_best(event)}"
            for name, (tried, kept, event) in self._races.items()
        ]
        if self._screened:
            parts.append(f"{self._screened} against the rules ({self._why})")
        parts += [
            f"{name} {count(many, 'suggestion')}, {cost_words(event)}" for name, (many, event) in self._asked.items()
        ]
        self._races, self._screened, self._asked = {}, 0, {}
        return "; ".join(parts)


def cost_words(event: Event) -> str:
    """Tokens and money that were spent so far."""
    tokens = (finite(event.get("tokens_in")) or 0) + (finite(event.get("tokens_out")) or 0)
    dollars = finite(event.get("dollars")) or 0.0
    return f"{tokens:,.0f} tokens and ${dollars:.4f} so far"


def _best(event: Event) -> str:
    best, now = finite(event.get("best")), finite(event.get("incumbent"))
    if best is None:
        return ""
    return f", best {best:.4f}" + (f" (program {now:.4f})" if now is not None else "")


class Story:
    """Tells a run. ``pause`` is how many seconds must lie between two ``searched`` lines; None keeps them back until
    something is confirmed."""

    def __init__(self, pause: float | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._pause = pause
        self._now = now
        self._began = now()
        self._last = self._began
        self._tally = Tally()
        self._new = False

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self._now() - self._began

    def tell(self, event: Event) -> list[Line]:
        """The lines that an event adds to the history."""
        teller: Callable[[Event], list[Line]] | None = getattr(self, f"_on_{event.get('event')}", None)
        return teller(event) if teller else []

    def _searched(self) -> list[Line]:
        told = self._tally.told()
        self._last = self._now()
        return [Line("searched", "", told)] if told else []

    def _on_init(self, event: Event) -> list[Line]:
        self._new = True
        return [Line("made", "", f"a new program in {clean(event.get('folder', '?'))}")]

    def _on_start(self, event: Event) -> list[Line]:
        told = (
            f"program {clean(event.get('program', '?'), 24)}, version {number(event.get('version'), 0)}, "
            f"for {duration(event.get('seconds'))}"
        )
        layers = ", ".join(clean(layer, 24) for layer in items(event, "layers")) or "no layers"
        lines = [Line("started", "", told), Line("isolation", "", f"{clean(event.get('tier', '?'), 24)} ({layers})")]
        if event.get("seeds") == "operator-chosen":
            lines.append(Line("seeds", "", "chosen by the operator; every certificate says so"))
        if event.get("strategy", "default") != "default":
            lines.append(Line("strategy", "", f"{clean(event['strategy'], 24)}, not the default"))
        if not self._new:
            lines += [
                Line("finished", "", f"{clean(x)}, left open by the run before") for x in items(event, "finished")
            ]
        return lines

    def _on_race(self, event: Event) -> list[Line]:
        self._tally.race(event)
        if self._pause is None or self._now() - self._last < max(self._pause, self.elapsed / 50):
            return []
        return self._searched()

    def _on_proposer(self, event: Event) -> list[Line]:
        if event.get("status") == "suggested":
            self._tally.suggested(event)
            return []
        if event.get("status") == "working":
            note = clean(event.get("note", ""), 160)
            told = note.startswith("not isolated")  # of an agent: who reads no more than this must know it
            return [Line("note", clean(event.get("name", "?"), 40), note)] if told else []
        gone = ", and is not asked again" if event.get("gone") else ""
        return [Line("silent", clean(event.get("name", "?"), 40), clean(event.get("reason", "?"), 160) + gone)]

    def _on_experience(self, event: Event) -> list[Line]:
        return [Line("note", "", clean(event.get("problem", "?"), 240))]

    def _on_archive(self, event: Event) -> list[Line]:
        if event.get("state") == "lost":
            return [
                Line("note", "archive", f"lost, and the run goes on alone: {clean(event.get('problem', '?'), 160)}")
            ]
        return [Line("note", "archive", "is back, and has what it missed from the ledger")]

    def _on_improver(self, event: Event) -> list[Line]:
        version, asked = number(event.get("version"), 0), number(event.get("asked"), 0)
        if version == asked:
            return [Line("improver", f"v{version}", "its own improver works again, or is another one, and is asked")]
        why = clean(event.get("reason", "?"), 120)
        return [Line("improver", f"v{version}", f"is broken; that of v{asked} is asked in its place: {why}")]

    def _on_screened(self, event: Event) -> list[Line]:
        self._tally.screened(event)
        return []

    def _on_confirm(self, event: Event) -> list[Line]:
        return [] if event.get("pairs") else self._searched()

    def _on_retired(self, event: Event) -> list[Line]:
        return [Line("retired", clean(event.get("objective", "?"), 24), clean(event.get("reason", "?"), 80))]

    def _on_resumed(self, event: Event) -> list[Line]:
        return [Line("resumed", "", clean(event.get("how", "")), clean(event.get("title", "")))]

    def _on_paused(self, event: Event) -> list[Line]:
        why = clean(event.get("reason", ""), 160)
        return [Line("paused", clean(event.get("by", "?"), 80), why or "until `selfproof resume`")]

    def _on_unpaused(self, event: Event) -> list[Line]:
        del event
        return [Line("resumed", "", "the pause is over; its time does not count")]

    def _on_budget(self, event: Event) -> list[Line]:
        used, limit = (number(event.get(key), 3) for key in ("used", "limit"))
        advice = clean(event.get("advice", ""), 160)
        return [Line("budget", clean(event.get("ceiling", "?"), 24), f"{used} of {limit} is used. {advice}".strip())]

    def _on_decision(self, event: Event) -> list[Line]:
        name, title = clean(event.get("objective", "?"), 24), clean(event.get("title", "")) or "(no title)"
        pairs = count(event.get("pairs"), "pair")
        if event.get("verdict") == "adopted":
            effect = effect_words(event.get("effect"), event.get("metric"))
            subject = f"{name} v{number(event.get('version'), 0)}"
            word = "UNPROVED" if event.get("answer") == "uncertified" else "certified"
            return [Line(word, subject, f"{effect}, {pairs}", title)]
        if event.get("verdict") == "waits":
            return [Line("waits", name, f"certified after {pairs}; approvers have to sign it: selfproof review", title)]
        return [Line("refused", name, f"{clean(event.get('reason', '?'), 80)}, after {pairs}", title)]

    def _on_approval(self, event: Event) -> list[Line]:
        if not event.get("taken"):
            return [Line("note", "approval", clean(event.get("reason", "?"), 160))]
        told = clean(event.get("decision", "?"), 24)
        return [Line("signed", f"change {number(event.get('id'), 0)}", f"{told}: {clean(event.get('by', '?'), 80)}")]

    def _on_rollback(self, event: Event) -> list[Line]:
        subject = f"{clean(event.get('objective', '?'), 24)} v{number(event.get('version'), 0)}"
        back = f"back to version {number(event.get('to'), 0)}: {clean(event.get('reason', '?'), 80)}"
        return [Line("undone", subject, back, clean(event.get("title", "")))]

    def _on_tripwire(self, event: Event) -> list[Line]:
        answer = clean(event.get("answer", "?"), 8)
        follows = {"ask": "; certified changes wait for approvers", "halt": "; the run stops: selfproof resume"}
        told = f"{answer}: {clean(event.get('words', '?'), 160)}{follows.get(answer, '')}"
        return [Line("tripwire", clean(event.get("name", "?"), 24), told)]

    def _on_control(self, event: Event) -> list[Line]:
        return [control_line(event.get("name"), event.get("answer"), event.get("expected"), event.get("why"))]

    def _on_closing(self, event: Event) -> list[Line]:
        return self._searched()

    def _on_failed(self, event: Event) -> list[Line]:
        return [*self._searched(), Line("failed", "", clean(event.get("problem", "?"), 240))]

    def _on_monitoring(self, event: Event) -> list[Line]:
        return [Line("note", clean(event.get("sink", "?"), 24), clean(event.get("problem", "?"), 240))]

    def _on_summary(self, event: Event) -> list[Line]:
        return self._searched()


def control_line(name: Any, answer: Any, expected: Any, why: Any) -> Line:
    """How a control came out, and why in one sentence."""
    called = {**CONTROLS, "power": "small gain", "placebo": "placebo"}.get(str(name), clean(name, 24))
    if answer is None or answer == "not_run":
        return Line("control", called, f"not run: {clean(why, 160) if why else 'the run was too short for it'}")
    word, right = clean(answer, 24), expected is None or expected == answer
    must = "as it must be" if right else f"it must be {clean(expected, 24)}"
    if name in ("power", "placebo"):
        must = "which is measured, not required"
    reason = f": {clean(why, 160)}" if why else ""
    return Line("control" if right else "WRONG", called, f"{word}, {must}{reason}")


def controls_of(summary: Event) -> list[Line]:
    """The controls in the summary, in the order in which it names them."""
    expected = {"fake_gain": "refused", "planted_gain": "certified", "aa": "refused"}
    answers, words = mapping(summary, "controls"), mapping(summary, "control_words")
    return [control_line(n, answers.get(n), expected.get(n), words.get(n)) for n in (answers or expected)]
