"""What people signed: that each signature is theirs, over this change, in time; and that enough of them agreed.

Does not protect against: what ``oversight.approvals`` does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selfproof import charter as charters
from selfproof.archive.state import Confirming, State
from selfproof.audit.comparing import Source, must
from selfproof.charter import Charter
from selfproof.ledger import Leaf
from selfproof.line import approving, permitting
from selfproof.oversight import approvals, classes


def wait(state: State, leaf: Leaf, reader: Source) -> None:
    """A change waits for people only after everything else has passed, and once."""
    del reader
    confirming = state.confirmations[leaf.body["confirmation"]]
    certified = confirming.verdict is not None and confirming.verdict["answer"] in {"certified", "uncertified"}
    must(certified and confirming.decision is None, "a change waits that was not certified, or was decided")


def approval(state: State, leaf: Leaf, reader: Source) -> None:
    """The signature is that of somebody who may approve, over this change as it stood."""
    confirming = state.confirmations[leaf.body["confirmation"]]
    must(confirming in state.waiting, "an approval of what does not wait for one")
    checked(state, leaf, leaf.body, approving.subject_of(state, confirming), reader)
    own = approving.own_work(state, confirming, leaf.body["by"], leaf.body["key"])
    must(not own, "approved by who suggested it, or with the log's own key")


def adopted(state: State, confirming: Confirming, charter: Charter, reader: Source) -> None:
    """Where the charter asks for people, enough of them signed exactly this step."""
    needed = permitting.signatures(state, charter, confirming, reader.get_blob)
    if not needed and confirming.waits is None:
        return
    must(not approving.overtaken(state, charter, confirming), "adopted although its files had changed meanwhile")
    must(not any(one["decision"] == "reject" for one in confirming.approvals), "adopted although it was rejected")
    valid = approving.standing(state, confirming)
    must(approvals.agreed(valid, max(1, needed)), "adopted without the approvals that the charter asks for")


def charter_changed(state: State, leaf: Leaf, reader: Source) -> None:
    """Where approvers are named, they agreed to another charter, other tasks or other approvers; none of it was of a
    class that the charter before forbids."""
    old, new = (charters.parse(reader.get_blob(body["charter"]).decode()) for body in (state.charter, leaf.body))
    found = classes.of_charter(old, new, state.charter, leaf.body)
    must(classes.forbidden(old, found) is None, "a change of charter of a class that the one before forbids")
    if not state.charter.get("approvers"):
        return
    subject, signed = approvals.charter_change(state.charter, leaf.body), leaf.body.get("approvals", [])
    for one in signed:
        checked(state, leaf, one, subject, reader)
    needed = classes.signatures(old, found, asked=True)
    against = any(one["decision"] == "reject" for one in signed)
    must(approvals.agreed(signed, needed) and not against, "a charter that its approvers did not agree to")


def checked(state: State, leaf: Leaf, told: Mapping[str, Any], subject: Mapping[str, Any], reader: Source) -> None:
    """See that a signature counts: of an approver, in time, over this subject."""
    signers = state.charter.get("approvers")
    must(bool(signers), "a signature where nobody may approve")
    assert signers is not None
    must(told["at"] <= leaf.time, "a signature that was checked later than it was logged")
    try:
        found = approvals.checked(
            told, state.genesis["program"], subject, reader.get_blob(signers["$blob"]), told["at"], reader.root_at
        )
    except approvals.NotApproved as error:
        must(False, f"a signature that does not count: {error}")
        return
    for key, value in found.items():
        must(told[key] == value, f"an approval with another {key} than its signature's")
