"""Runs another tool's evaluator on the candidate. Protected: no edit reaches it.

selfproof calls `evaluate` in its jail. The evaluator's own files come with each call and are laid out beside the
program, so that they are no part of it: nobody who suggests edits is shown them. Evaluator and candidate run here in
one process, and the evaluator's word is taken for the score.
"""

import importlib
import os
import sys
from pathlib import Path

PROGRAM = Path.cwd()  # where the program's files lie
TASK = PROGRAM.parent / "task"


def evaluate(ask):
    """{"files", "links", "runner", "action", ...} -> {"metrics", "artifacts", "stage", "stages"} for "evaluate"."""
    support = TASK / "support"
    for path, content in ask["files"].items():
        target = TASK / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    for path, place in ask["links"].items():  # large files, read where they are
        target = TASK / "original" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(place)
    if str(support) not in sys.path:
        sys.path.insert(0, str(support))
        os.environ["PYTHONPATH"] = str(support)  # for what the evaluator starts
    runner = importlib.import_module(ask["runner"])
    return getattr(runner, ask["action"])(PROGRAM, TASK / "original", ask)
