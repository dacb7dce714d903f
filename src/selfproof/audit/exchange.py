"""What an entry of kind ``exchange`` may say: what was left to other engines, and what was taken over from them.

Nothing follows from one: a candidate that was taken over is in the entries after it as any other candidate is.

Does not protect against:
- counts and names of other engines that are not true: they are an engine's word on what its archive said
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from selfproof.archive.state import State
from selfproof.audit.comparing import Source, must
from selfproof.ledger import Leaf

MOST = 64
_FORM, _ID, _PROGRAM = re.compile(r"[!-~]{1,128}"), re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{32}")


def _exchange(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    body = leaf.body
    must(body["objective"] in state.weights, "an exchange of an objective that there is not")
    must(body["batch"] == state.batches.get(body["objective"], 0), "an exchange of another batch than the next")
    counts = [body[key] for key in ("claimed", "raced")]
    must(all(type(n) is int and n >= 0 for n in counts), "an exchange without counts")
    must(_list(body["forms"], _FORM) and len(body["forms"]) == min(MOST, sum(counts)), "an exchange's forms are none")
    taken = body["taken"]
    must(isinstance(taken, list) and len(taken) <= MOST, "an exchange that took over too much")
    for one in taken:
        must(isinstance(one, dict) and set(one) == {"id", "program"}, "an exchange that says more than it may")
        must(_list([one["id"]], _ID) and _list([one["program"]], _PROGRAM), "an exchange's names are none")
    must(bool(taken) or sum(counts) > 0, "an exchange of nothing")


def _list(values: Any, form: re.Pattern[str]) -> bool:
    return isinstance(values, list) and all(isinstance(one, str) and form.fullmatch(one) for one in values)


CHECKS: dict[str, Callable[[State, Leaf, Source], None]] = {"exchange": _exchange}
