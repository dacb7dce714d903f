"""Run a ShinkaEvolve evaluator on the candidate, as a script, and read the two files that it writes. Protected.

The evaluator runs here, in the jail, in one process with the candidate: its word is taken for the score.
"""

import json
import runpy
import sys
import tempfile
from pathlib import Path

import selfproof_ready as ready


def evaluate(program, home, ask):
    """{"seed", "evaluator", "candidate"} -> {"metrics", "artifacts", "stage", "stages"}.

    Raises RuntimeError for a program that the evaluator calls incorrect, and for results that are not there.
    """
    candidate = program / ask["candidate"]
    ready.begin(ask["seed"], home)
    results = Path(tempfile.mkdtemp(prefix="results"))
    script = str(home / ask["evaluator"])
    sys.argv = [script, "--program_path", str(candidate), "--results_dir", str(results)]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:  # the files count, as there
        if not (results / "correct.json").exists() and end.code not in (None, 0):
            raise RuntimeError(f"{ask['evaluator']} ended with exit code {end.code} and wrote no correct.json") from end
    correct, metrics = _read(results / "correct.json"), _read(results / "metrics.json")
    if correct.get("correct") is not True:
        raise RuntimeError(f"the evaluator calls it incorrect: {ready.text_of(correct.get('error'))}")
    found = ready.numbers(metrics)
    public = metrics.get("public")
    told = {"text_feedback": ready.text_of(metrics["text_feedback"])} if metrics.get("text_feedback") else {}
    if isinstance(public, dict):  # what is private there is for nobody who writes programs
        told.update({str(name)[:200]: ready.text_of(value) for name, value in public.items()})
    return {"metrics": found, "artifacts": told, "stage": 1, "stages": 1}


def _read(path):
    if not path.exists():
        raise RuntimeError(f"the evaluator wrote no {path.name}")
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise RuntimeError(f"{path.name} holds {type(found).__name__}, not an object")
    return found
