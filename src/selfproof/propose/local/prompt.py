"""What small weights are asked: the objective in two lines and the program's text, within a bound.

A prompt of `propose.prompt` needs 8 kB before the program begins; a model that is tuned on one life needs none of the
explanations. The same words are used when weights are tuned and when they are asked: a brief makes one text, byte for
byte. No sample, no score and no earlier edit is in it.
"""

from __future__ import annotations

from collections.abc import Mapping

from selfproof.propose.brief import Brief
from selfproof.propose.excerpts import excerpt, size

LEAST_BYTES = 1_000
END = "Answer with SEARCH/REPLACE blocks.\n"


def compact(brief: Brief, limit: int) -> str:
    """The question for this brief, at most about ``limit`` bytes: files with a focus function first, while they fit."""
    better = "equal answers in less time" if brief.kind == "speed" else f"{brief.better} is better"
    head = f"Objective {_line(brief.objective)}: {_line(brief.metric)}, {better}.\n"
    head += f"Editable: {_line(', '.join(brief.editable))}\n"
    wanted: dict[str, list[str]] = {}
    for place in brief.focus:
        path, _, function = place.partition(":")
        wanted.setdefault(path, []).append(function)
    able = [path for path in sorted(brief.files) if brief.may(path)]
    shown, left = [], max(limit, LEAST_BYTES) - size(head) - size(END)
    for path in dict.fromkeys([*(path for path in wanted if path in brief.files and brief.may(path)), *able]):
        text = brief.files[path]
        room = left - size(path) - 16
        part = text if size(text) <= room else excerpt(path, text, wanted.get(path, ()), max(0, room))
        if part.strip():
            shown.append(f"FILE {_line(path)}\n{part}\nEND\n")
            left -= size(shown[-1])
    return head + "".join(shown) + END


def holds(prompt: str, before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether the prompt shows every file that an edit changes, whole: an edit of what is not seen teaches guessing."""
    changed = [path for path, text in after.items() if before.get(path) != text]
    return all(f"FILE {_line(path)}\n{before[path]}\nEND\n" in prompt for path in changed if path in before)


def _line(text: str) -> str:
    return "".join(ch if ch.isprintable() else " " for ch in text[:300])
