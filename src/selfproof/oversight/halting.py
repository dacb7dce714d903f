"""Halts and what lifts them: orders that lie beside a life become entries, and a latch that only `resume` opens.

An order counts by the time of its file, to the nanosecond, so that the file, its copies and the entry are one order.

Does not protect against: somebody who removes an order and its copy before any engine or watcher has seen it; whoever
runs the engine, who can leave it (start another program, use the code elsewhere).
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from selfproof import charter as charters
from selfproof.archive.overseen import Overseen
from selfproof.archive.state import State, apply, fold
from selfproof.ledger import Ledger, LedgerBusy
from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.ledger.merkle import root_at
from selfproof.nouns import UsageError
from selfproof.oversight import approvals
from selfproof.oversight.letters import bytes_of, letters
from selfproof.oversight.stop import LARGEST
from selfproof.places import Paths

MOST = 64  # orders that are looked at
Log = Callable[[str, Mapping[str, Any]], object]


def unwritten(paths: Paths, overseen: Overseen) -> list[dict[str, Any]]:
    """Orders that no entry tells of yet, as bodies of `halt` entries."""
    with contextlib.suppress(OSError):
        found = {body["order"]: body for body in map(_order, _places(paths)) if body is not None}
        return [found[key] for key in sorted(found) if key not in overseen.orders]
    return [] if overseen.halted else [_halt("stop file", "it could not be read", rfc3339(utc_now()), "unreadable")]


def take(paths: Paths, state: State, log: Log) -> None:
    """Log what was ordered; clear away files of orders that are over."""
    for body in unwritten(paths, state.overseen):
        log("halt", body)
    if state.overseen.halted is None:
        _clear(paths, state.overseen)


def settle(paths: Paths) -> bool:
    """Log what was ordered, where no engine runs; whether that could be done now."""
    try:
        with _opened(paths):
            return True
    except LedgerBusy:
        return False


def settled(paths: Paths) -> None:
    """Before a run: log orders that lie there.

    Raises:
        UsageError: there is one.
    """
    if any(map(os.path.lexists, _places(paths))):
        with _opened(paths) as (_, state):
            check(state.overseen)


def body_of(by: str, reason: str) -> dict[str, Any]:
    """The body of a halt that the engine itself decides on."""
    return _halt(by, reason, rfc3339(utc_now()), str(time.time_ns()))


def check(overseen: Overseen) -> None:
    """See that a life may go on.

    Raises:
        UsageError: it was halted.
    """
    if (halted := overseen.halted) is not None:
        raise UsageError(
            f"this program was stopped by {halted.by}, {halted.at}: {halted.reason or 'no reason was given'}",
            advice="To go on: selfproof resume",
        )


def subject_of(overseen: Overseen) -> dict[str, Any]:
    """What an approval of a resumption is about: this halt, so that another one needs other signatures."""
    assert overseen.halted is not None
    return {"resume": overseen.halted.entry, "ordered": overseen.halted.at, "by": overseen.halted.by}


def needed(state: State, text_of: Callable[[str], bytes]) -> int:
    """How many approvers must sign a resumption, by the charter in force; 0: nobody is asked."""
    if not state.charter.get("approvers"):
        return 0
    autonomy = charters.parse(text_of(state.charter["charter"]).decode()).autonomy
    return autonomy.resume_approvals or autonomy.approvals


def resume(paths: Paths, by: str) -> dict[str, Any] | None:
    """Lift the latch, if what the charter in force asks for is there; the entry, or None where nothing was halted.

    Raises:
        UsageError: it takes signatures that are not there.
        LedgerBusy: an engine runs.
    """
    with _opened(paths) as (ledger, state):
        halted = state.overseen.halted
        if halted is None:
            return None
        body: dict[str, Any] = {"what": "halt", "of": halted.entry, "by": by, "authority": "operator's account",
                                "approvals": []}  # fmt: skip
        if wanted := needed(state, ledger.get_blob):
            signed = _signed(paths, state, ledger, wanted)
            body |= {"approvals": signed, "by": " and ".join(sorted({one["by"] for one in signed})),
                     "authority": "signatures"}  # fmt: skip
        ledger.append("resume", body, durable=True)
        _clear(paths, state.overseen)
    for place in paths.approvals.glob("*.resume.json"):
        place.unlink(missing_ok=True)
    return body


def _signed(paths: Paths, state: State, ledger: Ledger, wanted: int) -> list[dict[str, Any]]:
    signers, found, problems = ledger.get_blob(state.charter["approvers"]["$blob"]), [], [""]
    for place, letter in letters(paths.approvals, "resume"):
        try:
            who = approvals.checked(
                letter, state.genesis["program"], subject_of(state.overseen), signers, rfc3339(utc_now()),
                lambda size: root_at((leaf.raw for leaf in ledger.leaves()), size),
            )  # fmt: skip
            found.append({"statement": letter["statement"], "signature": letter["signature"], **who})
        except approvals.NotApproved as error:
            problems.append(f"; {place.name} does not count: {error}")
    against = next((one["by"] for one in found if one["decision"] == "reject"), None)
    if against is None and approvals.agreed(found, wanted):
        return found
    names = ", ".join(sorted({one["by"] for one in found if one["decision"] == "approve"})) or "nobody"
    raise UsageError(
        f"{against} signed that it must stay stopped" if against is not None else
        f"{wanted} approvers must sign that it may go on; so far: {names}{problems[-1]}",
        advice="Each of them: selfproof approve resume --key KEY",
    )  # fmt: skip


@contextlib.contextmanager
def _opened(paths: Paths) -> Iterator[tuple[Ledger, State]]:
    with Ledger.open(paths.ledger, paths.key) as ledger:
        state = fold(ledger.leaves())
        take(paths, state, lambda kind, body: apply(state, ledger.append(kind, body, durable=True)))
        yield ledger, state


def _places(paths: Paths) -> list[Path]:
    kept = sorted(paths.halts.iterdir())[:MOST] if paths.halts.is_dir() else []
    return [*kept, paths.stop]  # of one order what says most comes last: "seen" is empty


def _order(place: Path) -> dict[str, Any] | None:
    """What an order's file says; one made by hand says what it says."""
    try:
        changed = os.lstat(place).st_mtime_ns
    except FileNotFoundError:
        return None
    text = "made by hand"
    with contextlib.suppress(OSError):  # a link, a folder, not readable: it is an order all the same
        text = bytes_of(place).decode("utf-8", "replace")[: 4 * LARGEST].strip()
    at = rfc3339(datetime.datetime.fromtimestamp(changed // 10**9, datetime.UTC))
    try:
        told = json.loads(text)
        by, reason = str(told["by"]), str(told["reason"])
    except (ValueError, TypeError, KeyError, RecursionError):
        by, reason = "stop file", text
    return _halt(by or "stop file", reason, at, str(changed))


def _halt(by: str, reason: str, at: str, order: str) -> dict[str, Any]:
    return {"by": by[:LARGEST], "reason": reason[:LARGEST], "at": at, "latched": True, "order": order}


def _clear(paths: Paths, overseen: Overseen) -> None:
    """Remove the files of orders that entries tell of."""
    for place in _places(paths):
        body = _order(place)
        if body is not None and body["order"] in overseen.orders:
            place.unlink(missing_ok=True)
