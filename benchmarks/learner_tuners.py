"""Optuna's TPE (Bergstra et al. 2011) over the constants of a family of rules, for ``learner.py``.

One family is here, the start program itself with other constants (and, in training, other choices of the model), each
run in the jail like any candidate; people's families are in ``learner_families.py``.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from learner_search import Place

from selfproof.nouns import Files
from selfproof.templates.training.tasks import people
from selfproof.trial import blocks as trials

try:
    import optuna
except ImportError:
    optuna = None  # type: ignore[assignment]

MISSING = "Optuna is not there, its rows are left out: pip install optuna (or pip install -e .[bench])"
WORST = 1e3
"""What a version that gives no valid answer is told to be worth; lower is better everywhere here."""
FINALISTS, FINAL_RUNS, FINAL_SHARE = 8, 3, 0.15
"""Training is noisy: the last of the budget goes into the best few on fresh explore runs, as a search's panel does."""


@dataclass(frozen=True)
class Budget:
    """So many evaluations, or seconds of processor time if ``cpu``."""

    most: float
    cpu: bool = False


@dataclass(frozen=True)
class Family:
    """Rules with constants: how TPE draws them, what they are worth on explore samples (lower is better) and on report
    samples, and how they are told."""

    suggest: Callable[[Any], Any]
    value: Callable[[Any], float]
    report: Callable[[Any], list[float]]
    told: Callable[[Any], str]
    again: Callable[[Any], float] | None = None


def tpe(family: Family, budget: Budget, seed: int, clock: Callable[[], float]) -> tuple[Any, dict[str, Any]]:
    """What TPE finds, its own time counted like any other, and what it cost."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    began, tried, found = clock(), 0, list[tuple[float, int, Any]]()
    limit = budget.most * (1.0 - FINAL_SHARE) if family.again else budget.most
    while (clock() - began if budget.cpu else tried) < limit:
        trial = study.ask()
        values = family.suggest(trial)
        worth = family.value(values)
        study.tell(trial, worth)
        found.append((worth, tried, values))
        tried += 1
    best = [values for _, _, values in sorted(found, key=lambda row: row[:2])]
    if family.again is not None:
        again, measured = family.again, []
        for place, values in enumerate(best[:FINALISTS]):
            if measured and clock() - began >= budget.most:
                break
            measured.append((again(values), place))
        best = [best[min(measured)[1]]]
    cpu = round(clock() - began, 1)
    return best[0], {"candidates": tried, "evaluations": tried, "cpu": cpu}


class Constants:
    """The floats of some functions of a source (of all of it without names) and its choices of the model."""

    def __init__(self, source: str, functions: Sequence[str], ranges: dict[str, tuple[float, float]]) -> None:
        self.source, self.ranges = source, ranges
        self.places: list[tuple[ast.Constant, str]] = []
        tree = ast.parse(source)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and functions and node.name not in functions:
                continue
            if functions and not isinstance(node, ast.FunctionDef):
                continue
            for inner in ast.walk(node):
                if isinstance(inner, ast.Dict):
                    pairs = zip(inner.keys, inner.values, strict=True)
                    self.places += [(v, k.value) for k, v in pairs
                                    if isinstance(k, ast.Constant) and isinstance(v, ast.Constant)]  # fmt: skip
                elif isinstance(inner, ast.Constant) and isinstance(inner.value, float):
                    self.places.append((inner, ""))

    def suggest(self, trial: Any) -> str:
        """The source with values that a trial suggests: two decades around what is there, one minus it near 1."""
        lines = self.source.splitlines(keepends=True)
        spots = enumerate(self.places)
        changes = [(node, self._one(trial, f"{i} {name}", name, node.value)) for i, (node, name) in spots]
        for node, value in sorted(changes, key=lambda change: (-change[0].lineno, -change[0].col_offset)):
            line = lines[node.lineno - 1]
            lines[node.lineno - 1] = f"{line[: node.col_offset]}{value!r}{line[node.end_col_offset :]}"
        return "".join(lines)

    def _one(self, trial: Any, label: str, name: str, value: Any) -> float:
        if name in {"activation", "bigram"}:
            return int(trial.suggest_categorical(label, (0, 1, 2) if name == "activation" else (0, 1)))
        if name:
            low, high = self.ranges[name]
            return int(trial.suggest_int(label, int(low), int(high), log=True))
        if value == 0:
            return float(trial.suggest_float(label, -10.0, 10.0))
        if 0.5 < value < 1.0:
            gap = 1.0 - value
            return 1.0 - float(trial.suggest_float(label, gap / 100, min(0.99, gap * 100), log=True))
        size = float(trial.suggest_float(label, abs(value) / 100, abs(value) * 100, log=True))
        return math.copysign(size, value)


def start_family(place: Place, shown: int, seed: int) -> Family:
    """The start program with other constants, in the jail."""
    path = place.objective.focus[0].partition(":")[0]
    functions = [part.partition(":")[2] for part in place.objective.focus if part.partition(":")[2]]
    constants = Constants(place.start[path], functions, people.RANGES)
    panel = trials.prepare(place.task.samples("explore", seed, shown))
    more = trials.prepare(place.task.samples("explore", seed + 1, FINAL_RUNS)) if place.subject.cpu else []

    def files(source: str) -> Files:
        return {**place.start, path: source}

    def worth(source: str, part: Sequence[trials.Block]) -> float:
        found = place.explored(files(source), part)
        return WORST if found is None else found

    def report(source: str) -> list[float]:
        values: list[float] = place.reported(files(source))["report"]
        return values

    return Family(constants.suggest, lambda s: worth(s, panel), report, lambda s: place.shown(files(s)),
                  (lambda s: worth(s, more)) if more else None)  # fmt: skip
