"""Run an OpenEvolve evaluator on the candidate: directly, or stage by stage where the task has a cascade. Protected.

The evaluator runs here, in the jail, in one process with the candidate: its word is taken for the score.
"""

import selfproof_ready as ready

STAGES = ("evaluate_stage1", "evaluate_stage2", "evaluate_stage3")


def evaluate(program, home, ask):
    """{"seed", "evaluator", "candidate", "thresholds"} -> {"metrics", "artifacts", "stage", "stages"}.

    ``thresholds`` is empty without a cascade. ``stage`` is the last one that ran, ``stages`` how many there are.
    Whatever the evaluator raises ends the trial: a program that it cannot measure has no score.
    """
    candidate = program / ask["candidate"]
    ready.begin(ask["seed"], home)
    module = ready.load(home / ask["evaluator"], "evaluation_module")
    stages = [name for name in STAGES if hasattr(module, name)]
    if not ask["thresholds"] or STAGES[0] not in stages:
        metrics, artifacts = _one(module.evaluate, candidate)
        return _told(metrics, artifacts, 1, 1)
    return _cascade(module, candidate, ask["thresholds"])


def _cascade(module, candidate, thresholds):
    """Each stage runs if the one before it reached its threshold; what a later stage says counts."""
    names = []
    for name in STAGES:
        if not hasattr(module, name):
            break
        names.append(name)
    metrics, artifacts = {}, {}
    for stage, name in enumerate(names, start=1):
        new, more = _one(getattr(module, name), candidate)
        metrics.update(new)
        artifacts.update(more)
        passed = stage <= len(thresholds) and _passes(metrics, thresholds[stage - 1])
        if not passed:
            return _told(metrics, artifacts, stage, len(names))
    return _told(metrics, artifacts, len(names), len(names))


def _one(function, candidate):
    result = function(str(candidate))
    artifacts = {}
    if hasattr(result, "metrics"):
        result, artifacts = result.metrics, getattr(result, "artifacts", None) or {}
    if not isinstance(result, dict):
        raise TypeError(f"{function.__name__} gave {type(result).__name__}, not a dict or an EvaluationResult")
    return dict(result), dict(artifacts)


def _passes(metrics, threshold):
    """OpenEvolve's rule: the combined score where there is one, else the mean of all numbers but "error"."""
    found = ready.numbers(metrics)
    if "combined_score" in found:
        return found["combined_score"] >= threshold
    others = [value for name, value in found.items() if name != "error"]
    return bool(others) and sum(others) / len(others) >= threshold


def _told(metrics, artifacts, stage, stages):
    told = {**ready.texts(metrics), **{str(k)[:200]: ready.text_of(v) for k, v in artifacts.items()}}
    return {"metrics": ready.numbers(metrics), "artifacts": told, "stage": stage, "stages": stages}
