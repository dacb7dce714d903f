"""One rule for each kind of entry of oversight: what the entries before it allow it to say.

Does not protect against: what ``audit`` as a whole does not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from selfproof import charter as charters
from selfproof.archive.evidence import anchor_rows
from selfproof.archive.overseen import TOKEN_ROLES, Incident
from selfproof.archive.state import State
from selfproof.audit import permitted
from selfproof.audit.agreements import checked
from selfproof.audit.comparing import Source, close, must
from selfproof.certify.recorded import used_up
from selfproof.domains.attempts import MOST_TOLD
from selfproof.ledger import Leaf
from selfproof.oversight import approvals, halting, incidents, tripwires
from selfproof.oversight.budgets import ceilings

TOKEN_ID = re.compile(r"[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
WORK = frozenset(
    {
        "propose", "race", "confirm-start", "results", "verdict", "check", "guard-start", "guard", "adopt", "wait",
        "canary", "examined", "tuned", "model-race", "model-start", "model-results", "model-verdict",
    }
)  # fmt: skip


def _halt(state: State, leaf: Leaf, reader: Source) -> None:
    del state, reader
    body = leaf.body
    must(isinstance(body["by"], str) and body["by"] != "", "a halt that nobody ordered")
    if body.get("latched"):
        said = all(isinstance(body[name], str) for name in ("reason", "at", "order"))
        must(said, "a halt that does not say when and why it was ordered")


def idle(state: State, leaf: Leaf) -> None:
    """While a life is halted, or moves, nothing is tried and nothing adopted; going back is always allowed."""
    must(state.overseen.moved is None or leaf.kind not in WORK, "work after the program had left")
    must(state.overseen.halted is None or leaf.kind not in WORK, "work while the program was halted")


def _budget(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    budget = charters.parse(reader.get_blob(state.charter["charter"]).decode()).budget
    found = {one.name: one for one in ceilings(budget, {body["ceiling"]: body["used"]})}.get(body["ceiling"])
    sound = found is not None and (found.limit, found.level) == (body["limit"], body["level"]) and found.level > 0
    must(sound, "a ceiling that the charter does not set, or that was not near")


def _pause(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    must(isinstance(leaf.body["by"], str) and state.overseen.paused is None, "a pause within a pause")


def _resume(state: State, leaf: Leaf, reader: Source) -> None:
    body, halted = leaf.body, state.overseen.halted
    if body["what"] == "pause":
        must(body["of"] == state.overseen.paused, "the end of a pause that did not go on")
        return
    must(body["what"] == "halt" and halted is not None and body["of"] == halted.entry, "a resumption of no halt")
    needed = halting.needed(state, reader.get_blob)
    signed = body["approvals"]
    must(isinstance(signed, list) and bool(signed) == bool(needed), "signatures where nobody may sign, or none")
    for one in signed:
        checked(state, leaf, one, halting.subject_of(state.overseen), reader)
        must(one["decision"] == "approve", "resumed although an approver was against it")
    must(not needed or approvals.agreed(signed, needed), "resumed without the signatures that the charter asks for")


def _move(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    root = reader.root_at(leaf.index)
    must(body["entries"] == leaf.index and root is not None and body["root"] == root.hex(), "a move of another log")
    must(body["what"] in {"out", "in", "back"}, "no way to move")
    must(body["what"] == "in" or (state.overseen.moved is None) == (body["what"] == "out"), "it was not there to move")


def _texts(body: dict[str, Any], **most: int) -> None:
    for name, longest in most.items():
        text = body[name]
        must(isinstance(text, str) and 0 < len(text) <= longest, f"{name} must be a text of 1 to {longest} characters")


def _clocked(body: dict[str, Any]) -> None:
    wanted = incidents.due(body["aware_at"], body["severity"])
    must(body["due_at"] == wanted, "the times by which it is due do not follow from when it was known")


def _open(state: State, leaf: Leaf) -> Incident:
    found = state.overseen.incidents.get(leaf.body["incident"])
    must(found is not None and found.closed is None, "no incident of that number is open")
    assert found is not None
    return found


def _incident(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    body = leaf.body
    _texts(body, title=200, what=4000, by=100)
    must(incidents.at(body["detected_at"]) <= incidents.at(body["aware_at"]), "known before it was detected")
    must(body["charter"] == state.charter["charter"], "the charter is not the one in force")
    _clocked(body)
    if body["trigger"] is not None:
        must(body["trigger"] in state.overseen.alarms, "opened by an entry that calls for no incident")
        before = {one.now["trigger"] for one in state.overseen.incidents.values()}
        must(body["trigger"] not in before, "a second incident of one cause")


def _incident_update(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    found, body = _open(state, leaf), leaf.body
    _texts(body, note=4000, by=100)
    must(incidents.at(body["aware_at"]) <= incidents.at(found.now["aware_at"]), "its clock was set back")
    _clocked(body)


def _incident_close(state: State, leaf: Leaf, reader: Source) -> None:
    found, corrective = _open(state, leaf), leaf.body["corrective"]
    _texts(leaf.body, corrective=200, note=4000, by=100)
    must(incidents.CORRECTIVE.fullmatch(corrective) is not None, "closed without a guard, a test or a rule")
    kind, _, name = corrective.partition(":")
    if kind == "guard":
        then, now = (charters.parse(reader.get_blob(digest).decode())
                     for digest in (found.now["charter"], state.charter["charter"]))  # fmt: skip
        must(any(guard.name == name for guard in now.guards), "closed by a guard that the charter does not have")
        must(all(guard.name != name for guard in then.guards), "closed by a guard that was there when it happened")


def _retire(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    number = leaf.body["version"]
    _texts(leaf.body, by=100, reason=2000)
    must(type(number) is int and 0 <= number < len(state.versions), "no such version")
    must(number != state.current and number not in state.overseen.retired, "it runs, or was retired before")
    left = [v.number for v in state.versions[: state.current] if not v.rolled_back and v.number != number]
    must(any(one not in state.overseen.retired for one in left), "nothing would be left to go back to")


def _note(state: State, leaf: Leaf, reader: Source) -> None:
    del state, reader
    _texts(leaf.body, by=100, words=2000)


def _token(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    body, known = leaf.body, state.overseen.tokens
    must(isinstance(body["by"], str) and 0 < len(body["by"]) <= 100, "a token that nobody made or revoked")
    must(isinstance(body["id"], str) and TOKEN_ID.fullmatch(body["id"]) is not None, "a token without an id")
    if body["what"] == "new":
        must(set(body) <= {"what", "id", "role", "until", "by", "time"}, "a token's entry holds no secret")
        must(body["role"] in TOKEN_ROLES and body["id"] not in known, "a token of no role, or made before")
        must(isinstance(body["until"], str) and TIME.fullmatch(body["until"]) is not None, "a token without an end")
        return
    there = known.get(body["id"])
    must(body["what"] == "revoke" and there is not None, f"no token is called {body['id']}")
    must(there is not None and there["revoked"] is None, f"token {body['id']} was revoked before")


def _redact(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    body = leaf.body
    _texts(body, reason=2000, by=100)
    place = body["entry"], body["field"]
    must(state.overseen.committed.get(place) == body["commit"], "there is no such text that could be taken out")
    must(place not in state.overseen.redacted, "it was taken out before")


def _screened(state: State, leaf: Leaf, reader: Source) -> None:
    del state, reader
    body = leaf.body
    sound = all(isinstance(rule, str) and type(n) is int and n > 0 for rule, n in body["rules"].items())
    must(sound and sum(body["rules"].values()) == body["n"] > 0, "edits that were turned away, and do not add up")
    must(len(body["edits"]) <= min(body["n"], MOST_TOLD), "more edits than were turned away")


def _examined(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    must(body["version"] == state.current and body["version"] not in state.overseen.examined, "examined out of turn")
    must(body["anchor"] == state.anchor and body["trials"] == state.trials, "an examination of another moment")
    confirming = next(c for c in state.confirmations.values() if c.version == state.current)
    must(body["objective"] == confirming.body["objective"], "another objective was examined")
    for name, row in body["measured"].items():
        must(name in tripwires.NAMES, f"there is no tripwire {name}")
        sound = all(value is None or (type(value) in {int, float} and math.isfinite(value)) for value in row.values())
        must(sound, f"{name} was not measured as a number")
    used = {
        row["guard"]: used_up(anchor_rows(row, state.anchor, reader), row["better"], row["margin"])
        for row in confirming.guards
    }
    told = body["measured"].get("guards", {})
    same_guards = used.keys() == told.keys() and all(close(used[name], told[name]) for name in used)
    must(same_guards, "what is left of the guards' margins does not follow from their draws")


def _tripwire(state: State, leaf: Leaf, reader: Source) -> None:
    charter = charters.parse(reader.get_blob(state.charter["charter"]).decode())
    body = leaf.body
    values = [
        value
        for name, subject, value in tripwires.measured(state)
        if (name, subject) == (body["name"], body["subject"])
    ]
    told = math.nan if body["measured"] is None else body["measured"]
    known = any(math.isnan(told) if not math.isfinite(value) else close(value, told) for value in values)
    must(known and body["version"] == state.current, "a finding that does not follow from what was measured")
    step = tripwires.reached(getattr(charter.tripwires, body["name"]), told)
    must(step == (body["answer"], body["limit"]), "a tripwire's answer is not what the charter says")


CHECKS: dict[str, Callable[[State, Leaf, Source], None]] = {
    "halt": _halt,
    "incident": _incident,
    "incident-update": _incident_update,
    "incident-close": _incident_close,
    "examined": _examined,
    "tripwire": _tripwire,
    "budget": _budget,
    "pause": _pause,
    "resume": _resume,
    "move": _move,
    "note": _note,
    "redact": _redact,
    "retire": _retire,
    "screened": _screened,
    "policy": permitted.asked,
    "token": _token,
}
