"""Where a timed program spends its time, and the calls on which its functions are compared.

A profile of the workload names the hot functions; their calls are recorded while it runs. What was recorded serves
later versions too: they are called with the same arguments. If the charter's `focus` names a function, that one is a
place too, whatever its own time: what cannot be called by itself, such as a method, is compared through it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from selfproof.archive.tree import matches
from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.domains.rewrites import Fuzz
from selfproof.jail import Job, Outcome, values
from selfproof.life import Life
from selfproof.nouns import Candidate, Files, SelfproofError
from selfproof.observe import profile
from selfproof.trial import replay
from selfproof.trial.calls import distinct, hard_inputs
from selfproof.trial.task import Workload

HOT = 16
LEAST_SHARE = 0.005
VIEWS = 4
KEEP_CALLS = 1024
KEEP_BYTES = 1 << 20
BATCH_BYTES = 1 << 18  # arguments of a timed batch: reading them in is noise
REPLAY_S = 0.01
TIMED = 4
CALLED_AGAIN = 3  # how often a comparison makes each call
PER_JOB = 20
RECORDED = 12


class Hotspots:
    """The hot functions of one speed objective, as far as they are known: empty before ``look``."""

    def __init__(self, life: Life, objective: Objective, task: Workload) -> None:
        self.life, self.objective, self.task = life, objective, task
        self.limits = life.limits_of(objective)
        self.hot: list[profile.Hot] = []
        self.focus = next((place for place in objective.focus if not place.endswith(":")), None)
        self._calls: dict[str, list[Any]] = {}
        self._each: dict[str, float] = {}
        self._called: frozenset[str] | None = None
        self._now: frozenset[str] = frozenset()
        self.tree: list[list[Any]] = []
        """Who calls whom in the incumbent's own run; [] once it was logged, and where it is not known."""

    def look(self) -> None:
        """Name the hot functions of the incumbent, record calls of those that have none yet, and time one call each."""
        files, entry = self.life.files(), self.objective.entry
        views = self.task.inputs("explore", self.life.search_seed(self.objective.name, "profile") % 2**63, VIEWS)
        (outcome,) = self._profiles(files, views[:1], tree=True)
        self._now = profile.called(outcome, files)
        self.tree = profile.call_tree(outcome, files)
        section, globs = self.life.charter.program, self.objective.files
        hot = profile.hot_functions(outcome, files, globs, LEAST_SHARE, HOT)
        may_change = (one for one in hot if matches(one.path, section.editable))
        self.hot = [one for one in may_change if not matches(one.path, section.protected)]
        places = list(dict.fromkeys([one.place for one in self.hot] + ([self.focus] if self.focus else [])))
        if missing := [place for place in places if place not in self._calls]:
            size, keep = KEEP_BYTES * len(missing) // VIEWS, max(2, KEEP_CALLS // VIEWS)
            self._calls |= {place: [] for place in missing}
            jobs = [profile.record_job(files, entry, view, missing, keep, size, self.limits) for view in views]
            for one in self.run(jobs):
                for place, calls in profile.recorded_calls(one).items():
                    self._calls.get(place, []).extend(calls)
            self._calls |= {place: distinct(self._calls[place], KEEP_CALLS, 2 * BATCH_BYTES) for place in missing}
        for place in [place for place in places if self._calls[place]]:
            some = self._calls[place][:TIMED]
            empty, one = self.run(replay.replay_jobs([files], place, some, self.limits), together=True)
            if one.status == "ok":
                self._each[place] = replay.counted(one, empty) / len(some)

    def called(self) -> frozenset[str]:
        """Functions and methods of the anchor, "FILE.py:Class.method", that the workload calls."""
        if self._called is None:
            views = self.task.inputs("explore", self.life.search_seed(self.objective.name, "profile") % 2**63, VIEWS)
            files = self.life.files(self.life.state.anchor)
            outcomes = self._profiles(files, views)
            self._called = frozenset().union(*(profile.called(outcome, files) for outcome in outcomes))
        return self._called

    def called_in(self, path: str) -> list[str]:
        """Those of one file, if the focus can judge them together; none without a focus."""
        places = self.called() if self.focus else frozenset()
        return sorted(function for file, _, function in (place.partition(":") for place in places) if file == path)

    def _profiles(self, files: Files, views: Sequence[Any], *, tree: bool = False) -> list[Outcome]:
        entry = self.objective.entry
        outcomes = self.run([profile.profile_job(files, entry, view, self.limits, tree=tree) for view in views])
        if failed := next((outcome for outcome in outcomes if outcome.status != "ok"), None):
            raise SelfproofError(f"profiling {entry} failed in the jail: {failed.status} {failed.message or ''}")
        return outcomes

    def run(self, jobs: Sequence[Job], *, together: bool = False) -> list[Outcome]:
        """Run jobs side by side, or back to back in one worker."""
        return paired.run(self.life, jobs, together=together)

    # -- what is known of a place ------------------------------------------------------------------------------------

    @property
    def known(self) -> list[str]:
        """Places that can be compared by themselves: at least two calls, and the time of one."""
        return [place for place in self._each if len(self._calls[place]) > 1]

    @property
    def judging(self) -> list[str]:
        """Those of them that the incumbent still calls: a rewrite may have left a function without a caller."""
        return [place for place in self.known if place in self._now]

    def calls_of(self, place: str) -> list[Any]:
        """Recorded explore calls of a function."""
        return self._calls[place]

    def some_calls(self, place: str, rng: random.Random) -> list[Any]:
        """Some of them, enough to be timed."""
        calls = self._calls[place]
        return rng.sample(calls, max(1, min(len(calls) // 2, self._enough(place))))

    def seconds_of(self, place: str) -> float:
        """Seconds of one call; 0 if it was not timed."""
        return self._each.get(place, 0.0)

    def share(self, place: str) -> float:
        """The share of the workload's time that a function takes, with what it calls: all of it for the focus."""
        found = next((hot.share for hot in self.hot if hot.place == place), 0.0)
        return max(found, float(place == self.focus))

    def promise(self, place: str) -> float:
        """What a rewrite could save at most; less for functions whose single call already takes long to time."""
        return self.share(place) * min(1.0, REPLAY_S / max(self.seconds_of(place), 1e-6))

    def saved(self, place: str, ratio: float) -> float:
        """Share of the whole workload's time that a function saves by becoming ``ratio`` times as fast."""
        return min(0.99, self.share(place)) * (1.0 - 1.0 / max(ratio, 1e-9))

    def _enough(self, place: str) -> int:
        """Calls that keep the clock busy for about a hundredth of a second."""
        return max(1, round(REPLAY_S / max(self._each.get(place, REPLAY_S), 1e-6)))

    # -- fresh calls, and equal behaviour ----------------------------------------------------------------------------

    def recorded(self, files: Files, place: str, views: Sequence[Any], *, needed: bool = True) -> list[list[Any]]:
        """Calls of one function in the run of a version of the objective's ``files`` on each view.

        Raises:
            IncumbentFailed: a view has none, where they are ``needed``; else it is left out.
        """
        keep, entry, whole = min(KEEP_CALLS, self._enough(place)), self.objective.entry, {**self.life.files(), **files}
        jobs = [profile.record_job(whole, entry, v, [place], keep, BATCH_BYTES, self.limits) for v in views]
        found = []
        for outcome in self.run(jobs):
            calls = profile.recorded_calls(outcome).get(place, [])
            if calls:
                found.append(distinct(calls, keep, BATCH_BYTES))
            elif needed:
                raise paired.IncumbentFailed(f"a fresh workload did not call {place}: {outcome.status}")
        return found

    def equal(self, candidate: Candidate, place: str, calls: Sequence[Any], rng: random.Random, fuzz: Fuzz) -> bool:
        """Whether the candidate behaves like the anchor's function: recorded calls, then hostile ones."""
        anchor = self.life.version(self.objective, self.life.state.anchor)
        size = len(values.encode(list(calls))) // len(calls)
        affordable = int(fuzz.seconds / (CALLED_AGAIN * max(self.seconds_of(place), 1e-6)))
        n = max(fuzz.least, min(fuzz.most, fuzz.bytes // size, affordable))
        some = rng.sample(list(calls), min(RECORDED, len(calls), max(2, n // 2)))
        lists = [*some, *hard_inputs(some, rng, n)]
        parts = [lists[i : i + PER_JOB] for i in range(0, len(lists), PER_JOB)]
        jobs = [replay.observe_job(v.files, place, p, self.limits) for p in parts for v in (anchor, candidate)]
        outcomes = self.run(jobs)
        compared = 0
        for expected, got in zip(outcomes[::2], outcomes[1::2], strict=True):
            if expected.status != "ok":
                continue  # the anchor itself cannot be observed on these inputs, so they say nothing
            if replay.differs(expected, got):
                return False
            compared += 1
        return compared > 0
