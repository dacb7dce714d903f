"""The form that a suggestion must have before anything of the engine's touches it: a stranger's proposer made it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from selfproof.propose.brief import Brief, ProposerFailed, Spent, Suggestion
from selfproof.propose.jailed import plain

MOST_FILES: Final = 32
LARGEST: Final = 1 << 20
"""Characters of all new texts together."""


def sound(suggestion: Any, brief: Brief) -> Suggestion:
    """The suggestion with plain types, plain words and a prediction that can be true, or without one.

    Raises:
        ProposerFailed: it is none, has no files or too many, or a file's text is none that can be written.
    """
    if not isinstance(suggestion, Suggestion):
        raise ProposerFailed(f"it gave a {type(suggestion).__name__} and no Suggestion")
    spent = suggestion.spent if isinstance(suggestion.spent, Spent) else Spent()
    files = suggestion.files
    if not isinstance(files, Mapping) or not 0 < len(files) <= MOST_FILES:
        raise ProposerFailed(f"a suggestion has 1 to {MOST_FILES} files", spent=spent)
    for path, text in files.items():
        if not isinstance(path, str) or not isinstance(text, str):
            raise ProposerFailed("files map paths to texts", spent=spent)
        try:
            (path + text).encode()
        except UnicodeEncodeError:
            raise ProposerFailed(f"{ascii(path)[:80]} holds what is no Unicode text", spent=spent) from None
    if sum(map(len, files.values())) > LARGEST:
        raise ProposerFailed(f"a suggestion has at most {LARGEST >> 20} MB of text", spent=spent)
    return replace(
        suggestion, files=dict(files), title=_words(suggestion.title) or "untitled", spent=spent,
        operator=_words(suggestion.operator)[:40] or "outside", risk=_words(suggestion.risk),
        prediction=_prediction(suggestion.prediction, brief.kind),
    )  # fmt: skip


def _words(text: object) -> str:
    return plain(text).strip() if isinstance(text, str) else ""


def _prediction(stated: object, kind: str) -> float | None:
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return None
    least = 1.0 if kind == "speed" else 0.0
    return float(stated) if least < stated < 1e9 and math.isfinite(stated) else None
