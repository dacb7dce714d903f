"""Every candidate that was ever raced as a tree: the certified trunk, and twigs in columns of their batches.

Made from the ledger alone, entry by entry, so that a page can follow a running program. A candidate's place: its
column is its batch, in the order of the ledger; its slot is its rank in the batch, the best nearest to the trunk,
above and below it in turn. A twig starts at the candidate that it was made from, or at the trunk where that is unknown.
"""

from __future__ import annotations

import array
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from selfproof.archive.overseen import LeafLike
from selfproof.archive.state import State
from selfproof.web.models.evidence import Blob

OUTCOMES = ("pending", "raced", "equal", "worse", "slow", "invalid", "confirmed")
"""What became of a candidate in its race; "confirmed": it came straight to a confirmation, as controls do."""
RANKS = {"raced": 0, "confirmed": 0, "equal": 2, "worse": 1, "slow": 1, "invalid": 3, "pending": 1}
MARKS = ("", "certified", "uncertified", "refused", "control", "open", "waits", "rolled back")
"""What became of it in a confirmation."""
CONTROL = "-constants"
"""The end of the name of a stream that is a control of the closing table, and no search of the program's own."""
WAY = 1
"""The flag of a candidate from which the trunk grew: an adopted one, and those that it was made from."""
MOST_NAMES = 255
OTHER = "(others)"


@dataclass(frozen=True)
class Wanted:
    """A filter of candidates: what is empty is not asked for."""

    objective: str = ""
    operator: str = ""
    proposer: str = ""
    outcome: str = ""
    text: str = ""
    controls: str = ""
    """"yes": with the candidates of closing tables' controls, which are no search of the program's own."""

    @property
    def everything(self) -> bool:
        """Whether nothing is asked for but the program's own candidates, or all."""
        return not (self.objective or self.operator or self.proposer or self.outcome or self.text)


class Names:
    """Names by number, at most 255 of them; what comes later is "(others)"."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self._places: dict[str, int] = {}

    def number(self, name: str) -> int:
        """The number of a name, a new one if it is unknown."""
        if name not in self._places:
            if len(self.known) >= MOST_NAMES:
                name = OTHER
            if name not in self._places:
                self._places[name] = len(self.known)
                self.known.append(name)
        return self._places[name]


class Proposed(msgspec.Struct):
    """What is read of a batch's row."""

    id: str
    parent: str
    title: str
    operator: str
    proposer: str | None = None
    version: int | None = None
    improver: int | None = None


class Raced(msgspec.Struct):
    """What is read of a race's row."""

    id: str
    outcome: str
    score: float | None = None


Row = TypeVar("Row", Proposed, Raced)


@dataclass
class Node:
    """One candidate."""

    index: int
    id: str
    title: str
    parent: int
    stream: int
    operator: int
    proposer: int
    column: int
    version: int
    entry: int
    outcome: int = 0
    slot: int = 0
    flags: int = 0
    mark: int = 0
    score: float | None = None
    confirmation: int | None = None
    improver: int | None = None


@dataclass
class Stem:
    """A version on the trunk."""

    version: int
    column: int
    title: str
    node: int
    objective: str


