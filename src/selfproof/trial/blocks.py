"""Quality trials: candidates on blocks of samples, answers scored in the engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from selfproof.jail import Job, Limits, Outcome, values
from selfproof.nouns import Files, Trial
from selfproof.trial.exchange import answered, replies
from selfproof.trial.task import InvalidAnswer, Sample, Task


@dataclass(frozen=True)
class Block:
    """A sample with its value encoded once, however many candidates it is sent to."""

    sample: Sample
    data: bytes


def prepare(samples: Sequence[Sample]) -> list[Block]:
    """Encode samples for the jail."""
    return [Block(sample, values.encode(sample.value)) for sample in samples]


def job(files: Files, entry: str, blocks: Sequence[Block], limits: Limits) -> Job:
    """One fresh process that answers these blocks in order.

    Raises:
        ValueError: some of the samples are exchanges and some are not.
    """
    begins = [block.sample.exchange for block in blocks if block.sample.exchange is not None]
    if begins and len(begins) < len(blocks):
        raise ValueError("a task's samples must all be exchanges, or none")
    exchange = (lambda position: replies(begins[position]())) if begins else None
    return Job(files=files, entry=entry, inputs=[block.data for block in blocks], limits=limits, exchange=exchange)


def score(task: Task, blocks: Sequence[Block], outcome: Outcome) -> list[Trial]:
    """One trial per block; blocks that were not reached or not validly answered have no score."""
    share = outcome.cpu_seconds / max(1, len(outcome.outputs))
    trials = []
    for i, block in enumerate(blocks):
        if i < len(outcome.outputs):
            trials.append(_score_one(task, block, outcome, i, share))
        else:
            status = outcome.status if outcome.status != "ok" else "protocol_error"
            trials.append(Trial(status, None, (), 0.0, 0.0, outcome.tier, outcome.message, outcome.granted))
    return trials


def score_answer(task: Task, sample: Sample, output: bytes) -> float | None:
    """The score of one encoded answer, None if it is malformed; for early stopping in a race."""
    try:
        draws = task.draws(sample, answered(output))
    except Exception:  # noqa: BLE001  a person's scorer: whatever it raises on an answer, the answer is invalid
        return None
    score = math.fsum(draws) / len(draws) if draws else math.nan
    return score if math.isfinite(score) else None


def _score_one(task: Task, block: Block, outcome: Outcome, i: int, cpu: float) -> Trial:
    seconds = outcome.seconds[i]
    try:
        draws = tuple(float(value) for value in task.draws(block.sample, answered(outcome.outputs[i])))
    except Exception as error:  # noqa: BLE001  as above; a run that ended here would lose the pair, and draw another
        told = str(error) if isinstance(error, InvalidAnswer) else f"{type(error).__name__}: {error}"
        return Trial("invalid_output", None, (), seconds, cpu, outcome.tier, told[:300], outcome.granted)
    if not draws or not all(map(math.isfinite, draws)):
        return Trial("invalid_output", None, (), seconds, cpu, outcome.tier, "the score is not finite", outcome.granted)
    return Trial("ok", math.fsum(draws) / len(draws), draws, seconds, cpu, outcome.tier, None, outcome.granted)


def company_matters(
    task: Task, blocks: Sequence[Block], first: Sequence[Outcome], regrouped: Sequence[Block],
    again: Sequence[Outcome], origin: Sequence[tuple[int, int]],
) -> bool:  # fmt: skip
    """Whether a candidate's answer to a draw changed when its neighbours in the block did.

    The gate bets on single draws, which needs answers that do not depend on the other draws of their block. Each
    block was answered in a process of its own, as in a confirmation, so that this looks like any other trial.
    """
    if any(outcome.status != "ok" or len(outcome.outputs) != 1 for outcome in (*first, *again)):
        return True
    before = [_rows(task, block, outcome.outputs[0]) for block, outcome in zip(blocks, first, strict=True)]
    after = [_rows(task, block, outcome.outputs[0]) for block, outcome in zip(regrouped, again, strict=True)]
    if any(rows is None for rows in (*before, *after)):
        return True
    stacked = np.concatenate([rows for rows in after if rows is not None])
    wanted = np.stack([before[i][j] for i, j in origin])  # type: ignore[index]
    return stacked.shape != wanted.shape or not np.allclose(stacked, wanted, rtol=1e-4, atol=1e-7)


def _rows(task: Task, block: Block, data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None:
    """The rows of a valid answer as the task compares them; None for any other answer."""
    try:
        answer = values.decode(data)
        task.draws(block.sample, answer)
    except (InvalidAnswer, ValueError):
        return None
    return task.rows(block.sample, answer)
