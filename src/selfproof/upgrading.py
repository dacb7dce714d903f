"""Upgrades in the middle of a life: a ledger that a newer selfproof wrote is not written to by an older one.

Entries of kinds that are not known here may change what those after them are allowed to say; an engine that passed over
them could adopt what the newer one forbids. Looking is always possible: readers pass over what they do not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from selfproof import __version__
from selfproof.ledger import Leaf
from selfproof.nouns import UsageError

KINDS = frozenset(
    {
        "adopt", "approval", "budget", "canary", "certificate", "charter", "check", "confirm-start", "control",
        "decision", "drill", "engine", "examined", "exchange", "genesis", "guard", "guard-start", "halt", "incident",
        "incident-close", "incident-update", "key", "key-end", "model-back", "model-race", "model-results",
        "model-start", "model-verdict", "move", "note", "pause", "policy", "propose", "race", "redact", "report",
        "results", "resume", "retention", "retire", "rollback", "screened", "seed-commit", "seed-reveal", "texts",
        "token", "tripwire", "tuned", "verdict", "wait",
    }
)  # fmt: skip
"""Every kind of entry that this version writes, or that an earlier one wrote."""


def known(leaves: Iterable[Leaf]) -> Iterator[Leaf]:
    """The same entries.

    Raises:
        UsageError: one is of a kind that this version does not know.
    """
    newest = ""
    for leaf in leaves:
        if leaf.kind not in KINDS:
            by = f"selfproof {newest}" if newest and newest != __version__ else "a newer selfproof"
            raise UsageError(
                f"entry {leaf.index} is of a kind that selfproof {__version__} does not know: {leaf.kind[:40]!r}",
                advice=f"This program was last run by {by}. Upgrade; until then selfproof log and show work.",
            )
        if leaf.kind == "engine":
            newest = str(leaf.body.get("version"))[:40]
        yield leaf
