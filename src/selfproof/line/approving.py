"""Wait for people: a certified change that the charter wants signed, the signatures that come in, their end."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Iterator, Mapping
from typing import Any

from selfproof.archive.state import Confirming, State
from selfproof.archive.tree import matches, tree_of_digests
from selfproof.charter import Charter
from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.ledger.merkle import root_at
from selfproof.life import Life
from selfproof.line import permitting
from selfproof.line.adopting import adopt, candidate_of, limit, refuse
from selfproof.nouns import Event
from selfproof.oversight import approvals
from selfproof.oversight.letters import letters


def wait(life: Life, confirming: Confirming, high_water: list[str]) -> None:
    """Leave a certified change to the approvers."""
    until = utc_now() + datetime.timedelta(days=life.charter.autonomy.approval_days)
    body = {"confirmation": confirming.id, "high_water": high_water, "until": rfc3339(until)}
    life.log("wait", body, durable=True)


def subject_of(state: State, confirming: Confirming) -> dict[str, Any]:
    """What an approval of this change is about: the exact trees that it leads from and to, under which charter."""
    tree = tree_of_digests({**state.now.files, **confirming.body["files"]})
    return {"change": confirming.id, "candidate": confirming.body["candidate"], "tree": tree,
            "parent": state.now.tree, "charter": state.charter["charter"]}  # fmt: skip


def standing(state: State, confirming: Confirming) -> list[dict[str, Any]]:
    """The approvals of a change that are still about the step that would be taken now."""
    subject = subject_of(state, confirming)
    return [one for one in confirming.approvals if json.loads(one["statement"])["subject"] == subject]


def own_work(state: State, confirming: Confirming, by: str, key: str) -> bool:
    """Whether whoever signs is who suggested the change, under whichever address; or signs as the engine's log."""
    suggested = {_plain(confirming.body[name]) for name in ("proposer", "operator")} - {""}
    return _plain(by) in suggested or key == approvals.fingerprint(state.genesis["vkey"])


def _plain(name: str) -> str:
    """A name without its address, capitals and blanks: alice of Alice@example.com."""
    return "".join(name.partition("@")[0].split()).casefold()


def overtaken(state: State, charter: Charter, confirming: Confirming) -> bool:
    """Whether its objective is gone, or the files that it was certified against are no longer the program's."""
    objective = next((one for one in charter.objectives if one.name == confirming.body["objective"]), None)
    if objective is None:
        return True
    own = {path: digest for path, digest in state.now.files.items() if matches(path, objective.files)}
    return bool(tree_of_digests(own) != confirming.body["incumbent"])


def decided(life: Life) -> Iterator[Event]:
    """Take in what approvers left beside the life: adopt what enough of them signed, refuse what cannot be any more."""
    for place, signed in letters(life.paths.approvals, "change"):
        try:
            yield _taken(life, signed)
        except approvals.NotApproved as error:
            yield {"event": "approval", "taken": False, "file": place.name, "reason": str(error)}
        with contextlib.suppress(OSError):  # a folder, or not ours to remove
            place.unlink()
    for confirming in life.state.waiting:
        yield from _settled(life, confirming)


def _taken(life: Life, signed: Mapping[str, Any]) -> Event:
    """Log a signature that counts."""
    confirming = next((c for c in life.state.waiting if c.id == signed.get("change")), None)
    if confirming is None:
        raise approvals.NotApproved(f"no change {signed.get('change')!r} waits for approval")
    found = approvals.checked(
        signed, life.state.genesis["program"], subject_of(life.state, confirming), life.approvers(),
        rfc3339(utc_now()), lambda size: root_at((leaf.raw for leaf in life.ledger.leaves()), size),
    )  # fmt: skip
    if own_work(life.state, confirming, found["by"], found["key"]):
        raise approvals.NotApproved(f"{found['by']} suggested this change or signs the log, and cannot approve it")
    kept = {"statement": signed["statement"], "signature": signed["signature"]}
    life.log("approval", {"confirmation": confirming.id, **kept, **found}, durable=True)
    return {"event": "approval", "taken": True, "id": confirming.id, **found}


def _settled(life: Life, confirming: Confirming) -> Iterator[Event]:
    """Adopt, refuse or leave waiting, as the entries so far have it."""
    waits = confirming.waits or {}
    valid = standing(life.state, confirming)
    against = next((one for one in confirming.approvals if one["decision"] == "reject"), None)
    refusal: tuple[str, str] | None = None
    if against is not None:
        refusal = ("approval", f"{against['by']} rejected it: {against['reason'] or 'no reason was given'}")
    elif overtaken(life.state, life.charter, confirming):
        refusal = ("overtaken", "its files have changed since it was certified")
    elif rfc3339(utc_now()) > waits["until"]:
        refusal = ("expired", f"not enough approvers signed it until {waits['until']}")
    if refusal is not None:
        refuse(life, confirming, *refusal)
        yield {"event": "approval", "taken": True, "id": confirming.id, "by": refusal[1], "decision": "refused"}
    elif _agreed(life, confirming) and limit(life) is None:
        if forbidden := permitting.refusal(life, confirming):
            refuse(life, confirming, *forbidden)
            yield {"event": "approval", "taken": True, "id": confirming.id, "by": forbidden[1], "decision": "refused"}
            return
        if not _agreed(life, confirming):  # the rules have just asked for people, or for more of them
            return
        adopt(life, confirming.body["objective"], candidate_of(life, confirming), confirming, waits["high_water"])
        names = " and ".join(sorted({one["by"] for one in valid}))
        yield {"event": "approval", "taken": True, "id": confirming.id, "by": names, "decision": "adopted"}


def _agreed(life: Life, confirming: Confirming) -> bool:
    needed = permitting.signatures(life.state, life.charter, confirming, life.ledger.get_blob)
    return approvals.agreed(standing(life.state, confirming), max(1, needed))
