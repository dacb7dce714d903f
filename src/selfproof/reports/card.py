"""The system card as one value: sections of rows, made from a ledger, which every format is written from.

A cell is plain data. Its column says what it is: ``foreign`` is text that a program, a model or a stranger wrote, and
is shown as such. Every row names the entries that it is from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from selfproof.audit import audit
from selfproof.reports import changes, human, mapping, standing, surroundings
from selfproof.reports.facts import Facts
from selfproof.reports.form import Section
from selfproof.reports.risks import Risk
from selfproof.reports.risks import section as risk_section

NO_ADVICE = (
    "This is a record, not legal advice, and no declaration of conformity. Which law applies to a system, and whether "
    "what is here meets it, is for a person who knows both."
)


@dataclass(frozen=True)
class Cited:
    """An entry that the card cites, and what proves it: `selfproof ledger proof INDEX`."""

    index: int
    kind: str
    time: str
    leaf_hash: str


@dataclass(frozen=True)
class Card:
    """The whole of it. ``as_of`` is the time of the last entry: the same ledger gives the same card, byte for byte."""

    program: str
    origin: str
    key: str
    entries: int
    root: str
    as_of: str
    verified: bool
    first_bad: Mapping[str, Any] | None
    note: str = NO_ADVICE
    sections: tuple[Section, ...] = ()
    cited: tuple[Cited, ...] = ()
    format: str = field(default="selfproof-card/1")

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def section(self, name: str) -> Section:
        """The section of this id."""
        return next(one for one in self.sections if one.id == name)


BUILDERS: tuple[Callable[[Facts], Section], ...] = (
    standing.what, standing.may_change, standing.objectives,
    changes.adopted, changes.behaviour, changes.guards, changes.refused_classes, changes.refused, changes.controls,
    changes.budget,
    human.actions, human.incidents, human.watching,
    surroundings.spend, surroundings.isolation, surroundings.engines, surroundings.witnesses,
)  # fmt: skip


def card(facts: Facts, risks: Sequence[Risk] | None) -> Card:
    """The card of a ledger; ``risks`` is the register beside the charter, None where there is none."""
    sections = [build(facts) for build in BUILDERS]
    sections += [risk_section(risks), surroundings.open_points(facts)]
    sections += [mapping.section(one, facts.kinds) for one in mapping.tables()]
    used = sorted({number for one in sections for row in one.rows for number in row.get("entries", ())})
    checked = audit(facts.shared.folder)
    signed = facts.shared.signed
    return Card(
        facts.state.genesis["program"], signed.origin, facts.shared.log.vkey, signed.size, signed.root.hex(),
        facts.as_of, checked["ok"], checked["first_bad"], sections=tuple(sections),
        cited=tuple(Cited(number, *facts.named[number]) for number in used),
    )  # fmt: skip
