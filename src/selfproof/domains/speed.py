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
from selfproof.domains import paired, timing
from selfproof.domains.base import Finalist, Focus, Measured, candidate_row, refused_before
from selfproof.domains.briefing import brief_of
from selfproof.domains.rewrites import BEFORE_ADOPTION, IN_RACE, Fuzz, Raced, changed_functions
from selfproof.jail import Job, Outcome, values
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, Event, Files, SelfproofError, Split, UsageError
from selfproof.observe import profile
from selfproof.propose import jailed
from selfproof.propose.brief import Brief
from selfproof.trial import replay
from selfproof.trial.calls import distinct, hard_inputs
from selfproof.trial.task import Workload

HOT = 8
LEAST_SHARE = 0.005
VIEWS = 4
KEEP_CALLS = 64
KEEP_BYTES = 1 << 20
BATCH_BYTES = 1 << 18  # arguments of a timed batch: reading them in is noise
REPLAY_S = 0.01
TIMED = 4
CALLED_AGAIN = 3  # how often a comparison makes each call
PER_JOB = 20
RECORDED = 12
COMPARED_AFTER = 3  # pairs, before a rewrite's behaviour is compared: most are out by then


class Speed:
    """One speed objective of a life."""

    alone = True

    def __init__(self, life: Life, objective: Objective) -> None:
        task = life.tasks[objective.name]
        assert isinstance(task, Workload)
        self.life, self.objective, self.task = life, objective, task
        self.limits = life.limits_of(objective)
        if self.limits.grants.subprocesses:
            raise UsageError(
                f"objective {objective.name} is timed, and the charter lets it start subprocesses",
                advice="Processor time is counted over a program's threads: take `subprocesses` out of its `allow`.",
            )
        never = refused_before(life, objective.name) | life.state.barred
        self.tried = life.archive.forms(objective.name, settled=True) | life.archive.forms_of(objective.name, never)
        self.hot: list[profile.Hot] = []
        self.pending: list[tuple[Candidate, str, str]] = []
        self.waiting: list[Raced] = []
        self._raced: dict[str, tuple[float, ...]] = {}
        self._looked_at: set[str] = set()
        self._calls: dict[str, list[Any]] = {}
        self._each: dict[str, float] = {}
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
        self._profile()
        files = self.life.files()
        views = tuple(
            {
                "kind": "speed", "objective": self.objective.name, "path": path, "source": files[path],
                "functions": [hot.function for hot in self.hot if hot.path == path], "tried": [],
                "wanted": 64, "parent": incumbent.id,
            }
            for path in sorted({hot.path for hot in self.hot})
        )  # fmt: skip
        if not views:
            return None
        listed = ", ".join(f"{hot.function} {hot.own:.0%}" for hot in self.hot[:4])
        return Focus(views, f"profile of {self.objective.entry}: {listed}")

    def _profile(self) -> None:
        """Name the hot functions, time one call of each, and record calls of those that have none yet.

        What is recorded serves later versions too: they are called with the same arguments.
        """
        files, entry, limits = self.life.files(), self.objective.entry, self.limits
        views = self.task.inputs("explore", self.life.search_seed(self.objective.name, "profile") % 2**63, VIEWS)
        outcome = self._run([profile.profile_job(files, entry, views[0], limits)])[0]
        if outcome.status != "ok":
            raise SelfproofError(f"profiling {entry} failed in the jail: {outcome.status} {outcome.message or ''}")
        self.hot = profile.hot_functions(outcome, files, self.objective.files, LEAST_SHARE, HOT)
        places = [hot.place for hot in self.hot]
        if missing := [place for place in places if place not in self._calls]:
            size, keep = KEEP_BYTES * len(missing) // VIEWS, max(2, KEEP_CALLS // VIEWS)
            self._calls |= {place: [] for place in missing}
            for one in self._run([profile.record_job(files, entry, v, missing, keep, size, limits) for v in views]):
                for place, calls in profile.recorded_calls(one).items():
                    self._calls.get(place, []).extend(calls)
            self._calls |= {place: distinct(self._calls[place], KEEP_CALLS, 2 * BATCH_BYTES) for place in missing}
        called = [place for place in places if self._calls[place]]
        for place in called:
            some = self._calls[place][:TIMED]
            empty, one = self._run(replay.replay_jobs([files], place, some, limits), together=True)
            if one.status == "ok":
                self._each[place] = replay.counted(one, empty) / len(some)

    def _run(self, jobs: Sequence[Job], *, together: bool = False) -> list[Outcome]:
        return paired.run(self.life, jobs, together=together)

    # -- propose -----------------------------------------------------------------------------------------------------

    def propose(self, focus: Focus) -> list[Edit]:
        """Ask the improver for rewrites of the hot functions."""
        files, improver = self.life.files(), self.life.charter.proposers.improver
        edits: list[Edit] = []
        views = focus.views if improver else ()
        outcomes = self._run([jailed.request(files, improver, view, self.life.limits) for view in views])
        for outcome, view in zip(outcomes, views, strict=True):
            answer = jailed.receive(outcome, self.objective.name, view["wanted"], (view["path"],))
            if answer.failure:
                raise SelfproofError(f"the improver failed in the jail: {answer.failure}")
            edits += answer.edits
        return edits

    def files_of(self, parent: str) -> Files | None:
        """Edits are made from the incumbent only."""
        del parent
        return None

    def brief(self) -> Brief:
        """The incumbent and its profile."""
        incumbent = self.life.version(self.objective)
        lines = [f"{hot.place}: {hot.own:.0%} of the time itself, {hot.share:.0%} with calls" for hot in self.hot]
        focus = [hot.place for hot in self.hot] or [self.objective.entry]
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
        self.life.log(
            "propose",
            {"objective": self.objective.name, "batch": batch, "n": len(new), "hot": [asdict(h) for h in self.hot],
             "candidates": self.life.stored([candidate_row(c, incumbent, version, form) for c, form, _ in new])},
        )  # fmt: skip
        before, rows = self.life.trials, []
        for candidate, form, place in new:
            if self.life.stopping():
                break
            self.tried.add(form)
            known = self._raced.get(form)  # the same rewrite of the same function, raced on the version before
            outcome, differences = ("raced", known) if known else self._race_one(incumbent, candidate, place)
            score = statistics.median(differences) if differences else None
            if outcome == "raced" and score is not None:
                self._raced[form] = differences
                self.waiting.append(Raced(candidate, form, place, differences, self._saved(place, math.exp(score))))
            rows.append({"id": candidate.id, "outcome": outcome, "score": score, "scores": list(differences)})
            title = candidate.edit.title if candidate.edit else ""
            yield {"event": "candidate", "objective": self.objective.name, "title": title, "outcome": outcome,
                   "speedup": None if score is None else round(math.exp(score), 2)}  # fmt: skip
        self.waiting.sort(key=lambda r: (-r.promise, r.candidate.id))
        self.life.log(
            "race",
            {"objective": self.objective.name, "batch": batch, "trials": self.life.trials - before,
             "results": self.life.stored(rows)},
        )  # fmt: skip
        yield {"event": "race", "objective": self.objective.name, "batch": batch, "candidates": len(new),
               "kept": len(self.waiting), "evaluated": len(self.tried)}  # fmt: skip

    def _saved(self, place: str, ratio: float) -> float:
        """Share of the whole workload's time that a function saves by becoming ``ratio`` times as fast."""
        return min(0.99, self._share(place)) * (1.0 - 1.0 / max(ratio, 1e-9))

    def _share(self, place: str) -> float:
        return next((hot.share for hot in self.hot if hot.place == place), 0.0)

    def _promise(self, place: str) -> float:
        """What a rewrite could save at most; less for functions whose single call already takes long to time."""
        return self._share(place) * min(1.0, REPLAY_S / max(self._each.get(place, 0.0), 1e-6))

    def _new(self, incumbent: Candidate, candidates: Sequence[Candidate]) -> list[tuple[Candidate, str, str]]:
        """Candidates that rewrite exactly one hot function in a way that was not tried before."""
        found: list[tuple[Candidate, str, str]] = []
        seen = {form for _, form, _ in self.pending}
        for candidate in candidates:
            changed = changed_functions(incumbent.files, candidate.files)
            place = next(iter(changed), None)
            if place is None or len(changed) > 1 or place not in self._each or len(self._calls[place]) < 2:
                continue
            form = hashlib.sha256(changed[place].encode()).hexdigest()[:16]
            new = form not in seen and (form not in self.tried or form in self._raced)
            if new and not self.life.is_barred(candidate):
                seen.add(form)
                found.append((candidate, form, place))
        return found

    def _next(self) -> list[tuple[Candidate, str, str]]:
        """What to race now: rewrites that won on the version before, else those of the most promising function."""
        known = [p for p in self.pending if p[1] in self._raced]
        first = max((p[2] for p in self.pending), key=self._promise, default=None)
        now = known or [p for p in self.pending if p[2] == first]
        self.pending = [p for p in self.pending if p not in now]
        return now

    def _race_one(self, incumbent: Candidate, candidate: Candidate, place: str) -> tuple[str, tuple[float, ...]]:
        calls = self._calls[place]
        rng = random.Random(self.life.search_seed(self.objective.name, "fuzz", place) % 2**63)
        preset = PRESETS[self.life.charter.certify.preset]
        differences: list[float] = []
        starts: list[tuple[float, float]] = []
        at: Standing = "on"
        while at == "on":
            some = self.some_calls(place, rng)
            timed, _ = timing.pair(self.life, incumbent, candidate, place, some, rng.random() < 0.5)
            if timed is None:
                return "invalid", ()
            differences.append(speed_pair(timed.row).y)
            starts.append(timed.starts)
            at = standing(preset, differences)
            compared = at != "out" and len(differences) == COMPARED_AFTER
            if compared and not self._equal(candidate, place, calls, rng, IN_RACE):
                return "invalid", tuple(differences)
        return "slow" if at == "out" or replay.late(starts) else "raced", tuple(differences)

    def some_calls(self, place: str, rng: random.Random) -> list[Any]:
        """Recorded explore calls of a function, enough of them to be timed."""
        calls = self._calls[place]
        return rng.sample(calls, max(1, min(len(calls) // 2, self._enough(place))))

    def seconds_of(self, place: str) -> float:
        """Seconds of one call of a hot function; 0 if it was not timed."""
        return self._each.get(place, 0.0)

    def _enough(self, place: str) -> int:
        """Calls that keep the clock busy for about a hundredth of a second."""
        return max(1, round(REPLAY_S / max(self._each.get(place, REPLAY_S), 1e-6)))

    def _equal(self, candidate: Candidate, place: str, calls: Sequence[Any], rng: random.Random, fuzz: Fuzz) -> bool:
        """Whether the candidate behaves like the anchor's function: recorded calls, then hostile ones."""
        anchor = self.life.version(self.objective, self.life.state.anchor)
        size = len(values.encode(list(calls))) // len(calls)
        affordable = int(fuzz.seconds / (CALLED_AGAIN * max(self._each.get(place, 0.0), 1e-6)))
        n = max(fuzz.least, min(fuzz.most, fuzz.bytes // size, affordable))
        some = rng.sample(list(calls), min(RECORDED, len(calls), max(2, n // 2)))
        lists = [*some, *hard_inputs(some, rng, n)]
        parts = [lists[i : i + PER_JOB] for i in range(0, len(lists), PER_JOB)]
        jobs = [replay.observe_job(v.files, place, p, self.limits) for p in parts for v in (anchor, candidate)]
        outcomes = self._run(jobs)
        compared = 0
        for expected, got in zip(outcomes[::2], outcomes[1::2], strict=True):
            if expected.status != "ok":
                continue  # the anchor itself cannot be observed on these inputs, so they say nothing
            if replay.differs(expected, got):
                return False
            compared += 1
        return compared > 0

    # -- certify -----------------------------------------------------------------------------------------------------

    def finalist(self) -> Finalist | None:
        """The most promising rewrite, unless one that is still pending promises more."""
        possible = max((self._promise(place) for _, _, place in self.pending), default=0.0)
        if not self.waiting or self.waiting[0].promise < possible:
            return None
        best = self.waiting.pop(0)
        if robust_t(best.differences) <= 0:
            return None
        del self._raced[best.form]
        notes = {"function": best.place, "saved": best.saved}
        return Finalist(best.candidate, self.life.version(self.objective), best.differences, notes)

    def begin(self, finalist: Finalist, seeds: Sequence[int]) -> Callable[[], Measured]:
        """Pairs that are timed have the machine to themselves: they run when they are waited for."""
        return lambda: self.measure(finalist, seeds)

    def measure(self, finalist: Finalist, seeds: Sequence[int]) -> Measured:
        """For each seed a fresh workload, its calls recorded, replayed on both versions in an order from the seed."""
        place = finalist.notes["function"]
        before = self.life.trials, self.life.cpu_seconds
        rows, broken = [], None
        views = [self.task.inputs("confirm", seed, 1)[0] for seed in seeds]
        for calls, seed in zip(self._recorded(place, views), seeds, strict=True):
            timed, broken = timing.pair(self.life, finalist.incumbent, finalist.candidate, place, calls, bool(seed & 1))
            if timed is None:
                break
            rows.append(timed.row)
            self._starts.setdefault(finalist.candidate.id, []).append(timed.starts)
        spent = self.life.trials - before[0], self.life.cpu_seconds - before[1]
        return Measured(tuple(rows), spent[0], spent[1], self.life.jail.tier, broken)

    def _recorded(self, place: str, views: Sequence[Any]) -> list[list[Any]]:
        """Calls of one function in the incumbent's run on each view."""
        files, limits = self.life.files(), self.limits
        keep = min(KEEP_CALLS, self._enough(place))
        jobs = [profile.record_job(files, self.objective.entry, v, [place], keep, BATCH_BYTES, limits) for v in views]
        found = []
        for outcome in self._run(jobs):
            calls = profile.recorded_calls(outcome).get(place, [])
            if not calls:
                raise paired.IncumbentFailed(f"a fresh workload did not call {place}: {outcome.status}")
            found.append(distinct(calls, keep, BATCH_BYTES))
        return found

    def whole(self, one: Files, two: Files, split: Split, seed: int, n: int) -> list[tuple[float, float]]:
        """Seconds of the whole workload with the files of two versions, on ``n`` fresh inputs, random order."""
        views = enumerate(self.task.inputs(split, seed, n))
        return [timing.whole(self.life, self.objective, one, two, view, bool(seed >> i & 1)) for i, view in views]

    def replays(self, one: Files, two: Files, place: str, seed: int, n: int) -> list[tuple[float, float]]:
        """Seconds of one function in two versions, on calls recorded from ``n`` fresh report inputs."""
        first, second = (self.life.candidate(self.objective, files) for files in (one, two))
        found = []
        for i, calls in enumerate(self._recorded(place, self.task.inputs("report", seed, n))):
            timed, _ = timing.pair(self.life, first, second, place, calls, bool(seed >> i & 1))
            if timed is not None:
                found.append(timed.row[:2])
        return found

    def check(self, finalist: Finalist, seed: int) -> str | None:
        """The time to load and to make a first call, over the confirmation's pairs; then a longer hostile comparison.

        That is with the anchor, on calls of a workload that was never used before.
        """
        place = finalist.notes["function"]
        calls = self._recorded(place, self.task.inputs("confirm", seed, 2))
        anchor = self.life.version(self.objective, self.life.state.anchor)
        starts = self._starts.get(finalist.candidate.id) or self._started_anew(finalist.incumbent, finalist, calls)
        # Against the anchor too: many small delays, each allowed by itself, would add up.
        if moved := replay.late(starts) or replay.late(self._started_anew(anchor, finalist, calls)):
            return moved
        flat = [call for part in calls for call in part]
        if not self._equal(finalist.candidate, place, flat, random.Random(seed), BEFORE_ADOPTION):
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
        saved = self._saved(finalist.notes["function"], float(effect.get("value", 1.0)))
        return -math.log1p(-max(0.0, saved))

    def settled(self, finalist: Finalist, adopted: bool) -> None:
        """After an adoption the rest of the batch is stale: it was written for the version before, and comes again."""
        self._starts.pop(finalist.candidate.id, None)
        if adopted:
            self.waiting, self.pending = [], []
