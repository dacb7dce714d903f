"""What tests of the forms share: a pool whose jobs may write and start processes, or a reason to skip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from selfproof.jail import Grants, JailUnavailable, Pool

RUNS = Grants.parse(["subprocesses", "scratch:64"])


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    try:
        found = Pool(2, grants=RUNS)
    except JailUnavailable as missing:
        pytest.skip(f"runs of a command need the jail with a control group: {missing}; {missing.advice()}")
    with found:
        yield found
