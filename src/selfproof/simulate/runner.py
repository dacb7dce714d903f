"""Lives in simulated worlds, counted: on one process or two, the same figures either way."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, fields
from multiprocessing import get_context, resource_tracker
from typing import Any

import numpy as np

from selfproof.certify.race import PRESETS
from selfproof.simulate.exactly import upper_bound
from selfproof.simulate.gates import Candidate, Played, Race, maker
from selfproof.simulate.noise import Rng
from selfproof.simulate.players import OBJECTIVES, PLAYERS
from selfproof.simulate.worlds import World

BIG = 0.4
"""From this effect on, finding a candidate counts as power."""
_CHUNK = 1000
_WORTH_A_PROCESS = 1.5  # seconds of work that are left, below which a second process would not pay

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What is simulated: ``worlds`` lives of ``candidates`` each.

    With a ``player`` candidates do not come by chance; the gate is then "race" or "race-unspent".
    """

    world: World
    gate: str = "race"
    candidates: int = 1000
    worlds: int = 100
    seed: int = 0
    preset: str = "lean"
    cached: bool = False
    player: str | None = None


@dataclass
class Tally:
    """What one life came to. ``gain`` is the sum of the effects adopted; ``big`` counts effects of at least BIG."""

    adopted: int = 0
    true: int = 0
    harmful: int = 0
    runs: float = 0.0
    gain: float = 0.0
    confirmations: int = 0
    big: int = 0
    big_adopted: int = 0

    def count(self, effect: float, played: Played, harm: float) -> None:
        """Count one candidate."""
        self.runs += played.runs
        self.confirmations += played.verdict is not None
        self.big += effect >= BIG
        if played.adopted:
            self.adopted += 1
            self.true += effect > 0
            self.harmful += effect < -harm
            self.gain += effect
            self.big_adopted += effect >= BIG


def live(plan: Plan, index: int) -> Tally:
    """One life: the world's and the gate's own randomness depend on the seed and the number of the world alone."""
    rng = np.random.default_rng([plan.seed, index])
    tally = Tally()
    if plan.player is not None:
        life = Race(
            plan.world, PRESETS[plan.preset], spends=plan.gate != "race-unspent", cached=plan.cached,
            objectives=OBJECTIVES.get(plan.player, 1),
        )  # fmt: skip
        player = PLAYERS[plan.player](life, lambda: _one(plan.world, rng), rng)
        for _ in range(plan.candidates):
            effect, played = next(player)
            tally.count(effect, played, plan.world.harm)
        return tally
    gate = maker(plan.gate, plan.preset, cached=plan.cached)(plan.world, plan.candidates)
    for candidate in _stream(plan, rng, gate.first):
        tally.count(candidate.effect, gate.play(candidate), plan.world.harm)
    return tally


def _one(world: World, rng: Rng) -> Candidate:
    kinds, effects = world.population(rng, 1)
    return Candidate(world.noises[int(kinds[0])], float(effects[0]), rng)


def _stream(plan: Plan, rng: Rng, first: int) -> Iterator[Candidate]:
    """All candidates of a life; the first pairs are drawn for many at once."""
    noises = plan.world.noises
    for start in range(0, plan.candidates, _CHUNK):
        kinds, effects = plan.world.population(rng, min(_CHUNK, plan.candidates - start))
        early = plan.world.first_pairs(rng, kinds, effects, first).tolist()
        for kind, effect, row in zip(kinds.tolist(), effects.tolist(), early, strict=True):
            yield Candidate(noises[kind], effect, rng, row)


def simulate(plan: Plan, *, processes: int | None = None, progress: Progress = lambda done, total: None) -> list[Tally]:
    """All lives of a plan, in order. Starts further processes only where they pay."""
    began = time.perf_counter()
    tallies: list[Tally | None] = [None] * plan.worlds
    count = min(2, os.cpu_count() or 1) if processes is None else processes
    todo = list(range(plan.worlds))
    while todo:
        index = todo.pop(0)
        tallies[index] = live(plan, index)
        done = plan.worlds - len(todo)
        progress(done, plan.worlds)
        if count > 1 and (time.perf_counter() - began) / done * len(todo) > _WORTH_A_PROCESS:
            for index, tally in _shared(plan, todo, count):
                tallies[index] = tally
                done += 1
                progress(done, plan.worlds)
            break
    return [tally for tally in tallies if tally is not None]


def _shared(plan: Plan, todo: Sequence[int], processes: int) -> Iterator[tuple[int, Tally]]:
    """Lives as they are finished. An interrupt waits for those that are being lived, and starts no other."""
    left = list(reversed(todo))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        running: dict[Future[Tally], int] = {}
        while left or running:
            while left and len(running) < 2 * processes:
                index = left.pop()
                with _deaf():
                    running[pool.submit(live, plan, index)] = index
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()


@contextmanager
def _deaf() -> Iterator[None]:
    """What is started here never hears an interrupt from the keyboard, not even while it starts: it is the parent's.

    The parent hears it when that is done, so that no process is left half started.
    """
    resource_tracker.ensure_running()  # which would lift the mask when it is started
    heard: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number)) if is_main else None
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)
        if is_main:
            signal.signal(signal.SIGINT, handler)
    if heard:
        raise KeyboardInterrupt


def report(plan: Plan, tallies: Sequence[Tally]) -> dict[str, Any]:
    """What is printed: totals over all worlds; intervals are 95% jackknife intervals over worlds.

    ``any_false`` is the share of worlds in which anything was adopted that is not better (effect <= 0).
    """
    total = {field.name: sum(getattr(t, field.name) for t in tallies) for field in fields(Tally)}
    false = sum(t.adopted > t.true for t in tallies)
    return {
        "world": plan.world.name, "gate": plan.gate, "candidates": plan.candidates, "worlds": plan.worlds,
        "any_false": {"rate": false / len(tallies), "upper95": upper_bound(false, len(tallies))},
        "adopted": total["adopted"], "true": total["true"], "harmful": total["harmful"],
        "runs_per_true_adoption": _ratio(tallies, "runs", "true"),
        "gain_per_10k_runs": _ratio(tallies, "gain", "runs", 1e4),
        "preset": plan.preset, "cached": plan.cached, "player": plan.player, "seed": plan.seed,
        "runs": total["runs"], "confirmations": total["confirmations"],
        "power": total["big_adopted"] / total["big"] if total["big"] else None,
        "intervals": {
            "runs_per_true_adoption": _jackknife(tallies, "runs", "true"),
            "gain_per_10k_runs": _jackknife(tallies, "gain", "runs", 1e4),
        },
    }  # fmt: skip


def _ratio(tallies: Sequence[Tally], above: str, below: str, factor: float = 1.0) -> float | None:
    whole = math.fsum(getattr(t, below) for t in tallies)
    return factor * math.fsum(getattr(t, above) for t in tallies) / whole if whole else None


def _jackknife(tallies: Sequence[Tally], above: str, below: str, factor: float = 1.0) -> list[float] | None:
    """A 95% interval of a ratio of sums, leaving out one world at a time; None where a world alone makes the ratio."""
    ups, downs = (np.array([getattr(t, name) for t in tallies], dtype=float) for name in (above, below))
    n, rest = len(tallies), downs.sum() - downs
    if n < 2 or not rest.all():
        return None
    left_out = factor * (ups.sum() - ups) / rest
    half = 1.96 * math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum()))
    centre = factor * float(ups.sum() / downs.sum())
    return [centre - half, centre + half]
