"""Run an experiment function some times, check and sum up its results, write the two files. Protected.

The runs go one after the other whatever ``run_workers`` says: their results and their order are the same. Stopping
early is left out, so that every candidate is measured on all runs; so are plots.
"""

import json
import math
import statistics
import time
from pathlib import Path

import selfproof_ready as ready

ON_ERROR = {
    "combined_score": 0.0,
    "execution_time_mean": 0.0,
    "execution_time_std": 0.0,
    "num_successful_runs": 0,
    "num_valid_runs": 0,
    "num_invalid_runs": 0,
    "all_validation_errors": [],
}


def load_program(program_path):
    """Import the candidate."""
    return ready.load(program_path, "program")


def save_json_results(results_dir, metrics, correct, error=None):
    """Write metrics.json and correct.json."""
    folder = Path(results_dir)
    folder.mkdir(parents=True, exist_ok=True)
    verdict = {"correct": bool(correct), "error": error}
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=4, default=_plain), encoding="utf-8")
    (folder / "correct.json").write_text(json.dumps(verdict, indent=4, default=str), encoding="utf-8")


def run_shinka_eval(
    program_path,
    results_dir,
    experiment_fn_name,
    num_runs,
    get_experiment_kwargs=None,
    aggregate_metrics_fn=None,
    validate_fn=None,
    default_metrics_on_error=None,
    **others,
):
    """(metrics, whether all runs were valid, the first error); both files are written before it returns.

    ``others`` takes what changes nothing of the result: workers, plots, stopping early.
    """
    del others
    runs = _Runs(validate_fn)
    try:
        function = getattr(load_program(program_path), experiment_fn_name, None)
        if function is None:
            raise AttributeError(f"Experiment function '{experiment_fn_name}' not found in {program_path}")
        for index in range(num_runs):
            runs.add(function, get_experiment_kwargs(index) if get_experiment_kwargs else {"seed": index + 1})
        metrics = runs.summed(aggregate_metrics_fn)
    except Exception as error:  # whatever the candidate raises is its result, as there
        given = default_metrics_on_error or ON_ERROR
        metrics = {name: given.get(name, usual) for name, usual in ON_ERROR.items()}
        runs.correct, runs.error = False, str(error)
    metrics.pop("extra_data", None)
    save_json_results(results_dir, metrics, runs.correct, runs.error)
    return metrics, runs.correct, runs.error


class _Runs:
    def __init__(self, validate):
        self.validate = validate
        self.results, self.seconds, self.complaints = [], [], []
        self.valid = self.invalid = 0
        self.correct, self.error = True, None

    def add(self, function, arguments):
        began = time.perf_counter()
        result = function(**arguments)
        self.seconds.append(time.perf_counter() - began)
        self.results.append(result)
        if self.validate is None:
            return
        good, complaint = self.validate(result)
        if good:
            self.valid += 1
            return
        self.invalid += 1
        self.correct = False
        if complaint and complaint not in self.complaints:
            self.complaints.append(complaint)
            self.error = self.error or f"Validation failed: {complaint}"

    def summed(self, aggregate):
        metrics = aggregate(self.results) if aggregate else {"num_successful_runs": len(self.results)}
        metrics["execution_time_mean"] = statistics.fmean(self.seconds) if self.seconds else 0.0
        metrics["execution_time_std"] = statistics.pstdev(self.seconds) if self.seconds else 0.0
        if self.validate is not None:
            metrics["num_valid_runs"], metrics["num_invalid_runs"] = self.valid, self.invalid
            metrics["all_validation_errors"] = self.complaints
        score = metrics.get("combined_score")
        if score is not None and not math.isfinite(score):
            self.correct, self.error = False, self.error or f"combined_score is {score}"
        return metrics


def _plain(value):
    number = ready.number_of(value)
    if number is not None:
        return number
    return value.tolist() if hasattr(value, "tolist") else str(value)
