"""How low a guess is, in stages: does it run at all, and how good is it."""

import importlib.util
import math
from pathlib import Path

from openevolve.evaluation_result import EvaluationResult

LEAST = float(Path(__file__).with_name("least.txt").read_text())


def load(path):
    spec = importlib.util.spec_from_file_location("guess", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def evaluate(program_path):
    place = float(load(program_path).run())
    value = math.sin(place) + 0.05 * place * place
    return EvaluationResult(
        metrics={"value": value, "combined_score": 1.0 / (1.0 + max(0.0, value - LEAST))},
        artifacts={"where": f"it ends at {place:.3f}"},
    )


def evaluate_stage1(program_path):
    place = load(program_path).run()
    return {"runs": float(math.isfinite(place))}


def evaluate_stage2(program_path):
    return evaluate(program_path)
