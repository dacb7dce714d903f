"""Weights for a small vote."""

# EVOLVE-BLOCK-START
WEIGHTS = [0.9, 0.1, 0.4]
BIAS = 0.5


def vote(row):
    """Whether a row is taken."""
    return sum(w * x for w, x in zip(WEIGHTS, row)) > BIAS


# EVOLVE-BLOCK-END


def run_experiment(seed):
    """What the evaluator calls: the votes on rows that the seed makes."""
    import random

    rng = random.Random(seed)
    rows = [[rng.random() for _ in range(3)] for _ in range(60)]
    return rows, [vote(row) for row in rows]
