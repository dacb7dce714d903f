"""Approvals: a person's SSH signature over exactly one change, checked by OpenSSH itself.

What is signed is canonical JSON: the program, the decision, the change with the tree that it leads from and to, a
checkpoint of the ledger that the signer had before them, and until when it counts. The signature is SSHSIG
(openssh-portable/PROTOCOL.sshsig) in the namespace ``selfproof``; who may sign is a file in OpenSSH's "allowed
signers" format (ssh-keygen(1)), so that keys on a card or in an agent, certificates and expiry dates work as for git.

Does not protect against: an approver who signs without reading, whose key was stolen, or who holds two keys under two
names; an ``ssh-keygen`` that was replaced.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from selfproof.ledger.statement import canonical
from selfproof.nouns import SelfproofError, UsageError

NAMESPACE = "selfproof"
TYPE = "https://selfproof.dev/approval/v1"
DECISIONS = ("approve", "reject")
FIELDS = {"_type", "program", "decision", "reason", "subject", "checkpoint", "until"}
LARGEST = 1 << 14  # characters of a statement, and of a signature
PATIENCE_S = 30
_GOOD = re.compile(rf'Good "{NAMESPACE}" signature for .* with \S+ key (SHA256:[A-Za-z0-9+/]{{43}})')


class NotApproved(SelfproofError):
    """A signature that does not count, and why."""


def checked(
    told: Mapping[str, Any],
    program: str,
    subject: Mapping[str, Any],
    signers: bytes,
    at: str,
    root_at: Callable[[int], bytes | None],
) -> dict[str, str]:
    """Who signed ``told`` ({"statement", "signature"}): {"by", "key", "at", "decision", "reason"}.

    ``subject`` is what may be approved now, ``signers`` the file of those who may, ``at`` the time that counts, and
    ``root_at`` gives the ledger's root at an earlier size.

    Raises:
        NotApproved: it is about something else, too late, not of this ledger, or not signed by one of them.
    """
    text, signature = (one if isinstance(one := told.get(key), str) else "" for key in ("statement", "signature"))
    if max(len(text), len(signature)) > LARGEST or not signature.isascii():
        raise NotApproved("a statement and a signature are two short texts")
    try:
        body = json.loads(text)
        sound = set(body) == FIELDS and canonical(body).decode() == text and body["_type"] == TYPE
        size, root = body["checkpoint"]["size"], body["checkpoint"]["root"]
        sound = sound and body["decision"] in DECISIONS and isinstance(body["reason"], str) and type(size) is int
        until = datetime.datetime.fromisoformat(body["until"])
        late = until <= datetime.datetime.fromisoformat(at)
    except (ValueError, TypeError, KeyError, RecursionError):
        sound = False
    if not sound:
        raise NotApproved("the statement is not one that `selfproof approve` writes")
    if body["program"] != program or canonical(body["subject"]) != canonical(dict(subject)):
        raise NotApproved("the signature is about another change, or about what has changed since")
    if late:
        raise NotApproved(f"the signature counted until {body['until']}")
    seen = root_at(size) if size > 0 else None
    if seen is None or seen.hex() != root:
        raise NotApproved(f"the signer saw another ledger: its root at {size} entries is not this one's")
    by, key = _signer_of(text, signature, signers, at)
    return {"by": by, "key": key, "at": at, "decision": body["decision"], "reason": body["reason"]}


def charter_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What an approval of another charter is about; both are bodies of the ledger's entries that say a charter."""
    names = ("charter", "tasks", "approvers")
    return {"before": {name: before.get(name) for name in names}, "after": {name: after.get(name) for name in names}}


def agreed(approvals: Iterable[Mapping[str, Any]], needed: int) -> bool:
    """Whether enough different people, with different keys, approved."""
    yes = [one for one in approvals if one["decision"] == "approve"]
    return min(len({one["by"] for one in yes}), len({one["key"] for one in yes})) >= needed


def fingerprint(vkey: str) -> str:
    """The log's own Ed25519 key ("name+id+base64", C2SP) as OpenSSH names keys; nobody approves with it."""
    key = base64.b64decode(vkey.split("+", 2)[2])[1:]
    wire = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", key))
    return "SHA256:" + base64.b64encode(hashlib.sha256(wire).digest()).decode().rstrip("=")


def _signer_of(text: str, signature: str, signers: bytes, at: str) -> tuple[str, str]:
    """Name and key of who signed, as OpenSSH finds them."""
    moment = f"-Overify-time={datetime.datetime.fromisoformat(at):%Y%m%d%H%M%S}"
    with tempfile.TemporaryDirectory() as folder:
        asked, allowed = Path(folder, "signature"), Path(folder, "signers")
        asked.write_text(signature, "utf-8")
        allowed.write_bytes(signers)
        files = ["-s", str(asked), "-f", str(allowed), moment]
        names = _ssh_keygen(["find-principals", *files]).splitlines()
        if not names:
            raise NotApproved("nobody who may approve made this signature (allowed signers)")
        if len(names) > 1:
            raise NotApproved("the signer's line names several people (allowed signers): give each a line of their own")
        good = _GOOD.search(_ssh_keygen(["verify", *files, "-n", NAMESPACE, "-I", names[0]], text))
    if good is None:
        raise NotApproved(f"the signature is not {names[0]}'s over this statement, or the key does not count now")
    return names[0], good[1]


def _ssh_keygen(arguments: list[str], text: str = "") -> str:
    """What ``ssh-keygen -Y`` prints if it succeeds, else nothing."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["ssh-keygen", "-Y", *arguments], input=text.encode(), capture_output=True, timeout=PATIENCE_S,
            env=environment, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(
            f"signatures cannot be checked: ssh-keygen: {error}", advice="Install OpenSSH's client (openssh-client)."
        ) from None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
