"""Do what tripwires say: write it down, tell whoever watches, ask people, or stop the run until a person resumes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from selfproof.domains.base import Domain
from selfproof.examining.examination import examine
from selfproof.examining.telling import as_entry, in_words
from selfproof.life import Halted, Life
from selfproof.nouns import Event
from selfproof.oversight import tripwires


def after(life: Life, domains: Mapping[str, Domain], without: Sequence[str] = ()) -> Iterator[Event]:
    """Examine the newest version unless that was done, then look at every tripwire.

    A drill leaves layers of the jail out (``without``) where attacks are tried, and nowhere else.

    Raises:
        Halted: a tripwire stops the run.
    """
    now = life.state.now
    domain = domains.get(now.objective)
    if now.number > 0 and now.effect and now.number not in life.state.overseen.examined and domain is not None:
        body = examine(life, domain, without)
        life.log("examined", body, durable=True)
        yield {"event": "examined", "version": now.number, "objective": now.objective,
               "new": body["new"], "probes": body["probes"]}  # fmt: skip
    yield from look(life)


def look(life: Life) -> Iterator[Event]:
    """Look at every tripwire, and do what the touched ones say.

    Raises:
        Halted: one of them stops the run, and the program stays stopped until a person resumes it.
    """
    found = tripwires.findings(life.state, life.charter)
    halting = next((finding for finding in found if finding.answer == "halt"), None)
    if halting is not None:  # before its entry, so that a kill in between leaves no program that goes on
        life.halt(f"tripwire {halting.name}", in_words(halting))
    for finding in found:
        life.log("tripwire", as_entry(life.state, finding), durable=True)
        yield {"event": "tripwire", **as_entry(life.state, finding)}
    if halting is not None:
        raise Halted(f"tripwire {halting.name}: {in_words(halting)}")
