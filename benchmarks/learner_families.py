"""Rules of people's that the searches of ``learner.py`` are compared with, for TPE and as people tune them.

*Optuna, human*: TPE over all constants of the best family of rules that people have for a subject. *human, tuned*: all
of people's rules, tuned as the closing table of a life does it (grids, then random draws and random climbs), of which
the best on explore samples counts.

Both are given the form of the rule, which is what a search has to find: that knowledge is supplied to them. They are
evaluated in this process, each time on all explore samples; a search gives up most candidates early.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from learner_search import Place, Subject, report_samples, values_of
from learner_tuners import FINAL_RUNS, FINAL_SHARE, FINALISTS, WORST, Budget, Family

from selfproof.templates.apprentice.tasks import mixed, online, tuning
from selfproof.templates.apprentice.tasks.rules import RULES
from selfproof.templates.puzzles.tasks import dispatchers
from selfproof.templates.puzzles.tasks import players as puzzlers
from selfproof.templates.training.tasks import people
from selfproof.trial.task import InvalidAnswer, Sample

# -- memory and stream ---------------------------------------------------------------------------------------------


def _orders(rule: Any, trial: Any, orders: int) -> np.ndarray[Any, Any]:
    found = [[trial.suggest_float(f"{i} {j}", -5.0, 5.0) for j in range(rule.size)] for i in range(orders)]
    return np.array(found)


def _numbers(values: Any) -> str:
    return " ".join(f"{v:.3g}" for v in np.ravel(values))


def _evidence(place: Place, shown: int, seed: int) -> tuple[tuning.Evidence, tuning.Evidence]:
    """What rules need of explore and of report blocks."""

    def told(sample: Sample) -> tuning.Block:
        return tuning.Block(sample.value, place.task.counts.continued.rows(sample.hidden[2]), sample.hidden[0])

    explore, report = place.task.samples("explore", seed, shown), report_samples(place.task, place.subject, place.seed)
    return tuning.Evidence([told(s) for s in explore]), tuning.Evidence([told(s) for s in report])


def memory_families(place: Place, shown: int, seed: int) -> dict[str, Family]:
    """Modified Kneser-Ney, told more than the program is, and Witten-Bell, which is not; orders apart."""
    learned, fresh = _evidence(place, shown, seed)

    def family(name: str) -> Family:
        rule = RULES[name]
        return Family(lambda trial: _orders(rule, trial, tuning.ORDERS), lambda p: float(learned.bits(rule, p).mean()),
                      lambda p: _cut(fresh.bits(rule, p), fresh.sizes), lambda p: f"{name}: {_numbers(p)}")  # fmt: skip

    return {"Optuna, human": family("modified Kneser-Ney"), SAME_OPTUNA: family("Witten-Bell")}


def _cut(bits: Any, sizes: Sequence[int]) -> list[float]:
    parts = np.split(bits, np.cumsum(sizes)[:-1])
    return [round(float(part.mean()), 6) for part in parts]


def memory_people(place: Place, shown: int, budget: Budget, seed: int) -> tuple[str, list[float], int]:
    """The best of all of people's rules on explore blocks, each tuned with the whole budget."""
    return _best_rule(place, shown, budget, seed, list(RULES))


def memory_same(place: Place, shown: int, budget: Budget, seed: int) -> tuple[str, list[float], int]:
    """The best of those that are told no more than the program is: all but Kneser-Ney."""
    return _best_rule(place, shown, budget, seed, [name for name, rule in RULES.items() if rule.sort != "continued"])


def _best_rule(
    place: Place, shown: int, budget: Budget, seed: int, names: Sequence[str]
) -> tuple[str, list[float], int]:
    learned, fresh = _evidence(place, shown, seed)
    tuned = {name: tuning.tune(RULES[name], learned, int(budget.most), seed)[1] for name in names}
    name = min(tuned, key=lambda n: float(learned.bits(RULES[n], tuned[n]).mean()))
    bits = fresh.bits(RULES[name], tuned[name])
    return f"{name}: {_numbers(tuned[name])}", _cut(bits, fresh.sizes), int(budget.most) * len(names)


def stream_families(place: Place, shown: int, seed: int) -> dict[str, Family]:
    """Modified Kneser-Ney with the passage's contexts upon it, all of their weights at once."""
    rule, counts = RULES["modified Kneser-Ney"], place.task.counts
    learned = online.Reading(counts, [s.hidden for s in place.task.samples("explore", seed, shown)])
    fresh = online.Reading(counts, [s.hidden for s in report_samples(place.task, place.subject, place.seed)])

    def suggest(trial: Any) -> Any:
        upon = [trial.suggest_float(f"upon {i}", -5.0, 5.0) for i in range(online.LONGEST + 1)]
        return _orders(rule, trial, online.ORDERS), np.array(upon)

    def passages(of: online.Reading, p: Any) -> list[float]:
        bits = of.static.bits(rule, p[0])
        static = (2.0**-bits - online.FLOOR / online.SYMBOLS) / (1.0 - online.FLOOR)
        with np.errstate(all="ignore"):
            return [round(statistics.fmean(part), 6) for part in of.means(online.backed(of, static, p[1]))]

    said = "modified Kneser-Ney and the passage upon it"
    family = Family(suggest, lambda p: statistics.fmean(passages(learned, p)), lambda p: passages(fresh, p),
                    lambda p: f"{said}: {_numbers(p[0])}; {_numbers(p[1])}")  # fmt: skip
    return {"Optuna, human": family}


