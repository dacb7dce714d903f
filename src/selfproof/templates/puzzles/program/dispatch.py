"""Which waiting job a machine takes next: the one with the highest priority."""

import numpy as np

MEAN = 5.5


def priority(w, p, d, s, r, m):
    """Every argument is an array with one value for each question, but ``m``.

    w: the job's weight; p: its processing time; d: the time left until its due date; s: its slack, d - p, both
    negative where it is late; r: how long it has waited; m: the mean processing time of all jobs.
    """
    return 0.0 * w


def rank(questions):
    """questions (rows, 4): weight, processing time, time left, time waited -> a priority for each (rows,)."""
    w, p, d, r = np.ascontiguousarray(questions.T, dtype=np.float64)
    with np.errstate(all="ignore"):
        found = priority(w, p, d, d - p, r, MEAN)
    found = np.asarray(found, dtype=np.float64) + np.zeros(len(w))
    return np.where(np.isfinite(found), found, -1e30)
