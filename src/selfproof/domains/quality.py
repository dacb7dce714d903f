"""Quality objectives: search over the focus functions' code, raced and confirmed on blocks of samples.

The search is a population in the uncertified archive. A batch of edits is raced by rungs on the explore panel: block
0, then 1-2, then the rest; a candidate leaves as soon as it trails the last member of the population by more than the
rung's slack. The best member meets the incumbent in a confirmation once it is clearly ahead, so several uncertified
steps add up before one costs alpha. With a seed every choice follows from the results; a clock enters only where CPU
cost is a reason to refuse, and where a deadline ends a trial.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from selfproof.archive.population import Member, Population
from selfproof.certify.race import PRESETS, standing
from selfproof.certify.scale import robust_t
from selfproof.charter import Objective
from selfproof.domains import choosing, costs, leaves, paired, remembering, sharing, simplifying, single
from selfproof.domains.asking import Improvers
from selfproof.domains.base import Finalist, Focus, Measured, refused_before
from selfproof.domains.briefing import brief_of, own_files, worst_samples
from selfproof.domains.forms import Tried
from selfproof.domains.rungs import RUNGS, Rungs
from selfproof.domains.shape import Shape, functions_of, shape_of
from selfproof.domains.sizes import SINGLE, USUAL, Sizes
from selfproof.learn import plateau
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, Event, Files, SelfproofError, Trial
from selfproof.operators import OPERATORS
from selfproof.propose.brief import Brief
from selfproof.trial import blocks as trials
from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import Task

BAR = 24
PARENTS = 12
HISTORY = 150
# Counted in candidates, so that a model's few and an improver's many are treated alike; an idle turn counts as IDLE.
SPACED = 96
PATIENCE = 96
LONG = 288
IDLE = 48
LEAP = 0.03
LEAST = 0.004
MOST_TRIED = 4096  # forms that an improver is told of; the engine knows all
APART = "apart"  # a finalist's note: its candidate answers other samples than its incumbent
SINGLE_T = 1.5  # of single samples: their panel is long, and a finalist may be the best of many


class Quality:
    """One quality objective of a life. ``operators`` limits the search, for the constants-only control."""

    alone = False
    sizes: Sizes = USUAL

    def __init__(
        self,
        life: Life,
        objective: Objective,
        *,
        stream: str | None = None,
        operators: Sequence[str] | None = None,
    ) -> None:
        task = life.tasks[objective.name]
        assert isinstance(task, Task)
        self.life, self.objective, self.task = life, objective, task
        self.limits = life.limits_of(objective)
        self.stream = stream or objective.name
        self.sign = 1.0 if objective.better == "lower" else -1.0
        self.single = isinstance(task, FiniteTask)
        self.sizes = SINGLE if self.single else USUAL
        self.rungs, self.size = ({} if self.single else RUNGS), self.sizes.panel
        self.operators = list(operators or [*OPERATORS, "crossover"])
        self.unfinished = False  # a batch is raced in one go
        self.start = own_files(life, objective, 0)
        self.path, self.functions = functions_of(self.start, objective.focus or (objective.entry,))
        self.function = self.functions[0] if len(self.functions) == 1 else ""  # several: the file's form is compared
        self.population = Population()
        self.improvers = Improvers(life, objective, partial(paired.run, life), self.files_of, self._is_new)
        self.panel: list[trials.Block] = []
        self.panel_number = -1
        self.tried = Tried(newest=MOST_TRIED)
        self.refused = refused_before(life, objective.name)
        self.evaluated = self._before = life.archive.counts().get(self.stream, 0)
        self.quiet, self.since = 0, SPACED
        self.bests = plateau.History()
        self.first_scores: set[float] = set()
        self.many = False  # whether a sample holds many draws: then equal scores are equal answers
        self._failures: tuple[str, ...] = ()
        self._base: Member | None = None
        self._texts: dict[str, Candidate] = {}

    # -- observe -------------------------------------------------------------------------------------------------

    def observe(self) -> Focus | None:
        """Parents from the archive, what was tried, and one view per worker."""
        batch = self._batch()
        self._draw_panel(0 if self.task.whole else self.evaluated // self.sizes.redraw)
        best = self.population.best
        sentence = f"{' and '.join(self.functions) or 'all'} in {self.path}, best on the explore panel {best.score:.4f}"
        if not self.life.charter.proposers.improver:
            return Focus((), sentence)
        rng = random.Random(self.life.search_seed(self.stream, "parents", batch))
        rows = self.life.archive.history(self.stream, HISTORY)
        history = [{key: row[key] for key in ("title", "operator", "outcome", "score")} for row in rows]
        tried, level = self.tried.told(), self.stale
        known = self.life.experience.told("quality", self.objective.metric, self.operators)
        views = []
        for worker in range(2):
            lineage = self.life.archive.lineage(self.stream)
            chosen = choosing.parents(self.life.strategy, self.population, lineage, PARENTS, rng)
            parents = [{"id": m.id, "source": m.source, "score": m.score, "size": m.size} for m in chosen]
            views.append(
                {
                    "kind": "quality", "objective": self.objective.name, "path": self.path,
                    "function": self.functions[(2 * batch + worker) % len(self.functions)],
                    "wanted": self.sizes.wanted, "plateau": level, "experience": known,
                    "operators": plateau.widened(self.operators, level, worker),
                    "seed": self.life.search_seed(self.stream, "propose", batch, worker) % 2**63,
                    "parents": parents, "history": history, "tried": tried,
                }
            )  # fmt: skip
        return Focus(tuple(views), sentence)

    def _batch(self) -> int:
        return self.life.state.batches.get(self.stream, 0)

    def _draw_panel(self, number: int) -> None:
        if number == self.panel_number:
            return
        first = self.panel_number < 0
        self.panel_number = number
        seed = self.life.search_seed(self.objective.name, "panel", number) % 2**63
        self.panel = trials.prepare(self.task.samples("explore", seed, self.size))
        self.first_scores = set()
        incumbent = self.life.version(self.objective, 0 if self.stream != self.objective.name else None)
        if first:
            self.tried = Tried(sorted(self.life.archive.forms(self.stream)), newest=MOST_TRIED)
            higher = self.objective.better == "higher"
            rows = self.life.archive.best(self.stream, self.population.most, highest=higher)
            known = sharing.members(self.life, self.objective, rows)
        else:
            known = [self._texts[member.id] for member in self.population.members]
        self._rescore([incumbent, *(c for c in known if c.id != incumbent.id)])
        if first:
            self._remember(incumbent)

    def _remember(self, candidate: Candidate) -> str:
        """Its form, which counts as tried from now on."""
        shape = self._shape(candidate)
        form = shape.form if shape is not None else ""
        if form:
            self.tried.add(form)
        return form

    def _shape(self, candidate: Candidate) -> Shape | None:
        return shape_of(candidate.files, self.start, self.path, self.function)

    def _rescore(self, candidates: Sequence[Candidate]) -> None:
        """Score versions anew on the whole panel; the first is the incumbent."""
        scored = self._run([(c.files, self.panel) for c in candidates])
        members = [
            self._member(c, self._signed(t))
            for c, t in zip(candidates, scored, strict=True)
            if all(one.score is not None for one in t)
        ]
        if not members or members[0].id != candidates[0].id:
            raise SelfproofError(
                f"the incumbent gives no valid answer for objective {self.objective.name}: {scored[0][0].message}",
                advice="Run `selfproof rollback` to an earlier version, or look at the task.",
            )
        self._base = members[0]
        self.many = all(len(t.draws) > 1 for t in scored[0])
        self._failures = ()
        self._texts = {c.id: c for c in candidates}
        self.population.replace_all(members)
        self.bests = plateau.rescored(self.bests, self.population.best.score)

    @property
    def stale(self) -> float:
        """Whether the search has stopped getting better: 0 to 1 (see ``learn.plateau``)."""
        return plateau.plateau(self.bests, self.evaluated, 2 * self.sizes.batch)

    def _signed(self, scored: Sequence[Trial]) -> list[float]:
        """Scores so that lower is better, of blocks that were validly answered."""
        return [self.sign * t.score for t in scored if t.score is not None]

    def _member(self, candidate: Candidate, scores: Sequence[float]) -> Member:
        source = candidate.files[self.path]
        operator = candidate.edit.operator if candidate.edit else "start"
        shape = self._shape(candidate)
        assert shape is not None
        return Member(candidate.id, source, tuple(scores), shape.size, shape.structure, operator)

    def propose(self, focus: Focus) -> list[Edit]:
        """Ask the improver of the certified line, once per worker."""
        return self.improvers.edits(focus.views)

    # -- trial ---------------------------------------------------------------------------------------------------

    def files_of(self, parent: str) -> Files | None:
        """The files of a member of the population."""
        known = self._texts.get(parent)
        return known.files if known else None

    def brief(self) -> Brief:
        """The best member so far, with the explore samples on which it does worst."""
        best = self._texts[self.population.best.id]
        focus = self.objective.focus or (self.objective.entry,)
        if not self._failures:
            self._failures = self._worst(best)
        return brief_of(self.life, self.objective, best, focus=focus, failures=self._failures)

    def _worst(self, best: Candidate) -> tuple[str, ...]:
        return worst_samples(self.life, self.task, self.sign, best, self.panel)

    def race(self, candidates: Sequence[Candidate]) -> Generator[Event, None, None]:
        """Race a batch on the panel, rung by rung, and let survivors into the population."""
        new = sharing.unclaimed(self.life, self.objective, self.stream, self._new(candidates), self.size)
        self.since += len(new) or IDLE
        if not new and not self.life.charter.proposers.improver:  # an improver's batches are counted, empty ones too
            return
        batch, before = self._batch(), self.life.trials
        leaves.proposed(self.life, self.objective, self.stream, batch, new)
        results = self._rungs([c for c, _ in new])
        best, parents = self.population.best.rank, {member.id: member for member in self.population.members}
        rows = [self._enter(c, outcome, scores) for (c, _), (outcome, scores) in zip(new, results, strict=True)]
        self.evaluated += len(new)
        self.bests = plateau.seen(self.bests, self.evaluated, self.population.best.score)
        if self.stream == self.objective.name:
            remembering.raced(self.life, self.objective, parents, self._texts, [c for c, _ in new], rows)
        self._forget()
        self.quiet = self.quiet + len(new) if self.population.best.rank >= best else 0
        leaves.raced(self.life, self.stream, batch, self.panel_number, self.life.trials - before, rows)
        top = self.population.best
        yield {
            "event": "race", "objective": self.objective.name, "stream": self.stream, "batch": batch,
            "candidates": len(new), "kept": sum(r["outcome"] == "raced" for r in rows), "best": abs(top.score),
            "incumbent": abs(self._base.score) if self._base else None, "evaluated": self.evaluated - self._before,
        }  # fmt: skip

    def _enter(self, candidate: Candidate, outcome: str, scores: Sequence[float]) -> dict[str, Any]:
        """Let a candidate that was raced into the population if it may be there; its row in the ledger."""
        if outcome == "raced":
            self._texts[candidate.id] = candidate
            if not self.population.insert(self._member(candidate, scores)):
                outcome = "equal"
        score = self.sign * sum(scores) / len(scores) if scores and outcome != "invalid" else None
        return {"id": candidate.id, "outcome": outcome, "score": score,
                "scores": [self.sign * value for value in scores]}  # fmt: skip

    def _forget(self) -> None:
        """Let go of the texts of versions that left the population."""
        if len(self._texts) > 2 * self.population.most:
            kept = {member.id for member in self.population.members}
            self._texts = {name: known for name, known in self._texts.items() if name in kept}

    def _is_new(self, candidate: Candidate) -> bool:
        """Whether it differs from everything tried before by its normalised source."""
        shape = self._shape(candidate)
        fresh = shape is not None and sharing.untried(self.life, candidate, shape.form, self.tried)
        return fresh and not self.life.is_barred(candidate)

    def _new(self, candidates: Sequence[Candidate]) -> list[tuple[Candidate, str]]:
        return [(candidate, self._remember(candidate)) for candidate in candidates if self._is_new(candidate)]

    def _rungs(self, candidates: Sequence[Candidate]) -> list[tuple[str, list[float]]]:
        """Screen each candidate, block after block, until it trails the bar at a rung: outcome and scores."""
        bar = self.population.bar(BAR)
        known = [partial(self._known_first, self._shape(c)) for c in candidates]
        rungs = [Rungs(self.task, self.panel, self.sign, self.rungs, bar, its) for its in known]
        jobs = [
            replace(
                trials.job(c.files, self.objective.entry, self.panel, self.limits),
                go_on=rung.go_on,
                screening=True,
            )
            for c, rung in zip(candidates, rungs, strict=True)
        ]
        outcomes = paired.run(self.life, jobs)
        results = []
        for outcome, rung, its in zip(outcomes, rungs, known, strict=True):
            scores = rung.scores
            if outcome.status != "ok" or not scores or len(scores) < len(outcome.outputs):
                results.append(("invalid", scores))
            elif its(scores[0]):
                results.append(("equal", scores))
            else:
                self.first_scores.add(round(scores[0], 9))
                results.append(("raced" if len(scores) == len(self.panel) else "worse", scores))
        return results

    def _known_first(self, shape: Shape | None, score: float) -> bool:
        """Whether a first score of many draws was seen before: the same answer, of code that is not the smaller."""
        first = round(score, 9)
        larger = any(round(m.scores[0], 9) == first and shape and shape.size < m.size for m in self.population.members)
        return self.many and first in self.first_scores and not larger

    def _run(self, work: Sequence[tuple[Files, Sequence[trials.Block]]]) -> list[list[Trial]]:
        outcomes = paired.run(self.life, [trials.job(f, self.objective.entry, part, self.limits) for f, part in work])
        return [trials.score(self.task, part, o) for (_, part), o in zip(work, outcomes, strict=True)]

    def finalist(self) -> Finalist | None:
        """The best member, once it leads by a leap or has led for some batches without getting better.

        Leaders leave the population here if a fresh process does not repeat the scores that screening gave, or if
        they lose on a guard's explore samples: the guard would veto them later.
        """
        base = self._base
        while base is not None:
            members = [m for m in self.population.members if m.id not in self.refused]
            members = [m for m in members if not self.life.is_barred(self._texts[m.id])]
            if not members or members[0].id == base.id or not self._ready(base, members[0]):
                return None
            best = members[0]
            differences = self._differences(base, best)
            guarded = differences is None or paired.loses_on_a_guard(self.life, self._texts[best.id], self.panel_number)
            if differences is not None and not guarded and (candidate := self._simplified(best)):
                return Finalist(candidate, self.life.version(self.objective), differences)
            self.population.members.remove(best)
        return None

    def _simplified(self, best: Member) -> Candidate | None:
        """A leader, or a smaller version with its answers, which takes its place; None if that was refused before."""
        leader, batch, before = self._texts[best.id], self._batch(), self.life.trials
        found = simplifying.simplified(self.life, self.task, leader, (self.path, self.function), self.panel)
        if found is None:
            return leader
        if found.id in self.refused or self.life.is_barred(found):
            return None
        self.population.members.remove(best)
        new, row = self._new([found]), self._enter(found, "raced", best.scores)  # its answers are the leader's
        if new:
            leaves.proposed(self.life, self.objective, self.stream, batch, new)
            leaves.raced(self.life, self.stream, batch, self.panel_number, self.life.trials - before, [row])
            self.evaluated += 1
            remembering.raced(self.life, self.objective, {best.id: best}, self._texts, [found], [row])
        return found

    def _differences(self, base: Member, best: Member) -> tuple[float, ...] | None:
        """What it gains on the panel, if a process of its own gives the scores that screening gave."""
        (again,) = self._run([(self._texts[best.id].files, self.panel)])
        fresh = self._signed(again)
        if len(fresh) != len(best.scores) or not all(map(math.isclose, fresh, best.scores)):
            return None
        return tuple(b - c for b, c in zip(base.scores, best.scores, strict=True))

    def _ready(self, base: Member, best: Member) -> bool:
        gain = base.score - best.score
        waited = self.quiet >= PATIENCE or self.since >= LONG
        leaps = self.since >= SPACED and gain >= LEAP * abs(base.score)
        leads = leaps or (waited and gain >= LEAST * abs(base.score))
        differences = [b - c for b, c in zip(base.scores, best.scores, strict=True)]
        preset = PRESETS[self.life.charter.certify.preset]
        sure = robust_t(differences) > 0 and standing(preset, differences) != "out"
        if self.single:
            sure = self.task.whole or single.plain_t(differences) >= SINGLE_T
        return leads and gain >= self.objective.min_gain and sure

    def begin(self, finalist: Finalist, seeds: Sequence[int]) -> Callable[[], Measured]:
        """Fresh blocks from the confirm pool, both versions on the same positions, a fresh process each."""
        versions = (finalist.incumbent, finalist.candidate)
        others = paired.drawn(self.task, [seed + 1 for seed in seeds]) if finalist.notes.get(APART) else None
        return paired.begin(self.life, versions, self.task, paired.drawn(self.task, seeds), others)

    def check(self, finalist: Finalist, seed: int) -> str | None:
        """Answers must not depend on a block's other draws, and must not cost much more than the anchor's."""
        samples = self.task.samples("confirm", seed, 6)
        if paired.company_matters(self.life, finalist.candidate, self.task, samples, seed):
            return "its answer to a draw depends on the other draws of the block"
        return costs.refusal(self.life, self.objective, finalist.candidate, trials.prepare(samples))

    def gain_of(self, finalist: Finalist, effect: Mapping[str, Any]) -> float:
        """The effect as the logarithm of a ratio; of a hold-out's the race's, since nothing else may steer a search."""
        measured = float(effect.get("value", 0.0))
        if self.single and not self.task.whole:
            measured = math.fsum(finalist.differences) / max(1, len(finalist.differences))
        now = abs(self.population.best.score) if self.population.members else 1.0
        return math.log1p(max(0.0, measured) / max(now, 0.01 * measured, 1e-9))  # a perfect score is no infinite gain

    def settled(self, finalist: Finalist, adopted: bool) -> None:
        """An adopted candidate is the new base; a refused one is not sent in again."""
        self.since = 0
        if adopted:
            self.quiet = 0
            found = [m for m in self.population.members if m.id == finalist.candidate.id]
            if found:
                self._base = found[0]
            else:
                self.panel_number = -1  # adopted by an earlier run: score everything anew
        else:
            self.refused.add(finalist.candidate.id)
