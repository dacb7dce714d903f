"""Run attacks against a tier, two sacrificial engines side by side.

Does not protect against:
- a machine that is so slow that honest programs miss a deadline of seconds: that shows as an attack that got through.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from selfproof.attacks.catalogue import Attack, chosen
from selfproof.attacks.engine import OWN_LAYERS
from selfproof.attacks.monitor import Monitor, Row
from selfproof.jail import limits

LANES: Final = 2
LAYERS: Final = (*sorted(limits.LAYERS), *sorted(OWN_LAYERS))
_SLOW: Final = ("bombs", "clock")
Progress = Callable[[Row], None]


def run(
    tier: str, *, without: Iterable[str] = (), names: Sequence[str] | None = None, progress: Progress | None = None
) -> list[Row]:
    """Let every attack (or those of `names`) try a tier of which the layers in `without` are left out.

    Returns a row for each, by name; `progress` hears of each as it is done. Two sacrificial engines work side by side.
    Raises EngineFailed where the tier cannot be had, KeyError and ValueError for names that mean nothing.
    """
    left_out = frozenset(without)
    if unknown := left_out - set(LAYERS):
        raise ValueError(f"no layer is called {', '.join(sorted(unknown))}; there are {', '.join(LAYERS)}")
    waiting: queue.SimpleQueue[Attack] = queue.SimpleQueue()
    todo = chosen(None if names is None else list(names))
    for attack in sorted(todo, key=lambda attack: attack.family not in _SLOW):  # long ones first: lanes end together
        waiting.put(attack)
    rows: list[Row] = []
    problems: list[BaseException] = []

    def lane() -> None:
        try:
            with Monitor(tier, left_out) as monitor:
                while not problems:
                    row = monitor.attempt(waiting.get_nowait())
                    rows.append(row)
                    if progress is not None:
                        progress(row)
        except queue.Empty:
            return
        except BaseException as error:  # noqa: BLE001  raised below, in the caller's thread
            problems.append(error)

    lanes = [threading.Thread(target=lane) for _ in range(min(LANES, (len(todo) + 7) // 8))]
    for thread in lanes:
        thread.start()
    try:
        for thread in lanes:
            thread.join()
    except BaseException as interruption:
        problems.append(interruption)  # the lanes stop after what they are at, and clean up
        raise
    if problems:
        raise problems[0]
    return sorted(rows, key=lambda row: row.name)
