"""What a life has to teach a model: its edits, each as the prompt that a model gets and the reply that makes the edit.

All of it is read from the ledger: what was proposed, what its race said, what was adopted or refused. A prompt holds
the program's text and the charter's words; no sample, no score, no seed and no reason of a refusal is in it
(`propose.local.prompt`).

*Accepted* are edits that gained on their parent in the race that both were in, and adopted changes that stand;
*refused* what was worse, invalid or slow, what the gate or a check refused, and what was taken back. An edit that is
both, on two occasions, is neither. What `compact` would not show whole, or cannot be written as a reply, is left out
and counted.

One parent in five is *held out*, by a hash of its prompt: no edit of it is trained on, and new weights are judged on
those parents alone (`tuning.pairs`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from selfproof.archive.protocol import rows_in
from selfproof.archive.tree import scope
from selfproof.charter import Objective
from selfproof.domains.briefing import brief_of, own_files
from selfproof.life import Life
from selfproof.nouns import Candidate, Files
from selfproof.propose import blocks
from selfproof.propose.brief import Brief
from selfproof.propose.local.prompt import compact, holds
from selfproof.retention.rows import GONE, kept

HELD_OUT = 5  # one parent in so many
PAIRS = 4  # of one prompt, so that none outweighs the rest
REFUSED = {"worse", "invalid", "slow"}
OWN_FAULT = {"gate", "check", "guard"}  # steps at which a confirmed candidate is refused for what it is
Row = dict[str, str]


@dataclass(frozen=True)
class Edited:
    """One edit of a life: from one version of an objective's files to another, and whether it was accepted."""

    objective: str
    parent: str
    before: Files
    after: Files
    title: str
    accepted: bool


@dataclass
class Examples:
    """Rows to learn from: ``sft`` of accepted edits {prompt, completion}, ``pairs`` {prompt, chosen, rejected}.

    ``held_sft`` and ``held_pairs`` are of held-out parents, ``counts`` say what was found and left out.
    """

    sft: list[Row] = field(default_factory=list)
    pairs: list[Row] = field(default_factory=list)
    held_sft: list[Row] = field(default_factory=list)
    held_pairs: list[Row] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of all rows, in their order."""
        rows = [self.sft, self.pairs, self.held_sft, self.held_pairs]
        return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def is_held_out(prompt: str) -> bool:
    """Whether a prompt is kept out of training: by its hash, so that it is so in every run and every life."""
    return int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4], "big") % HELD_OUT == 0


def examples_of(life: Life, prompt_bytes: int) -> Examples:
    """Everything that the life's quality objectives have to teach, for prompts of at most ``prompt_bytes``."""
    found: dict[str, dict[str, set[bool]]] = {}
    counts: Counter[str] = Counter(dict.fromkeys(("accepted", "refused", "not_shown", "not_writable", "both"), 0))
    asked = Prompts(life, prompt_bytes)
    for edited in edits_of(life):
        prompt = asked.of(edited.objective, edited.parent, edited.before)
        if not holds(prompt, edited.before, edited.after):
            counts["not_shown"] += 1
            continue
        try:
            reply = f"{_titled(edited.title)}{blocks.written(edited.before, edited.after)}"
        except ValueError:
            counts["not_writable"] += 1
            continue
        found.setdefault(prompt, {}).setdefault(reply, set()).add(edited.accepted)
    made = Examples()
    for prompt in sorted(found):
        counts["both"] += sum(len(said) == 2 for said in found[prompt].values())
        good = [reply for reply in sorted(found[prompt]) if found[prompt][reply] == {True}]
        bad = [reply for reply in sorted(found[prompt]) if found[prompt][reply] == {False}]
        counts["accepted"] += len(good)
        counts["refused"] += len(bad)
        sft, pairs = (made.held_sft, made.held_pairs) if is_held_out(prompt) else (made.sft, made.pairs)
        sft += [{"prompt": prompt, "completion": reply} for reply in good]
        both = sorted(((one, two) for one in good for two in bad), key=lambda pair: _hash("\0".join(pair)))
        pairs += [{"prompt": prompt, "chosen": one, "rejected": two} for one, two in both[:PAIRS]]
    made.counts = {**counts, "prompts": len(found), "held_out_prompts": sum(map(is_held_out, found)),
                   "sft": len(made.sft), "pairs": len(made.pairs), "held_out_sft": len(made.held_sft),
                   "held_out_pairs": len(made.held_pairs)}  # fmt: skip
    return made


