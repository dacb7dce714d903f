"""A charter, tasks or list of approvers that a person changed: take it into the ledger, or refuse it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfproof import charter as charters
from selfproof import levels, soundness
from selfproof.archive.state import State
from selfproof.archive.tree import digests
from selfproof.certify.race import PRESETS
from selfproof.charter import Charter, CharterError
from selfproof.ledger import Ledger
from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.ledger.merkle import root_at
from selfproof.nouns import UsageError
from selfproof.oversight import approvals, classes
from selfproof.oversight.letters import letters
from selfproof.trial import loading
from selfproof.trial.task import Task, Workload

KEY = re.compile(r"(?<!\S)((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+) ([A-Za-z0-9+/]{40,}={0,2})(?!\S)")
LARGEST = 1 << 16  # bytes of allowed signers


def proposed(
    charter: Charter, state: State, folder: Path, tasks: Mapping[str, Task | Workload], guards: Mapping[str, Task]
) -> dict[str, Any]:
    """What the ledger's entry would say of the charter, the tasks and the approvers as they lie in the folder."""
    signers, weights = signers_of(folder, charter), dict(state.weights)
    for objective in charter.objectives:
        if objective.name not in weights:
            weights[objective.name] = objective.alpha_share * (1.0 - sum(weights.values())) / 2
    return {
        "charter": charter.digest, "alpha": charter.certify.alpha, "mode": charter.certify.mode, "weights": weights,
        "tasks": digests(loading.task_files(folder)), "spans": loading.spans(tasks, guards),
        "pools": {**state.charter.get("pools", {}), **loading.pools(tasks, guards)},
        "confirm_pairs": PRESETS[charter.certify.preset].confirm_pairs,
        "approvers": None if signers is None else {"$blob": hashlib.sha256(signers).hexdigest()},
    }  # fmt: skip


def is_new(state: State, body: Mapping[str, Any]) -> bool:
    """Whether it says anything else than the entry in force."""
    keys = ("charter", "tasks", "approvers", "pools")
    return [state.charter.get(key) or None for key in keys] != [body.get(key) or None for key in keys]


def check(now: Charter, state: State, body: Mapping[str, Any]) -> None:
    """See that the charter may follow the one before.

    Raises:
        UsageError: it changes what cannot change in one life: alpha upwards, the mode, an objective's finite pool; or
            it is unsound (``soundness``).
    """
    if now.certify.alpha > state.genesis["alpha"]:
        raise UsageError(
            f"the charter raises alpha to {now.certify.alpha}; this life began with {state.genesis['alpha']}",
            advice="A larger error budget needs a new program: `selfproof init` in another folder.",
        )
    if reason := levels.forbidden_change(state.charter, {"mode": now.certify.mode, "pools": body["pools"]}):
        raise UsageError(
            f"the charter cannot go on: {reason}",
            advice="Other samples need an objective of a new name, another mode a new program: `selfproof init`.",
        )
    soundness.check(now, state.now.files, body)


def needed(now: Charter, state: State, body: Mapping[str, Any], ledger: Ledger) -> int:
    """How many of the approvers in force must sign, by the charter in force and the classes of the change.

    Raises:
        UsageError: that charter forbids changes of this class.
    """
    old = charters.parse(ledger.get_blob(state.charter["charter"]).decode())
    found = classes.of_charter(old, now, state.charter, body)
    if name := classes.forbidden(old, found):
        raise UsageError(
            f"the charter in force forbids changes of class {name!r} in this life",
            advice="Put the old text back: `selfproof charter --in-force`; or make a new program: `selfproof init`.",
        )
    return classes.signatures(old, found, asked=True)


def signers_of(folder: Path, charter: Charter) -> bytes | None:
    """The file of approvers that the charter names, if it names one.

    Raises:
        CharterError: it is missing, empty or too large.
    """
    name = charter.autonomy.approvers
    if not name:
        return None
    if Path(name).name != name or name.startswith(".") or name == "charter.toml":
        raise CharterError(f"charter: [autonomy] approvers = {name!r} is no file beside the charter")
    place = folder / name
    try:
        data = place.read_bytes()
    except OSError as error:
        raise CharterError(f"charter: [autonomy] approvers: {error}", advice="It lies beside the charter.") from None
    if not data.strip() or len(data) > LARGEST:
        raise CharterError(f"charter: {place} must hold 1 to {LARGEST} bytes of allowed signers, see ssh-keygen(1)")
    _check_signers(place, data, max(charter.most_signatures, charter.autonomy.resume_approvals))
    return data


def _check_signers(place: Path, data: bytes, needed: int) -> None:
    """See that enough people could sign: once such a list is in force, nobody else can change it.

    Raises:
        CharterError: a line names no one person with a key, or there are fewer people or keys than must agree.
    """
    names, keys = set(), set()
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, found = line.split()[0], KEY.search(line)
        sound = found is not None and "," not in name and found[2].startswith(base64_of(found[1]))
        if found is None or not sound:
            raise CharterError(
                f"charter: {place}, line {number}, is no approver",
                advice="A line is one name, a space, and a public SSH key (the content of id_ed25519.pub).",
            )
        names.add(name)
        keys.add("certificates" if "cert-authority" in line else found[2])
    if min(len(names), len(keys)) < needed and "certificates" not in keys:
        raise CharterError(
            f"charter: {place} has {min(len(names), len(keys))} approvers with keys of their own, and the charter asks "
            f"for {needed}: nothing could ever be approved"
        )


def base64_of(kind: str) -> str:
    """How the base64 of a key of this kind begins: with the kind's length and name (RFC 4253, section 6.6)."""
    head = len(kind).to_bytes(4, "big") + kind.encode()
    return base64.b64encode(head[: len(head) // 3 * 3]).decode()


def signed(folder: Path, state: State, body: Mapping[str, Any], ledger: Ledger, needed: int) -> list[dict[str, Any]]:
    """The signatures of enough of the approvers in force for the change that ``body`` says, from a folder of letters.

    Raises:
        UsageError: there are too few.
    """
    subject, signers = (
        approvals.charter_change(state.charter, body),
        ledger.get_blob(state.charter["approvers"]["$blob"]),
    )
    found, problems = [], [""]
    for place, letter in letters(folder, "charter"):
        try:
            answer = approvals.checked(
                letter, state.genesis["program"], subject, signers, rfc3339(utc_now()),
                lambda size: root_at((leaf.raw for leaf in ledger.leaves()), size),
            )  # fmt: skip
        except approvals.NotApproved as error:
            problems = [f"; {place.name}: {error}"]
            continue
        found.append({"statement": letter["statement"], "signature": letter["signature"], **answer})
    against = [one["by"] for one in found if one["decision"] == "reject"]
    if against or not approvals.agreed(found, needed):
        told = f"{against[0]} rejected it" if against else f"{len(found)} of {needed} signatures are there"
        raise UsageError(
            f"charter, tasks or approvers were changed, and the approvers have not agreed: {told}{problems[-1]}",
            advice="Sign it: `selfproof approve charter --key KEY`; or put the old text back: "
            "`selfproof charter --in-force`.",
        )
    return found
