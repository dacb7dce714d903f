"""Both tiers for every test that takes `pool`; one that this machine cannot offer is skipped."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from selfproof.jail import Job, Limits, Outcome, Pool, values

TIERS = ("jail", "confined")
Run = Callable[..., Outcome]


def need(tier: str) -> None:
    """Skip when the machine lacks what the tier is made of; anything else that is wrong is a failure."""
    if tier != "jail":
        return
    done = subprocess.run(["unshare", "--map-root-user", "--pid", "--net", "--mount", "--fork", "true"], check=False)
    if done.returncode:
        pytest.skip("no namespaces can be made here (allow user namespaces, or run as root)")


@pytest.fixture(scope="session", params=TIERS)
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    need(request.param)
    with Pool(1, require=request.param) as made:
        assert made.tier == request.param
        yield made


@pytest.fixture
def run(pool: Pool) -> Run:
    """Run source (a string, or files) with one function `f` on the given plain inputs."""

    def run(source: str | dict[str, str], *inputs: object, mode: str = "call", **limits: float) -> Outcome:
        files = {"m.py": source} if isinstance(source, str) else source
        ceilings = Limits(**{"wall_s": 5.0} | limits)  # type: ignore[arg-type]
        encoded = [values.encode(value) for value in inputs]
        return pool.submit(Job(files, "m.py:f", encoded, mode=mode, limits=ceilings)).result(timeout=30)

    return run
