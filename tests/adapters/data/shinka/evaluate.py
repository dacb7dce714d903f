"""How many votes are as they should be."""

import argparse

from shinka.core import run_shinka_eval

TRUE = (0.2, 0.7, 0.1)


def get_kwargs(index):
    return {"seed": 100 + index}


def validate(result):
    rows, votes = result
    if len(rows) != len(votes):
        return False, "as many votes as rows, please"
    return True, None


def aggregate(results):
    right = [
        vote == (sum(w * x for w, x in zip(TRUE, row)) > 0.5)
        for rows, votes in results
        for row, vote in zip(rows, votes)
    ]
    share = sum(right) / len(right)
    return {
        "combined_score": share,
        "public": {"rows": len(right)},
        "private": {"weights": TRUE},
        "text_feedback": f"{len(right) - sum(right)} votes are wrong",
    }


def main(program_path, results_dir):
    run_shinka_eval(
        program_path=program_path,
        results_dir=results_dir,
        experiment_fn_name="run_experiment",
        num_runs=3,
        get_experiment_kwargs=get_kwargs,
        validate_fn=validate,
        aggregate_metrics_fn=aggregate,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program_path", default="initial.py")
    parser.add_argument("--results_dir", default="results")
    given = parser.parse_args()
    main(given.program_path, given.results_dir)
