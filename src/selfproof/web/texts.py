"""Templates: everything is escaped, and what a program wrote cannot steer the reader's eye either."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from selfproof.viewing.rows import effect_words
from selfproof.viewing.texts import visible
from selfproof.viewing.words import METRICS, clock, duration, metric_words, reason_words
from selfproof.web.present import odds
from selfproof.web.static_files import Static

VERDICTS = {
    "certified": ("✓", "certified"),
    "uncertified": ("!", "adopted without a certificate"),
    "refused": ("✕", "refused"),
    "rolled back": ("↩", "rolled back"),
    "open": ("…", "being tested"),
    "waits": ("◷", "waits for approval"),
    "control": ("=", "control"),
}
"""What the answer to a change is called, and its sign: never by colour alone."""

DOING = {
    "searching": "looking for where it can get better",
    "racing": "trying ideas against each other",
    "raced": "tried an idea",
    "confirming": "testing a change on fresh data",
    "control confirming": "trying the test itself: a control, of which the answer is known",
    "certified": "a change has passed its test",
    "refused": "a change has not passed its test",
    "control certified": "a control has passed the test",
    "control refused": "a control has not passed the test",
    "measuring for the closing table": "measuring all of it once more, at the end of this run",
}
"""What a run does, in plain words."""


def environment(static: Static) -> Environment:
    """How pages are written. A text goes through ``visible``, then it is escaped; ``exact`` leaves out the first."""
    found = Environment(
        loader=PackageLoader("selfproof.web"), autoescape=True, undefined=StrictUndefined, finalize=_shown,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    found.globals["static"] = static.url
    found.filters |= {
        "exact": escape,
        "verdict": _verdict,
        "when": _when,
        "effect": effect_words,
        "odds": odds,
        "doing": lambda verb: DOING.get(verb, verb),
        "reason": reason_words,
        "metric": metric_words,
        "metrics": _metrics,
        "steps": _steps,
        "duration": duration,
        "clock": clock,
        "count": lambda number: f"{number:,}",
        "plain_json": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    }
    return found


def _shown(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _verdict(name: str) -> Markup:
    sign, words = VERDICTS.get(name, ("?", visible(name)))
    kind = visible(name).replace(" ", "-")
    return Markup('<span class="verdict {}"><span aria-hidden="true">{}</span> {}</span>').format(kind, sign, words)


def _metrics(text: str) -> str:
    """A sentence of ours with the names of known metrics as people say them."""
    for name, words in METRICS.items():
        text = text.replace(name, words)
    return text


def _steps(head: str) -> Markup:
    """From what to what: the arrow is read out as a word."""
    arrow = Markup('<span class="muted" aria-hidden="true">→</span><span class="unseen">to</span>')
    return Markup(" ").join(arrow if one == "→" else escape(visible(one)) for one in head.split(" "))


def _when(time: str | None) -> Markup:
    """A time of the ledger for a person; the exact one is in its title."""
    if not time:
        return Markup("")
    time = visible(time)
    return Markup('<time datetime="{}" title="{}">{} {}</time>').format(time, time, time[:10], time[11:16])
