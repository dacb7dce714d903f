"""Speed objectives: hot functions of the program's own run, rewritten with equal outputs in less time.

A profile of the workload names the functions; the improver suggests rewrites; a rewrite must behave like the anchor's
function on recorded and on hostile inputs before a clock counts. A pair replays calls recorded from a fresh workload
on both versions, one after the other in random order, in a fresh process each; no input is ever repeated. The time is
the engine's, from the first byte of the inputs to the last of the outputs, less what an empty function took.
"""

from __future__ import annotations

import ast
import math
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selfproof.archive.tree import matches
from selfproof.certify.pairs import speed_pair
from selfproof.certify.race import PRESETS, stays
from selfproof.certify.scale import robust_t
from selfproof.charter import Objective
from selfproof.domains.base import Finalist, Focus, Measured
from selfproof.domains.quality import form_of
from selfproof.jail import Job, Outcome, values
from selfproof.life import Life, to_json
from selfproof.nouns import Candidate, Edit, Event, Files, SelfCheckFailed
from selfproof.propose import jailed
from selfproof.trial.calls import hard_inputs, same

HOT = 8
LEAST_SHARE = 0.005
VIEWS = 8
KEEP_CALLS = 64
KEEP_BYTES = 1 << 20
FUZZ = 60
FINAL_FUZZ = 240
PER_JOB = 20
RECORDED_FUZZ = 12
RACE_PAIRS = 12
NOTHING = {"nothing.py": "def nothing(*args):\n    return None\n"}


@dataclass(frozen=True)
class Raced:
    """A rewrite that behaves the same, with its log-ratios on the explore inputs."""

    candidate: Candidate
    function: str
    differences: tuple[float, ...]


