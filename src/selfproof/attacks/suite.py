"""Run the suite against a tier, and find out which layers each attack meets.

Does not protect against:
- a machine that is so slow that honest programs miss a deadline of seconds: that shows as an attack that got through.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from selfproof.attacks.catalogue import Attack, attacks, chosen
from selfproof.attacks.engine import OWN_LAYERS
from selfproof.attacks.monitor import EngineFailed, Monitor, Row
from selfproof.jail import ladder

__all__ = ["LANES", "LAYERS", "EngineFailed", "Row", "Search", "attacks", "minimal", "run"]

LANES: Final = 2
LAYERS: Final = (*sorted(ladder.LAYERS), *sorted(OWN_LAYERS))
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
    for thread in lanes:
        thread.join()
    if problems:
        raise problems[0]
    return sorted(rows, key=lambda row: row.name)


class Search:
    """Finds minimal sets of layers whose removal lets an attack through; remembers what it has tried."""

    def __init__(self, tier: str = "jail", *, layers: Iterable[str] = LAYERS, progress: Progress | None = None) -> None:
        """Search a tier; `layers` are those that it has on this machine."""
        self.tier, self.layers, self._progress = tier, tuple(layers), progress
        self._known: dict[tuple[str, frozenset[str]], bool] = {}

    def through(self, names: Iterable[str], without: frozenset[str]) -> set[str]:
        """Which of these attacks get through without these layers."""
        names = list(names)
        unknown = [name for name in names if (name, without) not in self._known]
        if unknown:
            for row in run(self.tier, without=without, names=unknown, progress=self._progress):
                self._known[row.name, without] = row.through
        return {name for name in names if self._known[name, without]}

    def minimal(self, names: Iterable[str], order: Sequence[str] | None = None) -> dict[str, frozenset[str]]:
        """One minimal set for each attack: all layers out, then one after the other is put back in this order.

        Attacks that do not get through with all layers out are left out of the answer.
        """
        everything = frozenset(self.layers)
        found = dict.fromkeys(sorted(self.through(names, everything)), everything)
        for layer in order or self.layers:
            groups: dict[frozenset[str], list[str]] = {}
            for name, removed in found.items():
                groups.setdefault(removed - {layer}, []).append(name)
            for smaller, members in groups.items():
                found |= dict.fromkeys(self.through(members, smaller), smaller)
        return found

    def sets(self, names: Iterable[str]) -> dict[str, list[frozenset[str]]]:
        """Several minimal sets for each attack: in this order, in reverse, and with each layer that is in none last."""
        names = list(names)
        found: dict[str, list[frozenset[str]]] = {name: [] for name in names}

        def add(order: Sequence[str]) -> None:
            for name, layers in self.minimal(names, order).items():
                if layers not in found[name]:
                    found[name].append(layers)

        add(self.layers)
        add(self.layers[::-1])
        for layer in self.layers:
            if not any(layer in one for several in found.values() for one in several):
                add([*(other for other in self.layers if other != layer), layer])
        return found


def minimal(name: str, tier: str = "jail") -> frozenset[str] | None:
    """A minimal set of layers whose removal lets the attack through; None if it never gets through."""
    return Search(tier).minimal([name]).get(name)
