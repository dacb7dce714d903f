"""Finish what a kill left open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from selfproof.archive.state import Confirming
from selfproof.archive.tree import tree_of_digests
from selfproof.domains.base import Domain, Finalist
from selfproof.levels import pool_of
from selfproof.life import Life
from selfproof.line.adopting import candidate_of, refuse
from selfproof.line.certificates import write
from selfproof.line.confirming import confirm
from selfproof.line.deciding import decide, settle
from selfproof.line.watching import finalist_of, take_back, unwatched
from selfproof.nouns import Event


def resume(life: Life, domain: Domain | None, confirming: Confirming) -> Iterator[Event]:
    """Finish a confirmation that a kill left open, with the wealth and the k that it had.

    A quality confirmation goes on at the next unused seed. A timed one is abandoned, since its pairs were measured in
    other circumstances, and so is one whose incumbent, charter, tasks, seeds or isolation are no longer the same.
    """
    body = confirming.body
    life.fresh_seed("ready")
    epoch = life.state.open_epoch or {}
    usable = (
        domain is not None
        and (body["epoch"] == epoch.get("epoch") or body["pool"] is not None)
        and epoch.get("tier") == life.jail.tier
        and not domain.alone
        and not confirming.counter.startswith("control-")
        and body["base_version"] == life.state.current
        and body["charter"] == life.state.charter["charter"]
        and body["tasks"] == tree_of_digests(life.state.charter["tasks"])
        and body.get("pool") == pool_of(life.state, body["objective"])
    )
    if not usable or domain is None:
        refuse(life, confirming, "abandoned", "the run was killed while it was being confirmed")
        yield {"event": "resumed", "id": confirming.id, "title": body["title"], "how": "abandoned, its alpha is spent"}
        return
    candidate, incumbent = candidate_of(life, confirming), life.version(domain.objective)
    finalist = Finalist(candidate, incumbent, tuple(body["differences"]), body["notes"])
    yield {"event": "resumed", "id": confirming.id, "title": body["title"], "how": "goes on at the next unused seed"}
    if confirming.verdict is None:
        confirming = yield from confirm(life, domain, finalist, opened=confirming)
    yield from decide(life, domain, finalist, confirming)


def watch_on(life: Life, domains: Mapping[str, Domain]) -> Iterator[Event]:
    """Watch the newest version if a kill came between its adoption and the end of that: before anything else."""
    for last in [c for c in life.state.confirmations.values() if c.version == life.state.current]:
        if last.canary is not None and last.canary["answer"] == "rollback":
            yield from take_back(life, last)
    for decided in list(life.state.confirmations.values()):
        if decided.version is None or decided.canary is not None:
            write(life, decided)
    confirming = unwatched(life)
    domain = domains.get(life.state.now.objective)
    if confirming is None or domain is None:
        return
    finalist = finalist_of(life, domain, confirming)
    yield from settle(life, domain, finalist, confirming)
