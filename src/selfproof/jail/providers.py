"""Isolation by others: a container, a virtual machine, a machine elsewhere, under a name of its own.

A provider is a callable, registered under the entry-point group `selfproof.sandboxes`, that starts a worker; the
charter's `require` names it. What such a worker must do is `Isolated`; `selfproof.testing.sandbox` tests it.

Does not protect against:
- a provider that promises more than it does: its layers are its own claim, and only its name selects it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Final, Protocol

from selfproof.grants import Grants
from selfproof.jail.limits import JailUnavailable, Job, Outcome

GROUP: Final = "selfproof.sandboxes"


class Isolated(Protocol):
    """A worker: runs one job at a time, for one thread, until it is killed.

    `tier` is the provider's name, `layers` what it has verified, `grants` what its programs may use beyond nothing,
    `served` how many jobs it ran; `suspect` asks for another worker in its place.
    """

    tier: str
    layers: tuple[str, ...]
    grants: Grants
    served: int
    suspect: bool

    def run(self, job: Job) -> Outcome:
        """Run a job in a process that ran nothing else (screening may); never raise for what a program does.

        Answers are taken in order, bounded by the job's limits, and timed out here; trouble that is not the
        program's is the status `jail_failed`. Speed objectives need `cpu` in the outcome of a `timed` job.
        """

    def rest(self) -> None:
        """Nothing is asked for now: end what screened programs may have left running."""

    def interrupt(self) -> None:
        """End it and all in it, from any thread; the job it runs comes to `jail_failed`. Idempotent."""

    def kill(self) -> None:
        """End it, let go of all it held. Idempotent."""


Provider = Callable[[Sequence[str], Grants], Isolated]
"""Called with the modules to preload and the grants; raises JailUnavailable, or ValueError for grants it has not."""


def start(name: str, known: Sequence[str], preload: Sequence[str], grants: Grants) -> Isolated:
    """Start a worker of the provider `name`. Raises ValueError if nobody registered it, JailUnavailable as it does."""
    found = list(entry_points(group=GROUP, name=name))
    if len(found) != 1:
        others = sorted({point.name for point in entry_points(group=GROUP)})
        raise ValueError(f"require is {name!r}; choose one of {', '.join([*known, *others])}")
    provider: Provider = found[0].load()
    worker = provider(preload, grants)
    if worker.grants != grants:
        worker.kill()
        raise JailUnavailable(f"{name} does not give what was granted", "Grant less, or use the built-in jail.")
    return worker
