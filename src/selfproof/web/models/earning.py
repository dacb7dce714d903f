"""Who earns their keep: operators, proposers and generations of the improver, by what became of their candidates.

Counts are of the ledger's own rows. A share has its 95% interval (Wilson), since a few tries say little. What was
spent on confirmations is the certificates' own account; races are not booked by candidate, so they have no cost here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from selfproof.archive.overseen import LeafLike
from selfproof.archive.state import Confirming, State
from selfproof.learn.shares import wilson
from selfproof.nouns import SelfproofError
from selfproof.web.models.forest import MARKS, OUTCOMES, Forest, Node

LEAST_TRIED = 30
"""Tries after which an operator that never brought anything into the archive counts as one to avoid."""


@dataclass
class Earned:
    """What became of one source's candidates."""

    name: str
    tried: int = 0
    kept: int = 0
    confirmed: int = 0
    certified: int = 0
    trials: int = 0
    cpu_seconds: float = 0.0
    dollars: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def share(self) -> tuple[float, float, float]:
        """The share that a race kept, with its interval."""
        low, high = wilson(self.kept, self.tried)
        return (self.kept / self.tried if self.tried else 0.0, low, high)


def earned(forest: Forest, state: State, of: Callable[[Node], str | None]) -> list[Earned]:
    """One row for each name that ``of`` gives (None: not counted), the most certified first, then the most kept."""
    rows: dict[str, Earned] = {}
    for node in own(forest):
        name = of(node)
        if name is None:
            continue
        row = rows.setdefault(name, Earned(name))
        outcome = OUTCOMES[node.outcome]
        row.tried += 1
        row.kept += outcome in {"raced", "confirmed"}
        row.outcomes[outcome] += 1
        if node.confirmation is not None:
            _confirmed(row, state.confirmations[node.confirmation])
    return sorted(rows.values(), key=lambda row: (-row.certified, -row.kept, -row.tried, row.name))


def _confirmed(row: Earned, confirming: Confirming) -> None:
    row.confirmed += 1
    row.certified += confirming.version is not None and (confirming.verdict or {}).get("answer") == "certified"
    row.trials += confirming.trials
    row.cpu_seconds += confirming.cpu_seconds
    row.dollars += ((confirming.certificate or {}).get("cost") or {}).get("dollars", 0.0)


def own(forest: Forest) -> list[Node]:
    """Candidates of the program's own search: none of a control's."""
    aside = forest.aside
    return [node for node in forest.nodes if node.stream not in aside and MARKS[node.mark] != "control"]


def by_operator(forest: Forest) -> Callable[[Node], str]:
    """Name candidates by their operator."""
    return lambda node: forest.operators.known[node.operator]


def by_proposer(forest: Forest) -> Callable[[Node], str]:
    """Name candidates by who proposed them: the improver, a model, an agent, a person."""
    return lambda node: forest.proposers.known[node.proposer]


def by_generation(node: Node) -> str | None:
    """Name candidates by the version whose improver suggested them."""
    return None if node.improver is None else f"v{node.improver}"


@dataclass(frozen=True)
class Avoided:
    """What a life has learned not to do again."""

    fruitless: list[Earned]
    outcomes: dict[str, int]
    refused: list[Confirming]
    undone: list[tuple[int, str]]
    turned_away: dict[str, int]


def avoided(forest: Forest, state: State, operators: Iterable[Earned], leaves: Iterable[LeafLike]) -> Avoided:
    """Operators that brought nothing, what was seen to be nothing new, refused and undone changes, and rules' hits."""
    outcomes: Counter[str] = Counter()
    outcomes.update(OUTCOMES[node.outcome] for node in own(forest))
    rules: Counter[str] = Counter()
    for leaf in leaves:
        if leaf.kind == "screened":
            rules.update({str(rule): int(n) for rule, n in leaf.body["rules"].items()})
    refused = [
        c for c in state.confirmations.values()
        if not c.counter.startswith("control-") and (c.decision or {}).get("step") in {"gate", "check", "guard"}
    ]  # fmt: skip
    undone = [(version.number, version.title) for version in state.versions if version.rolled_back]
    fruitless = [row for row in operators if row.tried >= LEAST_TRIED and not row.kept]
    return Avoided(fruitless, {name: outcomes[name] for name in OUTCOMES}, refused, undone, dict(rules.most_common()))


@dataclass(frozen=True)
class Profile:
    """Where the program spent its time, once: rows {"path", "function", "calls", "own", "share"}; and who called whom:
    rows [parent's row or -1, "FILE.py:function", calls, own seconds], [] where that was not recorded."""

    entry: int
    time: str
    rows: list[dict[str, Any]]
    tree: list[list[Any]] = field(default_factory=list)


def profiles(leaves: Iterable[LeafLike], blob: Callable[[str], bytes]) -> dict[str, tuple[Profile, Profile]]:
    """Each speed objective's first profile and its newest, with the first tree of calls and the newest."""
    found: dict[str, tuple[Profile, Profile]] = {}
    trees: dict[str, list[list[Any]]] = {}
    for leaf in leaves:
        if leaf.kind == "propose" and leaf.body.get("hot"):
            name = leaf.body["objective"]
            if "tree" in leaf.body:
                trees[name] = _tree(leaf.body["tree"], blob)
            one = Profile(leaf.index, leaf.time, leaf.body["hot"], trees.get(name, []))
            found[name] = (found[name][0] if name in found and found[name][0].tree else one, one)
    return found


def _tree(stored: Any, blob: Callable[[str], bytes]) -> list[list[Any]]:
    try:
        return json.loads(blob(stored["$blob"])) if isinstance(stored, dict) else stored  # type: ignore[no-any-return]
    except (SelfproofError, ValueError):
        return []  # `verify` says what is wrong with it; the bars are there all the same
