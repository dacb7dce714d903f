"""Go back to an earlier version, exactly."""

from __future__ import annotations

from selfproof.adopt import repo
from selfproof.life import Life
from selfproof.nouns import UsageError


def rollback(life: Life, to: int, *, reason: str, by: str = "person") -> int:
    """Make version ``to`` the program again; everything adopted since is never confirmed again. Returns ``to``.

    Raises:
        UsageError: no such version, or it is the current one.
    """
    if not 0 <= to < len(life.state.versions) or life.state.versions[to].rolled_back:
        raise UsageError(f"there is no version {to} to go back to", advice="`selfproof log` lists the versions.")
    if to in life.state.overseen.retired:
        raise UsageError(f"version {to} was retired: it must not run again", advice="Go back to another version.")
    if to == life.state.current:
        raise UsageError(f"version {to} is the program already")
    undone = [v.number for v in life.state.versions if v.number > to and not v.rolled_back]
    target = life.state.versions[to]
    leaf = life.log(
        "rollback",
        {"from": life.state.current, "to": to, "undone": undone, "tree": target.tree, "reason": reason, "by": by},
        durable=True,
    )
    repo.commit(life.tree, life.files(), f"rollback to version {to}: {reason}\n", leaf.time)
    return to