def stream_people(place: Place, shown: int, budget: Budget, seed: int) -> tuple[str, list[float], int]:
    """The best of all rules of people's on explore passages, each tuned with the whole budget."""
    explore = [s.hidden for s in place.task.samples("explore", seed, shown)]
    report = [s.hidden for s in report_samples(place.task, place.subject, place.seed)]
    both = online.tuned(place.task.counts, explore, [*explore, *report], int(budget.most), seed)
    best = min(both, key=lambda b: statistics.fmean(v for part in b.draws[: len(explore)] for v in part))
    values = [round(statistics.fmean(part), 6) for part in best.draws[len(explore) :]]
    return f"{best.name}: {best.tuned}", values, int(budget.most) * len(both)


def mixed_people(place: Place, shown: int, budget: Budget, seed: int) -> tuple[str, list[float], int]:
    """The best rule on explore passages, of those that join counts and the neural model too."""
    return _best_mixed(place, shown, budget, seed, with_model=True)


def mixed_counts(place: Place, shown: int, budget: Budget, seed: int) -> tuple[str, list[float], int]:
    """The best of those that know of no model: the count family, which may learn from the passage."""
    return _best_mixed(place, shown, budget, seed, with_model=False)


def _best_mixed(
    place: Place, shown: int, budget: Budget, seed: int, *, with_model: bool
) -> tuple[str, list[float], int]:
    explore = [s.hidden for s in place.task.samples("explore", seed, shown)]
    report = [s.hidden for s in report_samples(place.task, place.subject, place.seed)]
    every = mixed.rules_with(place.task, explore, report, int(budget.most), seed)
    best = min((r for r in every if with_model or "neural" not in r.name), key=lambda r: online.bits(r.known))
    values = [statistics.fmean(part) for part in online.Reading(place.task.counts, report).means(best.new)]
    return f"{best.name}: {best.told}", [round(value, 6) for value in values], int(budget.most) * len(every)


# -- puzzles -------------------------------------------------------------------------------------------------------


def _puzzle(
    place: Place, shown: int, seed: int
) -> tuple[Callable[[Any, Any], float], Callable[[Any, Any], list[float]]]:
    """A rule's worth on explore blocks (lower is better), and its values on the report samples."""
    explore = place.task.samples("explore", seed, shown)
    fresh = report_samples(place.task, place.subject, place.seed)
    sign = 1.0 if place.objective.better == "lower" else -1.0

    def worth(rule: Any, p: Any) -> float:
        return sign * statistics.fmean(v for s in explore for v in place.task.draws(s, rule(s.value, p)))

    def report(rule: Any, p: Any) -> list[float]:
        return values_of(place.subject, [place.task.draws(s, rule(s.value, p)) for s in fresh])

    return worth, report


def game24_families(place: Place, shown: int, seed: int) -> dict[str, Family]:
    """Weights of the best features that a person wrote."""
    worth, report = _puzzle(place, shown, seed)

    def suggest(trial: Any) -> list[float]:
        return [trial.suggest_float(str(i), 0.05, 50.0, log=True) for i in range(3)]

    family = Family(suggest, lambda p: worth(puzzlers.factors, p), lambda p: report(puzzlers.factors, p),
                    lambda p: f"nearest |v - 24|, factors, fractions: {_numbers(p)}")  # fmt: skip
    return {"Optuna, human": family}


def game24_people(place: Place, shown: int, budget: Budget, seed: int) -> tuple[str, list[float], int]:
    """People's rules as a closing table tunes them."""
    worth, report = _puzzle(place, shown, seed)
    explore = place.task.samples("explore", seed, shown)
    tuned = list(puzzlers.tuned(place.task, explore, int(budget.most), seed))
    name, rule, best = min(tuned, key=lambda row: worth(row[1], row[2]))
    return f"{name}: {_numbers(best)}", report(rule, best), int(budget.most)


def dispatch_families(place: Place, shown: int, seed: int) -> dict[str, Family]:
    """ATC or COVERT, and its look-ahead."""
    worth, report = _puzzle(place, shown, seed)

    def suggest(trial: Any) -> tuple[str, float]:
        return trial.suggest_categorical("rule", ("ATC", "COVERT")), trial.suggest_float("k", 0.02, 20.0, log=True)

    rules = dispatchers.RULES
    family = Family(suggest, lambda p: worth(rules[p[0]][0], p[1]), lambda p: report(rules[p[0]][0], p[1]),
                    lambda p: f"{p[0]}: {p[1]:.3g}")  # fmt: skip
    return {"Optuna, human": family}


