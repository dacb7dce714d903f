"""Which layers an attack meets: minimal sets of layers whose removal lets it through.

The search is QuickXplain (Junker, 2004): it needs about `k log(n / k)` runs for a set of k layers out of n. All attacks
are searched for side by side, so that those that wait for the same set share a sacrificial engine; and an answer is
inferred where it can be: without more layers, what got through still does.

Does not protect against:
- minimal sets that no order of layers leads to: a layer in no set that was found may still be in one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from selfproof.attacks.lanes import LAYERS, Progress, run
from selfproof.attacks.monitor import EngineFailed

Layers = frozenset[str]
_Asking = Generator[Layers, bool, Layers]
_NONE: Layers = frozenset()


class Search:
    """Searches one tier and remembers what it has tried; `impossible` holds sets without which no worker starts."""

    def __init__(self, tier: str = "jail", *, layers: Iterable[str] = LAYERS, progress: Progress | None = None) -> None:
        """Search among `layers`; `progress` hears of every run."""
        self.tier, self.layers, self._progress = tier, tuple(layers), progress
        self._through: dict[str, set[Layers]] = {}
        self._stopped: dict[str, set[Layers]] = {}
        self.impossible: dict[Layers, str] = {}

    def minimal(self, names: Iterable[str], order: Sequence[str] | None = None) -> dict[str, Layers]:
        """One minimal set for each attack, of the layers that come first in `order` where there is a choice.

        Attacks that do not even get through without all layers are not in the answer.
        """
        order = tuple(order or self.layers)
        everything = frozenset(order)
        names = sorted(names)
        self._try(names, everything)
        searches = {name: _explain(_NONE, _NONE, order) for name in names if self._answer(name, everything)}
        waiting = {name: next(search) for name, search in searches.items()}
        found: dict[str, Layers] = {}
        while waiting:
            groups: dict[Layers, list[str]] = {}
            for name, without in waiting.items():
                groups.setdefault(without, []).append(name)
            self._try_all(groups)
            for name in list(waiting):
                try:
                    waiting[name] = self._advance(searches[name], name, waiting[name])
                except StopIteration as end:
                    found[name] = end.value
                    del waiting[name]
        return found

    def sets(self, names: Iterable[str]) -> dict[str, list[Layers]]:
        """Several minimal sets for each attack: by this order, by its reverse, and with each layer in none first.

        An attack has no other set if each layer of the one that was found stops it alone, without all the others.
        """
        found = {name: [one] for name, one in self.minimal(names).items()}
        everything = frozenset(self.layers)
        alone: dict[Layers, list[str]] = {}
        for name, (one,) in found.items():
            for layer in one:
                alone.setdefault(everything - {layer}, []).append(name)
        self._try_all(alone)
        several = [name for name, (one,) in found.items() if any(self._answer(name, everything - {a}) for a in one)]

        def add(order: Sequence[str]) -> None:
            for name, layers in self.minimal(several, order).items():
                if layers not in found[name]:
                    found[name].append(layers)

        add(self.layers[::-1])
        for layer in self.layers:
            if not any(layer in one for several in found.values() for one in several):
                add([layer, *(other for other in self.layers if other != layer)])
        return {name: found.get(name, []) for name in names}

    def _advance(self, search: _Asking, name: str, question: Layers) -> Layers:
        """Answer for as long as the answers are known; return the first set that must be tried."""
        while (answer := self._answer(name, question)) is not None:
            question = search.send(answer)
        return question

    def _answer(self, name: str, without: Layers) -> bool | None:
        if any(known <= without for known in self._through.get(name, ())):
            return True
        return False if any(without <= known for known in self._stopped.get(name, ())) else None

    def _try_all(self, groups: Mapping[Layers, list[str]]) -> None:
        """Run several groups, two at a time: starting an engine is waiting, mostly."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self._try, groups.values(), groups.keys()))

    def _try(self, names: Iterable[str], without: Layers) -> None:
        """Run what is not known."""
        names = [name for name in names if self._answer(name, without) is None]
        if not names:
            return
        through: set[str] = set()
        try:
            for _ in range(2):  # on a busy machine an attack may fail by itself: it gets a second chance
                again = [name for name in names if name not in through]
                if again:
                    rows = run(self.tier, without=without, names=again, progress=self._progress)
                    through |= {row.name for row in rows if row.through}
        except EngineFailed as problem:
            self.impossible[without] = str(problem)
        for name in names:
            (self._through if name in through else self._stopped).setdefault(name, set()).add(without)


def minimal(name: str, tier: str = "jail") -> Layers | None:
    """A minimal set of layers whose removal lets the attack through; None if it never gets through."""
    return Search(tier).minimal([name]).get(name)


def _explain(base: Layers, new: Layers, rest: Sequence[str]) -> _Asking:
    """QuickXplain: a minimal part of `rest` that, out together with `base`, lets through; yields sets to be tried."""
    if new and (yield base):
        return _NONE
    if len(rest) == 1:
        return frozenset(rest)
    half = len(rest) // 2
    first, second = rest[:half], rest[half:]
    late = yield from _explain(base | frozenset(first), frozenset(first), second)
    early = yield from _explain(base | late, late, first)
    return early | late
