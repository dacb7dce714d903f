"""What an engine says of itself to an archive that others look at: where it stands, now and then and at the end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

from selfproof.life import Life

EVERY_S = 10.0


class Telling:
    """Tells the archive of one life, while that is shared; else it costs nothing."""

    def __init__(self, life: Life, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is said before ``after`` is called."""
        self._life, self._clock, self._next = life, clock, 0.0

    def after(self, first: Callable[[], Any]) -> Callable[[], None]:
        """The same call, and then where the life stands, if it is time to say so."""

        def called() -> None:
            first()
            if self._clock() >= self._next:
                self.say("running")

        return called

    def say(self, phase: str) -> None:
        """Say where the life stands now."""
        self._next = self._clock() + EVERY_S
        shared = self._life.archive.shared
        if shared is not None:
            shared.tell(standing(self._life, phase))


def standing(life: Life, phase: str) -> dict[str, Any]:
    """Where a life stands, as others may know it: no text of the program's, no path of the machine."""
    state = life.state
    halted = state.overseen.halted
    adopted = [version for version in state.versions[1:] if not version.rolled_back]
    newest = adopted[-1] if adopted else None
    refused = [c for c in state.confirmations.values() if c.decision and c.decision["verdict"] == "refused"]
    return {
        "phase": phase, "host": socket.gethostname(), "key": str(state.genesis["vkey"])[:200],
        "entries": life.ledger.size, "root": life.ledger.root.hex(), "version": state.current,
        "certified": sum(version.certified for version in adopted), "waiting": len(state.waiting),
        "refused": sum(not c.counter.startswith("control-") for c in refused), "trials": state.trials,
        "halted": f"by {halted.by}: {halted.reason}" if halted is not None else "",
        "newest": f"{newest.objective}: {newest.title}" if newest is not None else "",
        "changed": newest.time if newest is not None else "",
        "objectives": [objective.name for objective in life.charter.objectives],
    }  # fmt: skip