def dispatch_people(place: Place, shown: int, budget: Budget, seed: int) -> tuple[str, list[float], int]:
    """The literature's rules, each with the best of 41 parameters: more would find the same."""
    del budget
    worth, report = _puzzle(place, shown, seed)
    tuned = list(dispatchers.tuned(place.task, place.task.samples("explore", seed, shown)))
    name, rule, best = min(tuned, key=lambda row: worth(row[1], row[2]))
    return f"{name}: {best:.3g}", report(rule, best), 2 * 41 + len(tuned) - 2


# -- training ------------------------------------------------------------------------------------------------------


def _trained(rule: Any, samples: Sequence[Sample]) -> list[float]:
    return [people.trained(rule, sample.exchange()) for sample in samples]  # type: ignore[misc, arg-type]


def _sessions(place: Place, seed: int) -> tuple[list[Sample], list[Sample]]:
    return place.task.samples("explore", seed, 1), place.task.samples("explore", seed + 1, FINAL_RUNS)


def _bits(rule: Any, samples: Sequence[Sample]) -> float:
    try:
        return statistics.fmean(_trained(rule, samples))
    except (InvalidAnswer, OverflowError):
        return WORST / 100  # a run that diverged: 10 bits, where chance has 6.6


def training_families(place: Place, shown: int, seed: int) -> dict[str, Family]:
    """Adam with all its constants, and the model's choices: the same ranges as people's."""
    del shown
    first, more = _sessions(place, seed)
    fresh = report_samples(place.task, place.subject, place.seed)

    def suggest(trial: Any) -> dict[str, float]:
        found = {n: float(trial.suggest_int(n, *map(int, people.RANGES[n]), log=True)) for n in people.WHOLE}
        found |= {n: float(trial.suggest_float(n, *people.RANGES[n], log=True)) for n in ("lr", "scale")}
        for n in ("one", "two"):
            found[n] = 1.0 - float(trial.suggest_float(n, *people.RANGES[f"gap_{n}"], log=True))
        for n, values in {"activation": (0, 1, 2), "bigram": (0, 1), "last": (0.0, 0.1, 1.0)}.items():
            found[n] = trial.suggest_categorical(n, values)
        return found

    return {"Optuna, human": Family(
        suggest, lambda p: _bits(p, first), lambda p: [round(v, 6) for v in _trained(p, fresh)],
        lambda p: f"Adam: {people.said(p)}", lambda p: _bits(p, more))}  # fmt: skip


def training_people(place: Place, shown: int, budget: Budget, seed: int) -> tuple[str, list[float], int]:
    """Adam, half drawn from the whole ranges and half near the best, for as much processor time."""
    del shown
    first, more = _sessions(place, seed)
    rng, tried, found = np.random.default_rng(seed), 0, list[tuple[float, int, dict[str, float]]]()
    began = time.process_time()
    while (spent := time.process_time() - began) < budget.most * (1.0 - FINAL_SHARE):
        near = min(found, key=lambda row: row[0])[2] if found and spent > budget.most * (1 - FINAL_SHARE) / 2 else None
        rule = people.drawn(rng, True, near)
        found.append((_bits(rule, first), tried, rule))
        tried += 1
    best = [rule for _, _, rule in sorted(found, key=lambda row: row[:2])[:FINALISTS]]
    rule = min(best, key=lambda p: _bits(p, more))
    values = _trained(rule, report_samples(place.task, place.subject, place.seed))
    return f"Adam: {people.said(rule)}", [round(v, 6) for v in values], tried


def training_fixed(where: Place) -> tuple[str, list[float], int]:
    """The tuned Adam of the template: its constants were drawn once, with ``people.TRIES`` runs, and stay."""
    adam = people.TUNED["Adam"]
    values = _trained(adam, report_samples(where.task, where.subject, where.seed))
    return f"Adam: {people.said(adam)}", [round(v, 6) for v in values], people.TRIES


FIXED = "human, the template's Adam"
COUNTS_ONLY = "human, counts only"
SAME_OPTUNA, SAME_HUMAN = "Optuna, same counts", "human, same counts"
People = Callable[[Place, int, Budget, int], tuple[str, list[float], int]]
FAMILIES: dict[str, Callable[[Place, int, int], dict[str, Family]]] = {
    "memory": memory_families, "stream": stream_families, "game24": game24_families, "dispatch": dispatch_families,
    "training": training_families,
}  # fmt: skip
TUNED: dict[str, dict[str, People]] = {
    "memory": {"human, tuned": memory_people, SAME_HUMAN: memory_same},
    "stream": {"human, tuned": stream_people},
    "mixed": {"human, tuned": mixed_people, COUNTS_ONLY: mixed_counts},
    "game24": {"human, tuned": game24_people},
    "dispatch": {"human, tuned": dispatch_people},
    "training": {"human, tuned": training_people},
}


def contestants(subject: Subject) -> list[str]:
    """The names of all, in order; Adam's constants are tuned for the training subject once."""
    more = {"memory": [SAME_OPTUNA], "training": [FIXED]}.get(subject.name, [])
    optuna = ["Optuna, human"] if subject.name in FAMILIES else []
    return ["search", "start", "constants only", "Optuna, start", *optuna, *TUNED.get(subject.name, {}), *more]