@dataclass
class Forest:
    """All candidates and versions so far; ``take`` makes it grow."""

    nodes: list[Node] = field(default_factory=list)
    stems: list[Stem] = field(default_factory=list)
    streams: Names = field(default_factory=Names)
    operators: Names = field(default_factory=Names)
    proposers: Names = field(default_factory=Names)
    columns: int = 0
    _places: dict[tuple[str, str], int] = field(default_factory=dict)
    _starts: dict[int, int] = field(default_factory=dict)
    _batches: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def take(self, leaf: LeafLike, blob: Blob) -> None:
        """Take in one entry of the ledger; most kinds say nothing of candidates."""
        body = leaf.body
        if leaf.kind == "genesis":
            self.stems.append(Stem(0, self._column(), "the start", -1, ""))
        elif leaf.kind == "propose":
            self._propose(leaf.index, body, _stored(body["candidates"], blob, Proposed))
        elif leaf.kind == "race":
            self._race(body, _stored(body["results"], blob, Raced))
        elif leaf.kind == "confirm-start":
            self._confirm(leaf.index, body)
        elif leaf.kind == "adopt":
            self._adopt(body)

    def _column(self) -> int:
        self.columns += 1
        return self.columns - 1

    def _propose(self, entry: int, body: dict[str, Any], rows: Iterable[Proposed]) -> None:
        name, column, first = body["objective"], self._column(), len(self.nodes)
        for row in rows:
            self._add(name, row, column, entry)
        self._batches[name, body["batch"]] = (first, len(self.nodes))
        self._settle(first, len(self.nodes))

    def _add(self, name: str, row: Proposed, column: int, entry: int, *, known: bool = True) -> Node:
        node = Node(
            len(self.nodes), row.id, row.title, self._places.get((name, row.parent), -1),
            self.streams.number(name), self.operators.number(row.operator),
            self.proposers.number(row.proposer or "improver"), column, row.version or 0, entry,
            improver=row.improver,
        )  # fmt: skip
        self.nodes.append(node)
        if known:
            self._places[name, row.id] = node.index
        return node

    def _race(self, body: dict[str, Any], rows: Iterable[Raced]) -> None:
        for row in rows:
            place = self._places.get((body["objective"], row.id))
            if place is not None:
                self.nodes[place].outcome = OUTCOMES.index(row.outcome if row.outcome in OUTCOMES else "invalid")
                self.nodes[place].score = row.score
        self._settle(*self._batches.pop((body["objective"], body["batch"]), (0, 0)))

    def _settle(self, first: int, last: int) -> None:
        """Give a batch its slots: +1, -1, +2, -2, ... from the best to the worst."""
        batch = self.nodes[first:last]
        ordered = sorted(batch, key=lambda node: (RANKS[OUTCOMES[node.outcome]], node.outcome, node.index))
        for rank, node in enumerate(ordered):
            node.slot = (rank // 2 + 1) * (1 if rank % 2 == 0 else -1)

    def _confirm(self, entry: int, body: dict[str, Any]) -> None:
        place = self._places.get((body["objective"], body["candidate"]))
        control = body["counter"].startswith("control-")
        if place is None or control:
            row = Proposed(body["candidate"], "", body["title"], body["operator"], version=body["base_version"])
            node = self._add(body["objective"], row, self._column(), entry, known=not control)
            node.outcome, node.slot = OUTCOMES.index("confirmed"), 1
            place = node.index
        self.nodes[place].confirmation = entry
        self._starts[entry] = place

    def _adopt(self, body: dict[str, Any]) -> None:
        place = self._starts.get(body["confirmation"], -1)
        self.stems.append(Stem(body["version"], self._column(), body["title"], place, body["objective"]))
        while place >= 0 and not self.nodes[place].flags & WAY:
            self.nodes[place].flags |= WAY
            place = self.nodes[place].parent

    def marked(self, state: State) -> None:
        """Say of every confirmed candidate how that ended."""
        for entry, place in self._starts.items():
            confirming = state.confirmations.get(entry)
            if confirming is not None:
                self.nodes[place].mark = MARKS.index(_mark(state, confirming))

    def name(self, node: Node) -> dict[str, Any]:
        """A candidate in words, for a row of a table or a tooltip."""
        return {
            "index": node.index, "id": node.id, "title": node.title, "objective": self.streams.known[node.stream],
            "operator": self.operators.known[node.operator], "proposer": self.proposers.known[node.proposer],
            "outcome": MARKS[node.mark] or OUTCOMES[node.outcome], "race": OUTCOMES[node.outcome],
            "score": node.score, "parent": node.parent, "version": node.version, "entry": node.entry,
            "confirmation": node.confirmation, "batch": node.column,
        }  # fmt: skip

    @property
    def aside(self) -> frozenset[int]:
        """Numbers of the streams that are controls of the closing table."""
        known = self.streams.known
        names = [(number, name) for number, name in enumerate(known) if name.endswith(CONTROL)]
        return frozenset(number for number, name in names if name.removesuffix(CONTROL) in known)

    def find(self, wanted: Wanted) -> list[int]:
        """Numbers of the candidates that a filter lets through, oldest first."""
        text, aside = wanted.text.casefold(), self.aside if wanted.controls != "yes" else frozenset()
        return [
            node.index for node in self.nodes
            if node.stream not in aside
            and (not wanted.objective or self.streams.known[node.stream] == wanted.objective)
            and (not wanted.operator or self.operators.known[node.operator] == wanted.operator)
            and (not wanted.proposer or self.proposers.known[node.proposer] == wanted.proposer)
            and (not wanted.outcome or wanted.outcome in {MARKS[node.mark], OUTCOMES[node.outcome]})
            and (not text or text in node.title.casefold() or node.id.startswith(text))
        ]  # fmt: skip

    def packed(self, start: int = 0) -> bytes:
        """Candidates from the number ``start`` on, as columns of numbers behind one line of JSON.

        Little-endian: column uint32, parent int32, slot int16, then uint8: stream, operator, proposer, outcome, mark,
        flags. The head has their names, the versions and the number of candidates.
        """
        nodes = self.nodes[start:]
        head = {
            "start": start, "n": len(nodes), "columns": self.columns, "streams": self.streams.known,
            "operators": self.operators.known, "proposers": self.proposers.known, "outcomes": OUTCOMES, "marks": MARKS,
            "stems": [[s.version, s.column, s.node, s.title[:80], s.objective] for s in self.stems],
        }  # fmt: skip
        line = json.dumps(head, separators=(",", ":")).encode()
        line += b" " * (-(len(line) + 1) % 4) + b"\n"  # so that the numbers behind it are aligned
        return line + b"".join(
            [
                _numbers("I", (n.column for n in nodes)), _numbers("i", (n.parent for n in nodes)),
                _numbers("h", (max(-32768, min(32767, n.slot)) for n in nodes)),
                *(_numbers("B", (getattr(n, name) for n in nodes))
                  for name in ("stream", "operator", "proposer", "outcome", "mark", "flags")),
            ]
        )  # fmt: skip


def forest_of(leaves: Iterable[LeafLike], blob: Blob, state: State | None = None) -> Forest:
    """The whole forest of a ledger."""
    found = Forest()
    for leaf in leaves:
        found.take(leaf, blob)
    if state is not None:
        found.marked(state)
    return found


def _stored(rows: Any, blob: Blob, kind: type[Row]) -> list[Row]:
    """A batch's rows, which an entry holds itself or by a blob; the candidates' texts are passed over."""
    if isinstance(rows, dict):
        return msgspec.json.decode(blob(rows["$blob"]), type=list[kind])  # type: ignore[valid-type]
    return msgspec.convert(rows, type=list[kind])  # type: ignore[valid-type]


def _numbers(kind: str, values: Iterable[int]) -> bytes:
    numbers = array.array(kind, values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _mark(state: State, confirming: Any) -> str:
    """How a confirmation ended, in the words of `selfproof log`."""
    if confirming.version is not None:
        version = state.versions[confirming.version]
        if version.rolled_back:
            return "rolled back"
        return "certified" if version.certified else "uncertified"
    if confirming.counter.startswith("control-"):
        return "control"
    answer = (confirming.decision or {}).get("verdict", "open")
    return answer if answer in MARKS else "refused"
