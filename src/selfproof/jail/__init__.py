"""Isolation: run untrusted programs, get bytes back.

    with Pool(workers=2) as pool:
        job = Job({"double.py": "def f(x): return 2 * x"}, "double.py:f", [values.encode(21)])
        print(values.decode(pool.submit(job).result().outputs[0]))

Two tiers, the strongest that passes probing is taken: `jail` (own namespaces and a minimal read-only root) and
`confined` (no namespaces); in both, every job is a fresh process behind Landlock, seccomp and resource limits.
By name only, `none` is no isolation at all, and others provide their own (`providers`).

The names below are loaded on first use: this package is also imported inside the jail, where the engine's
half does not exist.

Does not protect against:
- bugs in the kernel, and side channels of the processor.
- in `confined`: learning which paths exist (never what is in them).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selfproof.grants import Grants as Grants
    from selfproof.jail.limits import JailUnavailable as JailUnavailable
    from selfproof.jail.limits import Job as Job
    from selfproof.jail.limits import Limits as Limits
    from selfproof.jail.limits import Outcome as Outcome
    from selfproof.jail.limits import Status as Status
    from selfproof.jail.pool import Pool as Pool

_HOMES = {"Grants": "selfproof.grants", "Pool": "selfproof.jail.pool"}
__all__ = ["Grants", "JailUnavailable", "Job", "Limits", "Outcome", "Pool", "Status"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(_HOMES.get(name, "selfproof.jail.limits"))
    return getattr(home, name)
