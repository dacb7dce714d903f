"""Quality objectives whose trials take long: a training script, a benchmark, an agent.

What differs from ``Quality`` is what a trial is spent on. Each is a process of its own. A batch is raced block by
block, all candidates side by side, and the worse half leaves early. A short panel cannot tell a lucky
candidate from a better one, so whoever leads on it must win a race against the incumbent on fresh explore pairs, pair
by pair, before it costs a confirmation; its differences freeze the scale. Nothing expects a run to repeat itself.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from selfproof.archive.population import Member, Population
from selfproof.certify.pairs import quality_pair
from selfproof.certify.race import PRESETS, Standing, standing
from selfproof.charter import Objective
from selfproof.domains import costs, paired, sizes
from selfproof.domains.base import Finalist, Measured
from selfproof.domains.briefing import SHOWN, worst_samples
from selfproof.domains.quality import LEAP, Quality
from selfproof.life import Life
from selfproof.nouns import Candidate, Files, Trial
from selfproof.trial import blocks as trials
from selfproof.trial.holdout import FiniteTask

PATIENCE, LONG = 2, 6  # batches without a better leader, and since the last confirmation, after which a lead will do
SLACK = 0.03  # share of the bar by which a candidate may trail it early on
TOO_DEAR = 1.2  # times the allowed cost, in a race: what is dearer than this is not worth a confirmation


class Slow(Quality):
    """One quality objective of a life whose single answers take long."""

    def __init__(
        self, life: Life, objective: Objective, *, stream: str | None = None, operators: Sequence[str] | None = None
    ) -> None:
        super().__init__(life, objective, stream=stream, operators=operators)
        self.alone = self.task.timed
        items = len(self.task.parts["explore"]) if isinstance(self.task, FiniteTask) else None
        workers = 1 if self.task.timed else life.charter.sandbox.workers
        self.sizes = sizes.of_slow(self.task.seconds, workers, items, self.task.short_seconds)
        self.size = self.sizes.panel
        self.population = Population(self.sizes.members)
        self.cost = 0.0  # CPU seconds of the first version's answer to a block of the panel

    def _run(self, work: Sequence[tuple[Files, Sequence[trials.Block]]]) -> list[list[Trial]]:
        """Each block in a process of its own."""
        flat = [(files, block) for files, part in work for block in part]
        jobs = [trials.job(files, self.objective.entry, [block], self.limits) for files, block in flat]
        outcomes = paired.run(self.life, jobs, together=self.task.timed)
        scored = [trials.score(self.task, [block], o)[0] for (_, block), o in zip(flat, outcomes, strict=True)]
        found, at = [], 0
        for _, part in work:
            found.append(scored[at : at + len(part)])
            at += len(part)
        return found

    def _rescore(self, candidates: Sequence[Candidate]) -> None:
        super()._rescore(candidates)
        if not self.cost:
            anchor = self.life.version(self.objective, self.life.state.anchor)
            ((trial,),) = self._run([(anchor.files, self.panel[:1])])
            self.cost = trial.cpu_seconds

    def _rungs(self, candidates: Sequence[Candidate]) -> list[tuple[str, list[float]]]:
        """Race a batch block by block: outcome and scores of each candidate."""
        scores: list[list[float]] = [[] for _ in candidates]
        outcomes = ["raced"] * len(candidates)
        if self.task.short_seconds:
            self._short_rung(candidates, outcomes)
        for number, block in enumerate(self.panel):
            alive = [i for i, outcome in enumerate(outcomes) if outcome == "raced"]
            if self.life.stopping() and number:
                outcomes = ["worse" if outcome == "raced" else outcome for outcome in outcomes]
                break
            for i, (trial,) in zip(alive, self._run([(candidates[i].files, [block]) for i in alive]), strict=True):
                if trial.score is None:
                    outcomes[i] = "invalid"
                    continue
                scores[i].append(self.sign * trial.score)
                if self._too_dear(trial.cpu_seconds) and self._too_dear(self._again(candidates[i], block)):
                    outcomes[i] = "slow"
            if number + 1 == max(1, len(self.panel) // 8) < len(self.panel):
                self._halve(outcomes, scores)
        return list(zip(outcomes, scores, strict=True))

    def _too_dear(self, seconds: float) -> bool:
        return seconds > TOO_DEAR * self.objective.max_cost * self.cost > 0.0

    def _again(self, candidate: Candidate, block: trials.Block) -> float:
        """The CPU of one run more: a busy machine can make a single one of milliseconds look several times as long."""
        ((trial,),) = self._run([(candidate.files, [block])])
        return trial.cpu_seconds

    def _short_rung(self, candidates: Sequence[Candidate], outcomes: list[str]) -> None:
        """On a short sample: out goes all but the best of each family, and what trails the population's best by far.

        Not the worse half: a change that pays off late looks like none on a short run, and must get its chance.
        """
        block = trials.prepare([self.task.short(self.panel[0].sample)])
        versions = [self._texts[self.population.best.id], *candidates]
        (leader,), *scored = self._run([(version.files, block) for version in versions])
        bar = math.inf if leader.score is None else self.sign * leader.score
        leaders: dict[str, tuple[float, int]] = {}
        for i, (trial,) in enumerate(scored):
            outcomes[i] = "invalid" if trial.score is None else "worse"
            if trial.score is not None:
                edit, score = candidates[i].edit, self.sign * trial.score
                family = (edit.family if edit else "") or candidates[i].id
                leaders[family] = min(leaders.get(family, (math.inf, i)), (score, i))
        for score, i in leaders.values():
            if score - bar <= SLACK * abs(bar):
                outcomes[i] = "raced"

    def _halve(self, outcomes: list[str], scores: Sequence[Sequence[float]]) -> None:
        """Early on: out goes the worse half, and what trails the population's last by more than noise."""
        means = {i: statistics.fmean(scores[i]) for i, outcome in enumerate(outcomes) if outcome == "raced"}
        alive = sorted(means, key=lambda i: means[i])
        last = self.population.members[-1].scores if len(self.population.members) > 2 else ()
        base = self._base.scores if self._base else ()
        for place, i in enumerate(alive):
            so_far = len(scores[i])
            bar = statistics.fmean(last[:so_far]) if last else math.inf
            noise = statistics.stdev(base) / 2 / math.sqrt(so_far) if len(base) > 1 else 0.0
            if means[i] - bar > SLACK * abs(bar) + noise or place >= (len(alive) + 1) // 2:
                outcomes[i] = "worse"

    def _ready(self, base: Member, best: Member) -> bool:
        gain = base.score - best.score
        waited = self.quiet >= PATIENCE * self.sizes.batch or self.since >= LONG * self.sizes.batch
        leads = gain > 0.0 if waited else gain >= LEAP * abs(base.score)
        return leads and gain > 0.0 and (gain >= self.objective.min_gain or not self.task.whole)

    def _differences(self, base: Member, best: Member) -> tuple[float, ...] | None:
        """Those of a race on fresh explore pairs, if it wins; of a whole population, if it repeats, the panel's."""
        candidate = self._texts[best.id]
        if self._breaks_a_suite(candidate):
            return None
        if self.task.whole:
            return super()._differences(base, best)
        found: list[float] = []
        at: Standing = "on"
        while at == "on" and not self.life.stopping():
            measured = self._some_pairs(candidate, len(found))
            if measured.broken is not None:
                return None
            for row in measured.rows:
                found.append(quality_pair(row, self.task.better).y)
                at = standing(PRESETS[self.life.charter.certify.preset], found)
                if at != "on":
                    break
        if at == "out":
            self.refused.add(best.id)
        return tuple(found) if at == "through" else None

    def _simplified(self, best: Member) -> Candidate | None:
        """As it is: hundreds of runs of what takes long, and often answers otherwise when asked again, are too dear."""
        return self._texts[best.id]

    def _some_pairs(self, candidate: Candidate, first: int) -> Measured:
        """As many fresh explore pairs as fit beside each other."""
        at_once = 1 if self.task.timed else max(1, self.life.charter.sandbox.workers // 2)
        seeds = [self.life.search_seed(self.stream, "second", candidate.id, first + j) % 2**63 for j in range(at_once)]
        fresh = trials.prepare([self.task.samples("explore", seed, 1)[0] for seed in seeds])
        return paired.on_blocks(self.life, (self.life.version(self.objective), candidate), self.task, fresh)

    def _breaks_a_suite(self, candidate: Candidate) -> bool:
        """Whether a guard that is a whole population would veto it: that is cheaper to know before."""
        for guard in self.life.charter.guards:
            task = self.life.guards[guard.name]
            if guard.objective != self.objective.name or not isinstance(task, FiniteTask) or not task.whole:
                continue
            reference = self.life.version(self.objective, self.life.state.high_water(guard.name))
            every = trials.prepare(task.parts["explore"])
            measured = paired.on_blocks(self.life, (reference, candidate), task, every, guard)
            losses = [-quality_pair(row, task.better).y for row in measured.rows]
            if measured.broken is not None or max(losses) > guard.margin:
                return True
        return False

    def _worst(self, best: Candidate) -> tuple[str, ...]:
        """Some answers, each asked for alone; none of a command, whose output tells its score."""
        some = () if self.objective.joint or self.task.timed else self.panel[:SHOWN]
        each = [worst_samples(self.life, self.task, self.sign, best, [block]) for block in some]
        return tuple(text for texts in each for text in texts)

    def check(self, finalist: Finalist, seed: int) -> str | None:
        """It must not cost much more than the anchor: one answer of each to a few samples."""
        part = trials.prepare(self.task.samples("confirm", seed, 3))
        return costs.refusal(self.life, self.objective, finalist.candidate, part, alone=True)