class Prompts:
    """Prompts of versions, each made once."""

    def __init__(self, life: Life, prompt_bytes: int) -> None:
        self._life, self._bytes = life, prompt_bytes
        self._known: dict[tuple[str, str], str] = {}

    def brief(self, objective: str, parent: str, files: Files) -> Brief:
        """What a proposer may know of a version: no profile, no failing sample."""
        charter = self._life.charter.objective(objective)
        focus = charter.focus or (charter.entry,)
        return brief_of(self._life, charter, Candidate(parent, objective, files), focus=focus)

    def of(self, objective: str, parent: str, files: Files) -> str:
        """The compact prompt of a version."""
        key = objective, parent
        if key not in self._known:
            self._known[key] = compact(self.brief(objective, parent, files), self._bytes)
        return self._known[key]


def objectives_of(life: Life) -> list[Objective]:
    """Those whose races say what an edit is worth: quality."""
    return [one for one in life.charter.objectives if one.kind == "quality"]


def edits_of(life: Life, versions: Versions | None = None) -> Iterator[Edited]:
    """Every edit whose parent's files are known and whose fate says something, in the ledger's order.

    ``versions`` take note of what was proposed.
    """
    names = {one.name for one in objectives_of(life)}
    versions = versions or Versions(life)
    proposed: dict[tuple[str, str], Mapping[str, Any]] = {}
    for leaf in life.ledger.leaves():
        name = leaf.body.get("objective")
        if name not in names:
            continue
        if leaf.kind == "propose":
            for row in _rows(life, leaf.body["candidates"]):
                if GONE not in row:
                    proposed[name, row["id"]] = row
                    versions.take(name, row)
        elif leaf.kind == "race":
            sign = 1.0 if life.charter.objective(name).better == "lower" else -1.0
            for row in _rows(life, leaf.body["results"]):
                told, accepted = proposed.get((name, row["id"])), _raced(row, sign)
                before = versions.files(name, told["parent"]) if told is not None else None
                after = versions.files(name, row["id"])
                if told is not None and accepted is not None and before is not None and after is not None:
                    yield Edited(name, told["parent"], before, after, told["title"], accepted)
    yield from _confirmed(life, names)


def _raced(row: Mapping[str, Any], sign: float) -> bool | None:
    """Whether a race accepted an edit; None where it says neither."""
    if row["outcome"] in REFUSED:
        return False
    before = row.get("before")  # entries of older versions do not say
    gained = row["outcome"] == "raced" and before is not None and sign * (before - row["score"]) > 0
    return True if gained else None


def _confirmed(life: Life, names: set[str]) -> Iterator[Edited]:
    """Changes of the certified line, from the version before; and those that were confirmed and refused."""
    state = life.state
    for one in state.confirmations.values():
        body = one.body
        if one.counter not in names or one.decision is None:
            continue
        if one.version is None and one.decision["step"] not in OWN_FAULT:
            continue
        stands = one.version is not None and not state.versions[one.version].rolled_back
        objective = life.charter.objective(one.counter)
        before = own_files(life, objective, body["base_version"])
        after = {path: life.ledger.get_blob(digest).decode() for path, digest in body["files"].items()}
        yield Edited(one.counter, body["incumbent"], before, after, body["title"], stands)


class Versions:
    """The files of every version that was proposed, from what it differs by."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._differ: dict[tuple[str, str], tuple[int, Files]] = {}
        self._line: dict[tuple[str, int], dict[str, str]] = {}
        self._own: dict[tuple[str, str], int] = {}
        for one in objectives_of(life):
            for version in life.state.versions:
                self._own[one.name, life.version(one, version.number).id] = version.number

    def take(self, objective: str, row: Mapping[str, Any]) -> None:
        """Take note of a proposed candidate."""
        self._differ[objective, row["id"]] = row["version"], row["files"]

    def files(self, objective: str, name: str) -> dict[str, str] | None:
        """The files of a candidate, or of a version of the certified line; None if it is not known."""
        number = self._own.get((objective, name))
        if number is not None:
            return self._at(objective, number)
        known = self._differ.get((objective, name))
        return None if known is None else {**self._at(objective, known[0]), **known[1]}

    def _at(self, objective: str, number: int) -> dict[str, str]:
        key = objective, number
        if key not in self._line:
            globs = self._life.charter.objective(objective).files
            self._line[key] = scope(self._life.files(number), globs)
        return self._line[key]


def _rows(life: Life, stored: Any) -> list[dict[str, Any]]:
    """A batch's rows, which an entry holds itself or by a blob."""
    return rows_in(stored, kept(life.ledger.get_blob, life.state.overseen.let_go))


def _titled(title: str) -> str:
    plain = " ".join("".join(ch if ch.isprintable() else " " for ch in title[:200]).split())
    return f"<prediction>\ntitle: {plain}\n</prediction>\n\n" if plain else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
