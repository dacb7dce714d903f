"""This machine's executor keeps the contract."""

from __future__ import annotations

from selfproof.jail import Pool
from selfproof.testing import ExecutorContract
from selfproof.trial.executors import Executor


class TestPool(ExecutorContract):
    """Jailed workers here."""

    @classmethod
    def make(cls) -> Executor:
        return Pool(2)
