"""Isolation by others: a container, a virtual machine, a machine elsewhere, under a name of its own.

A provider is a callable, registered under the entry-point group `selfproof.sandboxes`, that starts a worker; the
charter's `require` names it. What such a worker must do is `Isolated`; `selfproof.testing.sandbox` tests it.

Does not protect against:
- a provider that promises more than it does: its layers are its own claim, and only its name selects it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Final

from selfproof.grants import Grants
from selfproof.jail.limits import Isolated, JailUnavailable

__all__ = ["GROUP", "Isolated", "Provider", "start"]

GROUP: Final = "selfproof.sandboxes"


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
