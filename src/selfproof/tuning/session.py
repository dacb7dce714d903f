"""One ``selfproof train`` from start to end: examples, new weights, and the gate's word on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from selfproof import life as lives
from selfproof.life import Halted, Life
from selfproof.nouns import Event, UsageError
from selfproof.oversight import halting
from selfproof.oversight.stop import Stop
from selfproof.places import Paths
from selfproof.propose.local import Asker, Folder
from selfproof.tuning import judging, making
from selfproof.tuning.examples import Examples, examples_of, objectives_of
from selfproof.tuning.keeping import JUDGE, folder_of, own, place_of
from selfproof.tuning.making import Recipe
from selfproof.tuning.pairs import EDITS, Pairs
from selfproof.tuning.rule import incumbent_of


@dataclass(frozen=True)
class Wanted:
    """What a call wants: weights to begin with ("hf:FOLDER", "local"), how they are tuned, whether they are judged.

    ``judge_only`` judges what was made before; ``edits`` are those of each side in a pair.
    """

    model: str = ""
    recipe: Recipe = field(default_factory=Recipe)
    judge: bool = True
    judge_only: bool = False
    edits: int = EDITS


def train(
    folder: Path,
    wanted: Wanted,
    *,
    trainer: Sequence[str] | None = None,
    server: Sequence[str] | None = None,
    guest: bool = True,
) -> Iterator[Event]:
    """Tune weights on the life in ``folder`` and let the gate judge them; yields events.

    ``trainer`` and ``server`` are commands in the place of the processes that tune and that answer; ``guest`` says that
    this process is not for this alone.

    Raises:
        SelfproofError: with what is wrong and what to do.
    """
    paths = Paths(folder)
    stop = Stop(paths.stop, math.inf)
    halting.settled(paths)
    with stop.on_signals(), stop.watched(paths, guest=guest), lives.opened(folder) as life:
        halting.check(life.state.overseen)
        life.stop = stop
        _fit(life)
        try:
            if not wanted.judge_only:
                yield from _made(life, wanted, trainer)
            if wanted.judge or wanted.judge_only:
                yield from _judged(life, wanted, server)
        except Halted:
            life.take_orders()
            yield {"event": "halted", "by": str(stop.reason)}
        life.end_epoch()
        life.ledger.commit()


def told(folder: Path, model: str) -> Examples:
    """What there is to learn, without a lock and without a library."""
    with lives.viewed(folder) as life:
        _fit(life)
        for leaf in life.ledger.leaves():
            life.archive.apply(leaf)
        bytes_ = folder_of(life, model)[0].prompt_bytes if model else Folder(folder).prompt_bytes
        return examples_of(life, bytes_)


def _fit(life: Life) -> None:
    """See that there is something to tune for.

    Raises:
        UsageError: all objectives are of speed.
    """
    if not objectives_of(life):
        raise UsageError(
            "this program has no quality objective, and weights are judged by those alone",
            advice="A model may still be asked as it is: selfproof run --model hf:FOLDER",
        )


def _made(life: Life, wanted: Wanted, trainer: Sequence[str] | None) -> Iterator[Event]:
    if not wanted.model:
        raise UsageError("no weights are named to begin with", advice="selfproof train --model hf:FOLDER, or local")
    base, _ = folder_of(life, wanted.model)
    examples = examples_of(life, base.prompt_bytes)
    yield {"event": "examples", **examples.counts}
    yield from making.tuned(life, base, examples, wanted.recipe, command=trainer)


def _judged(life: Life, wanted: Wanted, server: Sequence[str] | None) -> Iterator[Event]:
    forbidden = life.charter.classes.weights != "free"
    if forbidden or life.charter.autonomy.level != "autonomous":
        why = "the charter forbids changes of class weights" if forbidden else (
            f"the charter's autonomy is {life.charter.autonomy.level}: no weights are confirmed")  # fmt: skip
        yield {"event": "model-verdict", "answer": "not_judged", "candidate": "", "pairs": 0, "alpha_k": 0.0,
               "reason": why}  # fmt: skip
        return
    candidate = newest(life)
    new, _ = own(life, candidate)
    old = _incumbent(life, candidate, wanted)
    sides = [Asker(replace(one, prompt_bytes=new.prompt_bytes, reply_tokens=new.reply_tokens,
                           temperature=new.temperature), digest, command=server)
             for one, digest in (old, (new, candidate))]  # fmt: skip
    try:
        yield from judging.judged(life, candidate, Pairs(life, new.prompt_bytes, edits=wanted.edits), sides)
    finally:
        for side in sides:
            side.close()


def newest(life: Life) -> str:
    """The weights to be judged: those whose confirmation is open, else those made last.

    Raises:
        UsageError: none were made, or they were judged already.
    """
    state = life.state
    if state.open_model_test is not None and place_of(life, state.open_model_test.body["candidate"]).is_dir():
        return str(state.open_model_test.body["candidate"])
    if not state.tuned:
        raise UsageError("no weights were tuned in this life", advice="selfproof train --model hf:FOLDER")
    last = [*state.tuned][-1]
    answers = [test.verdict["answer"] for test in state.model_tests.values()
               if test.body["candidate"] == last and test.verdict is not None]  # fmt: skip
    if answers:
        raise UsageError(
            f"the weights made last ({last[:12]}) were judged already: {answers[-1]}",
            advice="Weights are judged once; tune others: selfproof train --model hf:FOLDER",
        )
    return last


def _incumbent(life: Life, candidate: str, wanted: Wanted) -> tuple[Folder, str]:
    """What new weights are judged against: the certified ones, else those they were made from.

    Raises:
        UsageError: they are not at hand.
    """
    digest = incumbent_of(life.state, candidate)
    if digest in life.state.tuned:
        return own(life, digest)
    found = folder_of(life, wanted.model) if wanted.model else None
    if found is None or found[1] != digest:
        raise UsageError(
            f"the weights that {candidate[:12]} was made from ({digest[:12]}) are needed to judge it",
            advice=f"Name their folder, unchanged: {JUDGE} --model hf:FOLDER",
        )
    return found


def taken_back(folder: Path) -> str:
    """Take back the weights that were certified last; returns those that hold now, "" for none.

    Raises:
        UsageError: none are certified.
    """
    with lives.opened(folder) as life:
        models = life.state.models
        if not models:
            raise UsageError("no weights of this life are certified", advice="There is nothing to take back.")
        to = models[-2] if len(models) > 1 else ""
        life.log("model-back", {"from": models[-1], "to": to, "by": "user"}, durable=True)
        return to


__all__ = ["Wanted", "taken_back", "told", "train"]
