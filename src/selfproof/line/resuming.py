"""Finish what a kill left open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from selfproof.archive.evidence import pack
from selfproof.archive.state import Confirming
from selfproof.archive.tree import tree_of_digests
from selfproof.domains.base import Domain, Finalist
from selfproof.levels import pool_of
from selfproof.life import Life
from selfproof.line.adopting import refuse
from selfproof.line.confirming import confirm
from selfproof.line.deciding import decide
from selfproof.line.watching import canary
from selfproof.nouns import Candidate, Decision, Edit, Event, SelfproofError


def resume(life: Life, domain: Domain | None, confirming: Confirming) -> Iterator[Event]:
    """Finish a confirmation that a kill left open, with the wealth and the k that it had.

    A quality confirmation goes on at the next unused seed. A timed one is abandoned, since its pairs were measured in
    other circumstances, and so is one whose incumbent, charter or tasks are no longer the same.
    """
    body = confirming.body
    usable = (
        domain is not None
        and domain.objective.kind == "quality"
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
    texts = {path: life.ledger.get_blob(digest).decode() for path, digest in body["files"].items()}
    edit = Edit(body["objective"], texts, body["title"], body["operator"], body["incumbent"])
    candidate = Candidate(body["candidate"], body["objective"], texts, edit)
    finalist = Finalist(candidate, life.version(domain.objective), tuple(body["differences"]), body["notes"])
    yield {"event": "resumed", "id": confirming.id, "title": body["title"], "how": "goes on at the next unused seed"}
    if confirming.verdict is None:
        life.fresh_seed("ready")
        confirming = yield from confirm(life, domain, finalist, opened=confirming)
    yield from decide(life, domain, finalist, confirming)


def missing_effect(life: Life, domains: Mapping[str, Domain]) -> None:
    """Measure the newest version's effect if a kill came between its adoption and that."""
    now = life.state.now
    domain = domains.get(now.objective)
    if now.number == 0 or now.effect or domain is None:
        return
    confirming = next(c for c in life.state.confirmations.values() if c.version == now.number)
    earlier = life.version(domain.objective, confirming.body["base_version"])
    finalist = Finalist(life.version(domain.objective), earlier, (), confirming.body["notes"])
    try:
        canary(life, domain, finalist, Decision("adopted", "adopt", "", finalist.candidate, version=now.number))
    except SelfproofError as error:
        effect = {"kind": "unknown", "reason": str(error)}
        empty = life.blob(pack({"version": now.number}, []))
        life.log("canary", {"version": now.number, "effect": effect, "trials": 0, "pairs": empty})
