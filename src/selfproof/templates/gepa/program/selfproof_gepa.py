"""Run a GEPA evaluator on the candidate's components, with one example where there are examples. Protected.

The evaluator runs here, in the jail, in one process with the candidate: its word is taken for the score.
"""

import hashlib
import inspect
import json
import runpy
import sys

import gepa
import selfproof_ready as ready
from gepa import optimize_anything as oa

CANDIDATES = ("seed_candidate", "SEED_CANDIDATE", "initial_candidate", "INITIAL_CANDIDATE", "SEED", "seed")
DATASETS = ("dataset", "DATASET", "trainset", "TRAINSET", "train_set", "examples", "EXAMPLES")
VALSETS = ("valset", "VALSET", "val_set")
OWN = "candidate"  # the component of a candidate that is one plain text


def evaluate(program, home, ask):
    """{"seed", "script", "evaluator", "text", "components", "index"} -> {"metrics", "artifacts", ...}.

    ``components`` maps names to files; ``text`` says that the evaluator wants one text, not a dict; ``index`` is the
    example's number, None where there are none. Raises what the evaluator raises.
    """
    parts = {name: (program / path).read_text(encoding="utf-8") for name, path in ask["components"].items()}
    candidate = parts[OWN] if ask["text"] else parts
    call = _asked(home, ask)
    example = None if ask["index"] is None else _examples(call)[ask["index"]]
    oa.drain()
    score, info = _scored(call, candidate, example, ask["index"] is not None)
    told = ready.texts(info) if isinstance(info, dict) else {}
    if text := oa.drain():
        told["log"] = ready.text_of(text)
    number = ready.number_of(score)
    if number is None:
        raise TypeError(f"the evaluator gave {type(score).__name__}, not a score or (score, side_info)")
    return {"metrics": {"combined_score": number}, "artifacts": told, "stage": 1, "stages": 1}


def describe(program, home, ask):
    """What the script wants optimised: its components, how many examples, what it says of its goal."""
    del program
    call = _asked(home, ask)
    seed = call.get("seed_candidate")
    text = isinstance(seed, str)
    if text:
        seed = {OWN: seed}
    good = isinstance(seed, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in seed.items())
    examples = _examples(call)
    first = {}
    for number, one in enumerate(examples):
        first.setdefault(_digest(one), number)
    return {
        "components": seed if good else {}, "text": text, "examples": len(examples), "distinct": list(first.values()),
        "held_out": _held_out(call), "objective": str(call.get("objective") or ""),
        "background": str(call.get("background") or ""), "refused": _refused(call),
    }  # fmt: skip


def _asked(home, ask):
    """What the optimiser was, or would be, called with."""
    ready.begin(ask["seed"], home)
    script = home / ask["script"]
    if ask["evaluator"]:
        module = ready.load(script, "evaluation_module")
        found = {"evaluator": getattr(module, ask["evaluator"], None)}
        if not callable(found["evaluator"]):
            raise ImportError(f"{ask['script']} defines no function {ask['evaluator']}")
        for key, names in (("seed_candidate", CANDIDATES), ("dataset", DATASETS), ("valset", VALSETS)):
            found[key] = next((getattr(module, name) for name in names if hasattr(module, name)), None)
        return found
    sys.argv = [str(script)]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except gepa.Handed as handed:
        return handed.arguments
    except SystemExit as end:
        raise RuntimeError(f"{ask['script']} ended with {end.code!r} before it asked for the search") from end
    raise RuntimeError(f"{ask['script']} ended without a call of optimize_anything or gepa.optimize")


def _examples(call):
    """All examples, those of the validation set last, each once if both sets are the same."""
    train, held = list(call.get("dataset") or []), list(call.get("valset") or [])
    return train + held if _held_out(call) else (train or held)


def _held_out(call):
    train, held = call.get("dataset"), call.get("valset")
    if not train or not held or train is held:
        return False
    return {_digest(one) for one in held} - {_digest(one) for one in train} != set()


def _digest(example):
    try:
        text = json.dumps(example, sort_keys=True)
    except (TypeError, ValueError):
        text = repr(example)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _refused(call):
    """Why this cannot be run here, "" if it can."""
    model = call.get("task_lm")
    if call.get("adapter") is not None:
        return "" if hasattr(call["adapter"], "evaluate") else "its adapter has no evaluate"
    if isinstance(model, str):
        return f"its task_lm is the model {model!r}; a jail reaches no model: give a Python function"
    if model is None and not callable(call.get("evaluator") or call.get("fitness_fn")):
        return "it gives no evaluator function (batch_evaluator alone is not understood)"
    return ""


def _scored(call, candidate, example, has_example):
    """(score, side information) of one evaluation."""
    if call.get("adapter") is not None:
        batch = call["adapter"].evaluate([example], candidate, capture_traces=False)
        return batch.scores[0], {"output": batch.outputs[0] if batch.outputs else ""}
    evaluator = call.get("evaluator") or call.get("fitness_fn")
    if call.get("task_lm") is not None:
        return _answered(call["task_lm"], evaluator, candidate, example)
    accepted = inspect.signature(evaluator).parameters
    takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in accepted.values())
    given = {"example": example} if has_example and ("example" in accepted or takes_all) else {}
    if "opt_state" in accepted:
        given["opt_state"] = gepa.stand_in("OptimizationState")(best_example_evals=[])
    places = [p for p in accepted.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if has_example and not given.get("example") and len(places) > 1 and "example" not in accepted:
        result = evaluator(candidate, example, **given)
    else:
        result = evaluator(candidate, **given)
    return result if isinstance(result, tuple) and len(result) == 2 else (result, {})


def _answered(model, evaluator, candidate, example):
    """One question to a model that is a function; the answer counts if it holds the expected one, or as asked."""
    system = next(iter(candidate.values())) if isinstance(candidate, dict) else candidate
    response = model([{"role": "system", "content": system}, {"role": "user", "content": str(example["input"])}])
    if evaluator is None:
        return float(example["answer"] in response), {"response": response}
    result = evaluator(example, response)
    if hasattr(result, "score"):
        return result.score, {"response": response, "feedback": getattr(result, "feedback", "")}
    return result if isinstance(result, tuple) else (result, {"response": response})
