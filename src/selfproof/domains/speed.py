"""Speed objectives: hot functions of the program's own run, rewritten with equal outputs in less time.

A profile of the workload names the functions; the improver suggests rewrites; a rewrite must behave like the anchor's
function on recorded and on hostile inputs before a clock counts. A pair replays calls recorded from a fresh workload
on both versions, one after the other in random order; no input is ever repeated. What a rewrite saves must not come
back as a longer load or a longer first call.
"""

from __future__ import annotations

import hashlib
import math
import random
import statistics
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from selfproof.certify.pairs import speed_pair
from selfproof.certify.race import PRESETS, Standing, standing
from selfproof.certify.scale import robust_t
from selfproof.charter import Objective
from selfproof.domains import remembering, sizes, timing
from selfproof.domains.asking import Improvers
from selfproof.domains.base import Finalist, Focus, Measured, candidate_row, refused_before
from selfproof.domains.briefing import brief_of
from selfproof.domains.hotspots import Hotspots
from selfproof.domains.rewrites import (
    BEFORE_ADOPTION,
    IN_RACE,
    Fuzz,
    Raced,
    Rewrite,
    across_files,
    changed_functions,
    judged_at,
)
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, Event, Files, Split, UsageError
from selfproof.propose.brief import Brief
from selfproof.trial import replay
from selfproof.trial.task import Workload

COMPARED_AFTER = 3  # pairs, before a rewrite's behaviour is compared: most are out by then