class Speed:
    """One speed objective of a life."""

    def __init__(self, life: Life, objective: Objective) -> None:
        self.life, self.objective = life, objective
        task = life.tasks[objective.name]
        self.task: Any = task
        self.tried: set[str] = set(life.archive.forms(objective.name))
        self.hot: list[dict[str, Any]] = []
        self.waiting: list[Raced] = []
        self._looked_at: set[str] = set()
        self._calls: dict[str, list[Any]] = {}

    # -- observe -------------------------------------------------------------------------------------------------

    def observe(self) -> Focus | None:
        """Profile the incumbent's own run; None once every hot function of this version was looked at."""
        incumbent = self.life.version(self.objective)
        if self.waiting:
            return Focus((), "the next rewrite of the last batch")
        if incumbent.id in self._looked_at:
            return None
        self._looked_at.add(incumbent.id)
        seed = self.life.search_seed(self.objective.name, "profile") % 2**63
        inputs = self.task.inputs("explore", seed, VIEWS)
        files = self.life.files()
        self.hot = self._profile(files, inputs[0])
        names = [f"{row['path']}:{row['function']}" for row in self.hot]
        self._calls = self._record(files, inputs, names)
        views = tuple(
            {
                "kind": "speed", "objective": self.objective.name, "path": path, "source": files[path],
                "functions": [row["function"] for row in self.hot if row["path"] == path],
                "tried": sorted(self.tried), "wanted": 64, "parent": incumbent.id,
            }
            for path in sorted({row["path"] for row in self.hot})
        )  # fmt: skip
        if not views:
            return None
        listed = ", ".join(f"{row['function']} {row['share']:.0%}" for row in self.hot[:4])
        return Focus(views, f"profile of {self.objective.entry}: {listed}")

    def _profile(self, files: Files, view: Any) -> list[dict[str, Any]]:
        answer = self._ask(files, self.objective.entry, "profile", {"input": view, "record": [], "keep": 0, "bytes": 0})
        rows = answer.get("hot") if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            raise SelfCheckFailed(f"profiling {self.objective.entry} gave no table")
        own = [r for r in rows if isinstance(r, list) and len(r) == 5 and matches(str(r[0]), self.objective.files)]
        total = sum(float(r[3]) for r in rows if isinstance(r, list) and len(r) == 5) or 1.0
        hot = [
            {"path": r[0], "function": r[1], "calls": r[2], "seconds": r[3], "share": float(r[3]) / total,
             "with_callees": float(r[4]) / total}
            for r in own
            if float(r[4]) / total >= LEAST_SHARE and str(r[1]).isidentifier()
        ]  # fmt: skip
        return hot[:HOT]

    def _record(self, files: Files, views: Sequence[Any], names: Sequence[str]) -> dict[str, list[Any]]:
        """Calls of the named functions in the run on several views."""
        wish = {"record": list(names), "keep": KEEP_CALLS // VIEWS, "bytes": KEEP_BYTES * max(1, len(names)) // VIEWS}
        jobs = [self._job(files, self.objective.entry, "profile", {"input": view, **wish}) for view in views]
        found: dict[str, list[Any]] = {name: [] for name in names}
        for outcome in self._run(jobs):
            answer: Any = values.decode(outcome.outputs[0]) if outcome.status == "ok" else {}
            for name, calls in (answer.get("calls", {}) if isinstance(answer, dict) else {}).items():
                if name in found and isinstance(calls, list):
                    found[name] += [call for call in calls if isinstance(call, list)]
        return found

    def _ask(self, files: Files, entry: str, mode: str, value: Any) -> Any:
        outcome = self._run([self._job(files, entry, mode, value)])[0]
        if outcome.status != "ok":
            raise SelfCheckFailed(f"{mode} of {entry} failed in the jail: {outcome.status} {outcome.message or ''}")
        return values.decode(outcome.outputs[0])

    def _job(self, files: Files, entry: str, mode: str, value: Any) -> Job:
        return Job(files=files, entry=entry, inputs=[values.encode(value)], mode=mode, limits=self.life.limits)

    def _run(self, jobs: Sequence[Job]) -> list[Outcome]:
        outcomes = self.life.jail.map(jobs)
        self.life.trials += len(outcomes)
        self.life.cpu_seconds += sum(o.cpu_seconds for o in outcomes)
        return outcomes

    # -- propose -------------------------------------------------------------------------------------------------

    def propose(self, focus: Focus) -> list[Edit]:
        """Ask the improver for rewrites of the hot functions."""
        files = self.life.files()
        edits: list[Edit] = []
        for outcome, view in zip(
            self._run([jailed.request(files, v, self.life.limits) for v in focus.views]), focus.views, strict=True
        ):
            answer = jailed.receive(outcome, self.objective.name, view["wanted"], (view["path"],))
            if answer.failure:
                raise SelfCheckFailed(f"the improver failed in the jail: {answer.failure}")
            edits += answer.edits
        return edits

    # -- trial ---------------------------------------------------------------------------------------------------

    def race(self, candidates: Sequence[Candidate]) -> Iterator[Event]:
        """Equal behaviour first, then the clock, against the incumbent on explore inputs."""
        incumbent = self.life.version(self.objective)
        new = self._new(candidates)
        if not candidates:
            return
        batch = self.life.state.batches.get(self.objective.name, 0)
        self.life.log(
            "propose",
            {"objective": self.objective.name, "batch": batch, "n": len(new), "hot": self.hot,
             "candidates": self.life.blob(to_json([_row(c, form) for c, form, _ in new]))},
        )  # fmt: skip
        before, rows = self.life.trials, []
        for candidate, _, function in new:
            outcome, differences = self._race_one(incumbent, candidate, function)
            if outcome == "raced":
                self.waiting.append(Raced(candidate, function, differences))
            score = statistics.median(differences) if differences else None
            rows.append({"id": candidate.id, "outcome": outcome, "score": score, "scores": list(differences)})
            title = candidate.edit.title if candidate.edit else ""
            yield {"event": "candidate", "objective": self.objective.name, "title": title, "outcome": outcome,
                   "speedup": None if score is None else round(math.exp(score), 2)}  # fmt: skip
        self.waiting.sort(key=lambda r: (-statistics.median(r.differences), r.candidate.id))
        self.life.log(
            "race",
            {"objective": self.objective.name, "batch": batch, "trials": self.life.trials - before,
             "results": self.life.blob(to_json(rows))},
        )  # fmt: skip
        yield {"event": "race", "objective": self.objective.name, "batch": batch, "candidates": len(new),
               "kept": len(self.waiting), "evaluated": len(self.tried)}  # fmt: skip

    def _new(self, candidates: Sequence[Candidate]) -> list[tuple[Candidate, str, str]]:
        found = []
        incumbent = self.life.version(self.objective)
        for candidate in candidates:
            form = form_of("\n".join(candidate.files[path] for path in sorted(candidate.files)))
            function = self._function(incumbent, candidate)
            if form in self.tried or candidate.id in self.life.state.barred or function is None:
                continue
            self.tried.add(form)
            found.append((candidate, form, function))
        return found

    def _function(self, incumbent: Candidate, candidate: Candidate) -> str | None:
        """The one hot function that the candidate rewrites ("path:name"); new helpers are allowed, nothing else."""
        changed = []
        for path, text in candidate.files.items():
            before, after = _functions(incumbent.files.get(path, "")), _functions(text)
            if before is None or after is None or set(before) - set(after):
                return None
            changed += [f"{path}:{name}" for name in before if before[name] != after[name]]
        hot = {f"{row['path']}:{row['function']}" for row in self.hot}
        return changed[0] if len(changed) == 1 and changed[0] in hot else None

    def _race_one(
        self, incumbent: Candidate, candidate: Candidate, function: str
    ) -> tuple[str, tuple[float, ...]]:
        calls = self._calls.get(function, [])
        if len(calls) < 2:
            return "invalid", ()
        rng = random.Random(self.life.search_seed(self.objective.name, "fuzz", function) % 2**63)
        if not self._equal(candidate, function, calls, rng, FUZZ):
            return "invalid", ()
        preset = PRESETS[self.life.charter.certify.preset]
        differences: list[float] = []
        for reached in preset.rungs:
            while len(differences) < reached:
                some = rng.sample(calls, max(1, len(calls) // 2))
                row, broken = self._pair(incumbent, candidate, function, some, rng.random() < 0.5)
                if broken or row is None:
                    return "invalid", ()
                differences.append(speed_pair(row).y)
            if not stays(preset, differences):
                return "slow", tuple(differences)
        return "raced", tuple(differences)

    def _equal(
        self, candidate: Candidate, function: str, calls: Sequence[Any], rng: random.Random, n: int
    ) -> bool:
        """Whether the candidate behaves like the anchor's function: recorded calls, then hostile ones."""
        anchor = self.life.version(self.objective, self.life.state.anchor)
        some = rng.sample(list(calls), min(RECORDED_FUZZ, len(calls)))
        lists = [*some, *hard_inputs(some, rng, n)]
        parts = [lists[i : i + PER_JOB] for i in range(0, len(lists), PER_JOB)]
        jobs = [self._job(v.files, function, "observe", part) for part in parts for v in (anchor, candidate)]
        outcomes = self._run(jobs)
        for expected, got in zip(outcomes[::2], outcomes[1::2], strict=True):
            if expected.status != "ok":
                continue  # the anchor itself cannot be observed on these inputs, so they say nothing
            if got.status != "ok" or not same(expected.outputs[0], got.outputs[0]):
                return False
        return any(o.status == "ok" for o in outcomes[::2])

    def _pair(
        self, one: Candidate, two: Candidate, function: str, calls: Sequence[Any], swap: bool
    ) -> tuple[tuple[float, float] | None, str | None]:
        """Seconds of both versions on the same calls, one after the other; the second value is a reason to refuse."""
        payload = list(calls)
        order = (two, one) if swap else (one, two)
        empty = self._run([self._job(NOTHING, "nothing.py:nothing", "replay", payload)])[0]
        outcomes = {v.id: self._run([self._job(v.files, function, "replay", payload)])[0] for v in order}
        first, second = outcomes[one.id], outcomes[two.id]
        if first.status != "ok":
            raise SelfCheckFailed(f"{function} of the incumbent failed: {first.status} {first.message or ''}")
        if second.status != "ok":
            return None, f"{second.status} on a recorded call"
        if not same(first.outputs[0], second.outputs[0]):
            return None, "an output differs from the incumbent's"
        overhead = empty.seconds[0] if empty.status == "ok" else 0.0
        seconds = [max(o.seconds[0] - overhead, 0.05 * o.seconds[0]) for o in (first, second)]
        return (seconds[0], seconds[1]), None

    # -- certify -------------------------------------------------------------------------------------------------

    def finalist(self) -> Finalist | None:
        """The rewrite with the largest gain of this batch; the next batch starts from the new incumbent."""
        if not self.waiting:
            return None
        best = self.waiting.pop(0)
        if robust_t(best.differences) <= 0:
            return None
        incumbent = self.life.version(self.objective)
        return Finalist(best.candidate, incumbent, best.differences, {"function": best.function})

    def measure(self, finalist: Finalist, seeds: Sequence[int]) -> Measured:
        """For each seed a fresh workload, its calls recorded, replayed on both versions in an order from the seed."""
        function = finalist.notes["function"]
        before = self.life.trials, self.life.cpu_seconds
        rows, broken = [], None
        for calls, seed in zip(self._fresh_calls(function, seeds), seeds, strict=True):
            row, broken = self._pair(finalist.incumbent, finalist.candidate, function, calls, bool(seed & 1))
            if row is None:
                break
            rows.append(row)
        spent = self.life.trials - before[0], self.life.cpu_seconds - before[1]
        return Measured(tuple(rows), spent[0], spent[1], self.life.jail.tier, broken)

    def _fresh_calls(self, function: str, seeds: Sequence[int]) -> list[list[Any]]:
        return self._recorded(function, [self.task.inputs("confirm", seed, 1)[0] for seed in seeds])

    def _recorded(self, function: str, views: Sequence[Any]) -> list[list[Any]]:
        """The calls of ``function`` in the incumbent's run on each view."""
        files = self.life.files()
        jobs = []
        for view in views:
            wish = {"input": view, "record": [function], "keep": KEEP_CALLS, "bytes": KEEP_BYTES}
            jobs.append(self._job(files, self.objective.entry, "profile", wish))
        found = []
        for outcome in self._run(jobs):
            answer: Any = values.decode(outcome.outputs[0]) if outcome.status == "ok" else {}
            calls = answer.get("calls", {}).get(function, []) if isinstance(answer, Mapping) else []
            if not calls:
                raise SelfCheckFailed(f"a fresh workload did not call {function}: {outcome.status}")
            found.append(calls)
        return found

    def whole(self, one: Files, two: Files, seed: int, n: int) -> list[tuple[float, float]]:
        """Seconds of the whole workload with the files of two versions, on ``n`` fresh report inputs, random order."""
        found = []
        for i, view in enumerate(self.task.inputs("report", seed, n)):
            order = (two, one) if seed >> i & 1 else (one, two)
            outcomes = [self._run([self._job(files, self.objective.entry, "call", view)])[0] for files in order]
            if any(o.status != "ok" for o in outcomes):
                raise SelfCheckFailed(f"{self.objective.entry} failed on a report input: {outcomes[0].message}")
            first, second = reversed(outcomes) if seed >> i & 1 else outcomes
            found.append((first.seconds[0], second.seconds[0]))
        return found

    def replays(self, one: Files, two: Files, function: str, seed: int, n: int) -> list[tuple[float, float]]:
        """Seconds of one function in two versions, on calls recorded from ``n`` fresh report inputs."""
        versions = [self.life.candidate(self.objective, files) for files in (one, two)]
        views = self.task.inputs("report", seed, n)
        found = []
        for i, calls in enumerate(self._recorded(function, views)):
            row, _ = self._pair(versions[0], versions[1], function, calls, bool(seed >> i & 1))
            if row is not None:
                found.append(row)
        return found

    def check(self, finalist: Finalist, seed: int) -> str | None:
        """A longer hostile comparison with the anchor, on calls of a workload that was never used before."""
        function = finalist.notes["function"]
        calls = self._fresh_calls(function, [seed])[0]
        rng = random.Random(seed)
        if not self._equal(finalist.candidate, function, calls, rng, FINAL_FUZZ):
            return "it does not behave like the anchor's function on hostile inputs"
        return None

    def settled(self, finalist: Finalist, adopted: bool) -> None:
        """After an adoption the rest of the batch is stale: it was written for the version before."""
        del finalist
        if adopted:
            self.waiting = []


def _functions(source: str) -> dict[str, str] | None:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    return {node.name: ast.dump(node) for node in tree.body if isinstance(node, ast.FunctionDef)}


def _row(candidate: Candidate, form: str) -> dict[str, object]:
    edit = candidate.edit
    assert edit is not None
    return {"id": candidate.id, "parent": edit.parent, "title": edit.title, "operator": edit.operator,
            "files": dict(candidate.files), "form": form}  # fmt: skip
