"""Between two steps of a run: hold while somebody wants it, end when somebody wants that, keep within the ceilings."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterator

from selfproof.archive.state import State
from selfproof.life import Life
from selfproof.nouns import Event
from selfproof.oversight import control
from selfproof.oversight.budgets import ENDS, Ceiling, ceilings
from selfproof.oversight.stop import Stop
from selfproof.places import Paths
from selfproof.room import RESERVE, free, size_of

HOLD_S = 0.05
LOOK_S = 5.0
"""Between two looks at what is on disk: the journal of models' calls, and how large everything is."""

ADVICE = {
    "minutes": "Raise `minutes` under [budget], or name --minutes.",
    "cpu_hours": "The next run has as much again; or raise `cpu_hours` under [budget].",
    "disk_mb": "Raise `disk_mb` under [budget], or keep a bundle (selfproof ledger bundle) and begin a new program.",
    "dollars": "Models that cost nothing and the improver go on; or raise `dollars` under [budget].",
    "tokens": "The improver goes on without models; or raise `tokens` under [budget].",
    "adoptions_per_day": "The search goes on; nothing more is confirmed until a day has gone by.",
}


class Hold:
    """What a run does between two steps; call it there."""

    def __init__(self, life: Life, stop: Stop) -> None:
        self.life, self._stop = life, stop
        self._told: dict[str, float] = {}
        self._looked, self._lasting = float("-inf"), dict[str, float]()

    def __call__(self) -> Iterator[Event]:
        """Do what people have left word of, then look at the ceilings."""
        self._drain()
        yield from self._pause()
        yield from self._ceilings()

    def _drain(self) -> None:
        """Take note of who wants the run to finish what is open and end."""
        place = self.life.paths.drain
        if (told := control.told(place)) is not None:
            place.unlink(missing_ok=True)
            self._stop.enough("drained")
            self.life.log("halt", {"by": told["by"], "reason": "drained", "latched": False})

    def _pause(self) -> Iterator[Event]:
        """Hold while somebody wants it, and not count that time."""
        place, overseen = self.life.paths.pause, self.life.state.overseen
        if (told := control.told(place)) is not None:
            if overseen.paused is None:
                self.life.log("pause", told, durable=True)
            yield {"event": "paused", **told}
            while os.path.lexists(place) and not self._stop.urgent:
                began = time.monotonic()
                time.sleep(HOLD_S)
                self.life.between()
                self._stop.credit(time.monotonic() - began)
        if overseen.paused is not None and not os.path.lexists(place):
            body = {"what": "pause", "of": overseen.paused, "by": "whoever took the pause away"}
            self.life.log("resume", body, durable=True)
            yield {"event": "unpaused", "of": body["of"]}

    def _room(self) -> Iterator[Event]:
        """End the run while there is still room for what it writes at its end."""
        left = free(self.life.paths)
        if left < RESERVE:
            advice = f"Make room on the disk of {self.life.paths.private}, and run again; nothing is lost."
            yield {"event": "disk", "free": left, "reserve": RESERVE, "advice": advice}
            self._stop.enough("ceiling disk: it is nearly full")

    def _ceilings(self) -> Iterator[Event]:
        """Tell once of each ceiling that is near, and once that it is reached; some then end the run."""
        life = self.life
        if time.monotonic() - self._looked > LOOK_S:
            self._looked, self._lasting = time.monotonic(), lasting(life.paths, life.state)
            yield from self._room()
        used = {**self._lasting, "cpu_hours": life.cpu_seconds / 3600}
        for one in ceilings(life.charter.budget, used):
            if one.level > self._told.get(one.name, 0.0):
                self._told[one.name] = one.level
                life.log("budget", {"ceiling": one.name, "used": one.used, "limit": one.limit, "level": one.level})
                yield {"event": "budget", **row(one), "advice": ADVICE[one.name] if one.level >= 1 else ""}
            if one.level >= 1 and one.name in ENDS:
                self._stop.enough(f"ceiling {one.name}")


def lasting(paths: Paths, state: State) -> dict[str, float]:
    """What counts over the whole life, and may be asked without a run: money, tokens, disk, adoptions of a day."""
    day = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    recent = [v for v in state.versions[1:] if datetime.datetime.fromisoformat(v.time) > day]
    found: dict[str, float] = {"disk_mb": size_of(paths.private) / 1e6, "adoptions_per_day": len(recent)}
    journal = paths.private / "spending"
    if journal.exists():
        from selfproof.propose.llm.journal import spent

        amount = spent(journal).spent()
        found |= {"dollars": amount.dollars, "tokens": amount.tokens_in + amount.tokens_out}
    else:
        found |= {"dollars": 0.0, "tokens": 0}
    return found


def row(one: Ceiling) -> dict[str, object]:
    """A ceiling as plain data."""
    return {"ceiling": one.name, "used": one.used, "limit": one.limit, "share": one.share}
