"""A model's whole reply as a suggestion: its edits, its title, and what it says they are good for.

    <prediction>
    title: keep the counts in a list
    metric: bits_per_char
    gain: 0.05
    risk: slower on short texts
    </prediction>

The statement decides nothing; it is held against what is measured. A gain that is not a number above 0 (for speed a
ratio above 1), or of another metric, is no prediction.
"""

from __future__ import annotations

import math
import re

from selfproof.propose import blocks
from selfproof.propose.brief import Brief, ProposerFailed, Spent, Suggestion

LONGEST_WORDS = 200
_LARGEST_GAIN = 1e9
_LONGEST_SECTION = 20_000
_FIELD = re.compile(r"^\W*(title|metric|gain|risk)\W*?[:=](.*)$", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(?:e[+-]?\d{1,3})?", re.IGNORECASE)


def suggestion(reply: str, brief: Brief, *, spent: Spent | None = None) -> Suggestion:
    """What the reply suggests for this brief.

    Raises:
        ProposerFailed: it holds no edit that can be used; the message says what was dropped.
    """
    text = _said(reply)
    stated = _stated(text)
    reading = blocks.read(text, brief.files, brief.editable, brief.protected)
    cost = spent or Spent()
    if not reading.files:
        why = reading.dropped[0] if reading.dropped else "no edit is in it" if text.strip() else "it is empty"
        raise ProposerFailed(f"the reply cannot be used: {why}", spent=cost)
    title = _words(stated.get("title", "")) or f"edit of {', '.join(sorted(reading.files))}"
    operator = "whole file" if reading.whole else "search and replace"
    return Suggestion(
        dict(reading.files), title[:LONGEST_WORDS], operator, prediction(stated, brief), _words(stated.get("risk", "")),
        cost,
    )  # fmt: skip


def prediction(stated: dict[str, str], brief: Brief) -> float | None:
    """The gain that the reply states, in the unit of ``Suggestion.prediction``; None where it states none."""
    metric = _words(stated.get("metric", "")).strip("`'\" ")
    known = {brief.metric.casefold(), *(("speed", "speedup", "time") if brief.kind == "speed" else ())}
    if metric and metric.casefold() not in known:
        return None
    text = stated.get("gain", "")
    match = _NUMBER.search(text[:LONGEST_WORDS])
    if match is None:
        return None
    value = abs(float(match[0])) if brief.kind == "quality" else float(match[0])
    percent = text[match.end() :].lstrip().startswith("%")
    if brief.kind == "speed":
        value = 1 + value / 100 if percent else value
        return value if 1 < value < _LARGEST_GAIN else None
    return value if not percent and 0 < value < _LARGEST_GAIN and math.isfinite(value) else None


def _said(reply: str) -> str:
    """The reply without the thoughts that some models write first."""
    text = reply[: blocks.LONGEST_REPLY]
    if text.lstrip().startswith("<think>"):
        _, closed, rest = text.partition("</think>")
        return rest if closed else ""
    return text


def _stated(text: str) -> dict[str, str]:
    _, began, rest = text.partition("<prediction>")
    section, ended, _ = rest.partition("</prediction>")
    found: dict[str, str] = {}
    for line in section[:_LONGEST_SECTION].split("\n") if began and ended else ():
        told = _FIELD.match(line[:1000])
        if told is not None:
            found.setdefault(told[1].lower(), told[2].strip())
    return found


def _words(text: str) -> str:
    """A stranger's words: one line of printable characters, at most 200."""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in text[:LONGEST_WORDS]).split())
