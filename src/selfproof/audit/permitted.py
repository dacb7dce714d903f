"""Classes of change and policy rules, computed anew: what the charter forbids was not adopted, whatever its entry says.

Does not protect against: a change that people would call by another name than its class; facts that were false when
they were recorded (how long a trial took).
"""

from __future__ import annotations

from typing import Any

from selfproof import charter as charters
from selfproof.archive.state import Confirming, State
from selfproof.audit.comparing import Source, must, same
from selfproof.charter import Charter
from selfproof.ledger import Leaf
from selfproof.line import permitting
from selfproof.oversight import classes, policy


def started(state: State, body: dict[str, Any], charter: Charter, reader: Source) -> None:
    """The classes that a confirmation says of its change are those of its files; older entries say none."""
    if "classes" in body:
        found = classes.in_force(state, charter, body["files"], reader.get_blob)
        must(body["classes"] == list(found), f"the classes of the change are {', '.join(found) or 'none'}")


def asked(state: State, leaf: Leaf, reader: Source) -> None:
    """What the rules said of a certified change follows from the facts, and the facts from the entries before."""
    body, confirming = leaf.body, state.confirmations[leaf.body["confirmation"]]
    charter = charters.parse(reader.get_blob(state.charter["charter"]).decode())
    must(confirming.verdict is not None and body["at"] <= leaf.time, "rules that were asked later than it was logged")
    must((body["charter"], body["base"]) == (state.charter["charter"], state.current), "rules of another step")
    found = permitting.facts_of(state, charter, confirming, reader, body["at"])
    must(same(found, body["facts"]), "the facts do not follow from the entries before")
    answer = policy.judge(charter.rules, found, certified=True)
    told = (body["verdict"], body["rule"], body["reason"])
    must(told == (answer.verdict, answer.rule, answer.reason), "the rules do not say that of these facts")


def adopted(state: State, confirming: Confirming, charter: Charter, reader: Source) -> None:
    """Nothing of a class that is forbidden is adopted, and nothing that the rules were not asked of."""
    found = classes.in_force(state, charter, confirming.body["files"], reader.get_blob)
    name = classes.forbidden(charter, found)
    must(name is None, f"adopted although the charter forbids changes of class {name}")
    must(permitting.allowed(state, charter, confirming), "adopted although the charter's rules did not allow it")