class Speed:
    """One speed objective of a life."""

    alone = True
    sizes = sizes.TIMED

    def __init__(self, life: Life, objective: Objective) -> None:
        task = life.tasks[objective.name]
        assert isinstance(task, Workload)
        self.life, self.objective, self.task = life, objective, task
        self.spots = Hotspots(life, objective, task)
        if self.spots.limits.grants.subprocesses:
            raise UsageError(
                f"objective {objective.name} is timed, and the charter lets it start subprocesses",
                advice="Processor time is counted over a program's threads: take `subprocesses` out of its `allow`.",
            )
        never = refused_before(life, objective.name) | life.state.barred
        self.tried = life.archive.forms(objective.name, settled=True) | life.archive.forms_of(objective.name, never)
        # Where no rewrite is left, an improver that suggests none is as good as any.
        self.improvers = Improvers(life, objective, self.spots.run, self.files_of, lambda candidate: True)
        self.pending: list[Rewrite] = []
        self.waiting: list[Raced] = []
        self._raced: dict[str, tuple[float, ...]] = {}
        self._looked_at: set[str] = set()
        self._starts: dict[str, list[tuple[float, float]]] = {}

    # -- observe -----------------------------------------------------------------------------------------------------

    @property
    def unfinished(self) -> bool:
        """Whether rewrites of the last batch are still to be raced or confirmed."""
        return bool(self.waiting or self.pending)

    def observe(self) -> Focus | None:
        """Profile the incumbent's own run; None once every hot function of this version was looked at."""
        incumbent = self.life.version(self.objective)
        if self.unfinished:
            return Focus((), "the next rewrites of the last batch")
        if incumbent.id in self._looked_at:
            return None
        self._looked_at.add(incumbent.id)
        self.spots.look()
        files = self.life.files()
        views = tuple(
            {
                "kind": "speed", "objective": self.objective.name, "path": path, "source": files[path],
                "functions": [hot.function for hot in self.spots.hot if hot.path == path], "tried": [],
                "called": self.spots.called_in(path),
                "wanted": 64, "parent": incumbent.id,
            }
            for path in sorted({hot.path for hot in self.spots.hot})
        )  # fmt: skip
        if not views:
            return None
        listed = ", ".join(f"{hot.function} {hot.own:.0%}" for hot in self.spots.hot[:4])
        return Focus(views, f"profile of {self.objective.entry}: {listed}")

    # -- propose -----------------------------------------------------------------------------------------------------

    def propose(self, focus: Focus) -> list[Edit]:
        """Ask the improver for rewrites of the hot functions."""
        edits = self.improvers.edits(focus.views)
        return [*across_files(edits), *edits]

    def files_of(self, parent: str) -> Files | None:
        """Edits are made from the incumbent only."""
        del parent
        return None

    def brief(self) -> Brief:
        """The incumbent and its profile."""
        incumbent = self.life.version(self.objective)
        lines = [f"{hot.place}: {hot.own:.0%} of the time itself, {hot.share:.0%} with calls" for hot in self.spots.hot]
        focus = [hot.place for hot in self.spots.hot] or [self.objective.entry]
        return brief_of(self.life, self.objective, incumbent, focus=focus, profile=lines)

    # -- trial -------------------------------------------------------------------------------------------------------

    def race(self, candidates: Sequence[Candidate]) -> Generator[Event, None, None]:
        """Race the rewrites of one function, the most promising; the rest stays pending.

        Time first, against the incumbent on explore inputs, then equal behaviour. One function at a time, because an
        adoption makes all other rewrites stale: they were written for the version before, and come again. With each
        adoption fewer are left, and those that won a race keep its result.
        """
        incumbent = self.life.version(self.objective)
        if candidates:
            self.pending += self._new(incumbent, candidates)
        new = self._next()
        if not new:
            return
        batch, version = self.life.state.batches.get(self.objective.name, 0), self.life.state.current
        hot = [asdict(one) for one in self.spots.hot]
        tree, self.spots.tree = self.spots.tree, []
        self.life.log(
            "propose",
            {"objective": self.objective.name, "batch": batch, "n": len(new), "hot": hot,
             **({"tree": self.life.stored(tree)} if tree else {}),
             "candidates": self.life.stored([candidate_row(r.candidate, incumbent, version, r.form) for r in new])},
        )  # fmt: skip
        before, rows = self.life.trials, []
        for one in new:
            if self.life.stopping():
                break
            self.tried.add(one.form)
            known = self._raced.get(one.form)  # the same rewrite of the same function, raced on the version before
            outcome, differences = ("raced", known) if known else self._race_one(incumbent, one)
            score = statistics.median(differences) if differences else None
            if outcome == "raced" and score is not None:
                self._raced[one.form] = differences
                self.waiting.append(Raced(one, differences, self.spots.saved(one.place, math.exp(score))))
            rows.append({"id": one.candidate.id, "outcome": outcome, "score": score, "scores": list(differences)})
            told = remembering.attempt(self.objective, one.candidate, incumbent.files, outcome, score)
            self.life.experience.raced([told])
            title = one.candidate.edit.title if one.candidate.edit else ""
            yield {"event": "candidate", "objective": self.objective.name, "title": title, "outcome": outcome,
                   "speedup": None if score is None else round(math.exp(score), 2)}  # fmt: skip
        self.waiting.sort(key=lambda raced: (-raced.promise, raced.rewrite.candidate.id))
        self.life.log(
            "race",
            {"objective": self.objective.name, "batch": batch, "trials": self.life.trials - before,
             "results": self.life.stored(rows)},
        )  # fmt: skip
        yield {"event": "race", "objective": self.objective.name, "batch": batch, "candidates": len(new),
               "kept": len(self.waiting), "evaluated": len(self.tried)}  # fmt: skip

    def _new(self, incumbent: Candidate, candidates: Sequence[Candidate]) -> list[Rewrite]:
        """Candidates that rewrite what can be judged, in a way that was not tried before."""
        found: list[Rewrite] = []
        seen = {rewrite.form for rewrite in self.pending}
        for candidate in candidates:
            changed = changed_functions(incumbent.files, candidate.files)
            place = judged_at(changed, self.spots.judging, self.spots.focus, self.spots.called) if changed else None
            if changed is None or place is None:
                continue
            form = hashlib.sha256("\n".join(changed[name] for name in sorted(changed)).encode()).hexdigest()[:16]
            new = form not in seen and (form not in self.tried or form in self._raced)
            if new and not self.life.is_barred(candidate):
                seen.add(form)
                also = tuple(name for name in changed if name != place and name in self.spots.known)
                found.append(Rewrite(candidate, form, place, also))
        return found

    def _next(self) -> list[Rewrite]:
        """What to race now: rewrites that won on the version before, else those of the most promising function."""
        known = [rewrite for rewrite in self.pending if rewrite.form in self._raced]
        first = max((rewrite.place for rewrite in self.pending), key=self.spots.promise, default=None)
        now = known or [rewrite for rewrite in self.pending if rewrite.place == first]
        self.pending = [rewrite for rewrite in self.pending if rewrite not in now]
        return now

    def _race_one(self, incumbent: Candidate, one: Rewrite) -> tuple[str, tuple[float, ...]]:
        place, candidate = one.place, one.candidate
        calls = {name: self.spots.calls_of(name) for name in (place, *one.also)}
        rng = random.Random(self.life.search_seed(self.objective.name, "fuzz", place) % 2**63)
        preset = PRESETS[self.life.charter.certify.preset]
        differences: list[float] = []
        starts: list[tuple[float, float]] = []
        at: Standing = "on"
        while at == "on":
            some = self.spots.some_calls(place, rng)
            timed, _ = timing.pair(self.life, incumbent, candidate, place, some, rng.random() < 0.5)
            if timed is None:
                return "invalid", ()
            differences.append(speed_pair(timed.row).y)
            starts.append(timed.starts)
            at = standing(preset, differences)
            compared = at != "out" and len(differences) == COMPARED_AFTER
            if compared and not self._equal(candidate, calls, rng, IN_RACE):
                return "invalid", tuple(differences)
        return "slow" if at == "out" or replay.late(starts) else "raced", tuple(differences)

    def _equal(self, candidate: Candidate, places: Mapping[str, Sequence[Any]], rng: random.Random, fuzz: Fuzz) -> bool:
        """Whether the candidate behaves like the anchor at each of these places, on these calls of it."""
        return all(self.spots.equal(candidate, place, calls, rng, fuzz) for place, calls in places.items())

    # -- certify -----------------------------------------------------------------------------------------------------

    def finalist(self) -> Finalist | None:
        """The most promising rewrite, unless one that is still pending promises more."""
        possible = max((self.spots.promise(rewrite.place) for rewrite in self.pending), default=0.0)
        if not self.waiting or self.waiting[0].promise < possible:
            return None
        best = self.waiting.pop(0)
        if robust_t(best.differences) <= 0:
            return None
        one = best.rewrite
        del self._raced[one.form]
        notes = {"function": one.place, "saved": best.saved, "also": list(one.also)}
        return Finalist(one.candidate, self.life.version(self.objective), best.differences, notes)

    def begin(self, finalist: Finalist, seeds: Sequence[int]) -> Callable[[], Measured]:
        """Pairs that are timed have the machine to themselves: they run when they are waited for."""
        return lambda: self.measure(finalist, seeds)

    def measure(self, finalist: Finalist, seeds: Sequence[int]) -> Measured:
        """For each seed a fresh workload, its calls recorded, replayed on both versions in an order from the seed."""
        place = finalist.notes["function"]
        before = self.life.trials, self.life.cpu_seconds
        rows, broken = [], None
        views = [self.task.inputs("confirm", seed, 1)[0] for seed in seeds]
        for calls, seed in zip(self.spots.recorded(finalist.incumbent.files, place, views), seeds, strict=True):
            timed, broken = timing.pair(self.life, finalist.incumbent, finalist.candidate, place, calls, bool(seed & 1))
            if timed is None:
                break
            rows.append(timed.row)
            self._starts.setdefault(finalist.candidate.id, []).append(timed.starts)
        spent = self.life.trials - before[0], self.life.cpu_seconds - before[1]
        return Measured(tuple(rows), spent[0], spent[1], self.life.jail.tier, broken)

    def whole(self, one: Files, two: Files, split: Split, seed: int, n: int) -> list[tuple[float, float]]:
        """Seconds of the whole workload with the files of two versions, on ``n`` fresh inputs, random order."""
        views = enumerate(self.task.inputs(split, seed, n))
        return [timing.whole(self.life, self.objective, one, two, view, bool(seed >> i & 1)) for i, view in views]

    def replays(self, one: Files, two: Files, place: str, seed: int, n: int) -> list[tuple[float, float]]:
        """Seconds of one function in two versions, on calls recorded from ``n`` fresh report inputs."""
        first, second = (self.life.candidate(self.objective, files) for files in (one, two))
        found = []
        for i, calls in enumerate(self.spots.recorded(one, place, self.task.inputs("report", seed, n))):
            timed, _ = timing.pair(self.life, first, second, place, calls, bool(seed >> i & 1))
            if timed is not None:
                found.append(timed.row[:2])
        return found

    def check(self, finalist: Finalist, seed: int) -> str | None:
        """The time to load and to make a first call, over the confirmation's pairs; then a longer hostile comparison.

        That is with the anchor, on calls of a workload that was never used before.
        """
        place = finalist.notes["function"]
        views, files = self.task.inputs("confirm", seed, 2), finalist.incumbent.files
        calls = self.spots.recorded(files, place, views)
        anchor = self.life.version(self.objective, self.life.state.anchor)
        starts = self._starts.get(finalist.candidate.id) or self._started_anew(finalist.incumbent, finalist, calls)
        # Against the anchor too: many small delays, each allowed by itself, would add up.
        if moved := replay.late(starts) or replay.late(self._started_anew(anchor, finalist, calls)):
            return moved
        found = {place: calls}
        for other in finalist.notes.get("also", []):
            found[other] = self.spots.recorded(files, other, views, needed=False)
        flat = {name: [call for part in parts for call in part] for name, parts in found.items() if parts}
        if not self._equal(finalist.candidate, flat, random.Random(seed), BEFORE_ADOPTION):
            return "it does not behave like the anchor's function on hostile inputs"
        return None

    def _started_anew(
        self, before: Candidate, finalist: Finalist, calls: Sequence[list[Any]]
    ) -> list[tuple[float, float]]:
        """Load and first call of an earlier version and the candidate; for the incumbent, a restart took its clocks."""
        versions, place = (before, finalist.candidate), finalist.notes["function"]
        orders = [(part, swap) for part in calls for swap in (False, True)] * 2
        pairs = [timing.pair(self.life, *versions, place, part, swap)[0] for part, swap in orders]
        return [timed.starts for timed in pairs if timed is not None]

    def gain_of(self, finalist: Finalist, effect: Mapping[str, Any]) -> float:
        """The time saved in the whole workload, as the logarithm of a ratio."""
        saved = self.spots.saved(finalist.notes["function"], float(effect.get("value", 1.0)))
        return -math.log1p(-max(0.0, saved))

    def settled(self, finalist: Finalist, adopted: bool) -> None:
        """After an adoption the rest of the batch is stale: it was written for the version before, and comes again."""
        self._starts.pop(finalist.candidate.id, None)
        if adopted:
            self.waiting, self.pending = [], []
