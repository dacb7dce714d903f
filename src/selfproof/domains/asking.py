"""Ask the program's own improver for edits, in the jail; if it is broken, the last one that is known to be good.

An improver that is a part of what it edits can break itself: it raises, hangs, answers nonsense, is gone, or suggests
nothing that could be tried any more. So every certified version in the ledger is kept as a way back, where no edit
reaches it: the newest of them whose improver still yields an edit that may be tried is asked in its place, at the last
resort the first. Which is good is found out by asking, in the jail, for the view of the day; a broken one is tried
again after a while and in every run, and a later version with another improver at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from selfproof.charter import Objective
from selfproof.domains.base import admitted
from selfproof.jail import Job, Outcome
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, Files, SelfproofError
from selfproof.propose import jailed
from selfproof.recursion import improver_form

SILENT = 4
"""Turns without an edit that could be tried, after which an improver counts as broken."""
AGAIN = 32
"""Turns after which a broken improver is tried again."""

View = dict[str, Any]


@dataclass
class _Known:
    """Of an improver's code: turns without a usable edit, and since which turn it counts as broken, and why."""

    silent: int = 0
    since: int | None = None
    reason: str = ""


class Improvers:
    """The improvers of one life as one objective asks them.

    ``run`` runs jobs in the jail; ``files_of`` gives the files that an edit was made from, if they are known;
    ``is_new`` says whether a candidate could be tried.
    """

    def __init__(
        self, life: Life, objective: Objective, run: Callable[[Sequence[Job]], Sequence[Outcome]],
        files_of: Callable[[str], Files | None], is_new: Callable[[Candidate], bool],
    ) -> None:  # fmt: skip
        self.life, self.objective, self._run = life, objective, run
        self._files_of, self._is_new = files_of, is_new
        self._known: dict[str, _Known] = {}
        self._forms: dict[int, str] = {}
        self._turn = 0
        self._instead: tuple[int, int] | None = None

    def edits(self, views: Sequence[View]) -> list[Edit]:
        """What the improver of the certified line suggests, asked once for each view; else that of an earlier version.

        Raises:
            SelfproofError: none of them works.
        """
        if not self.life.charter.proposers.improver or not views:
            return []
        self._turn += 1
        state, reasons = self.life.state, list[str]()
        good = [v.number for v in reversed(state.versions[: state.current]) if not v.rolled_back]
        for number in [state.current, *good]:
            known = self._known.setdefault(self._form(number), _Known())
            if known.since is not None and self._turn - known.since < AGAIN:
                reasons.append(known.reason)
                continue
            found = self._asked(number, views, known)
            if found is not None:
                self._tell(number, reasons[0] if reasons else "")
                return found
            reasons.append(known.reason)
        raise SelfproofError(
            f"the improver failed in the jail: {reasons[0]}",
            advice=f"Look at {self.life.charter.proposers.improver} in the program.",
        )

    def _form(self, number: int) -> str:
        if number not in self._forms:
            self._forms[number] = improver_form(self.life.files(number), self.life.charter.proposers.improver)
        return self._forms[number]

    def _usable(self, edits: Sequence[Edit]) -> bool:
        candidates, _ = admitted(self.life, self.objective, edits, self._files_of)
        return any(map(self._is_new, candidates))

    def _asked(self, number: int, views: Sequence[View], known: _Known) -> list[Edit] | None:
        """Edits of one version's improver; None, and a reason in ``known``, if it does not work."""
        failure, found = self._ask(number, views)
        if failure is None and self._usable(found):
            known.silent, known.since = 0, None
            return found
        known.silent += 1
        current, first = self.life.state.current, self._form(number) == self._form(0)
        if failure is None and (first or (number == current and known.silent < SILENT)):
            return found  # it has nothing to say today; of the first one, nobody is asked after it
        known.since, known.reason = self._turn, failure or f"no edit that could be tried in {known.silent} turns"
        return None

    def _ask(self, number: int, views: Sequence[View]) -> tuple[str | None, list[Edit]]:
        files, entry = self.life.files(number), self.life.charter.proposers.improver
        outcomes = self._run([jailed.request(files, entry, view, self.life.limits) for view in views])
        found: list[Edit] = []
        for outcome, view in zip(outcomes, views, strict=True):
            answer = jailed.receive(outcome, self.objective.name, view["wanted"], (view["path"],))
            self.life.dropped += [(rule, digest, 1) for rule, digest in answer.dropped]
            if answer.unread:
                self.life.dropped.append(("unread", "", answer.unread))
            if answer.failure:
                return answer.failure, []
            found += [replace(edit, improver=number) for edit in answer.edits]
        return None, found

    def _tell(self, number: int, reason: str) -> None:
        """Tell whoever watches, once for each change, who is asked in whose place."""
        current = self.life.state.current
        instead = None if number == current else (current, number)
        if instead != self._instead:
            self.life.notices.append(
                {"event": "improver", "objective": self.objective.name, "version": current, "asked": number,
                 "reason": reason}
            )  # fmt: skip
        self._instead = instead
