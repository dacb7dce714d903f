"""What an adapter of the user's own is made of. Protected."""

from dataclasses import dataclass

from gepa import Stand, stand_in


@dataclass
class EvaluationBatch:
    """Outputs and scores of a batch, one for each example."""

    outputs: list
    scores: list
    trajectories: list | None = None
    objective_scores: list | None = None
    num_metric_calls: int | None = None


class GEPAAdapter(Stand):
    """To subclass; ``evaluate`` is what counts."""


def __getattr__(name):
    return stand_in(name)
