from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from selfproof import birth
from selfproof.audit.bundle import unpacked
from selfproof.cli import main
from selfproof.reports.card import Card, card
from selfproof.reports.facts import Facts

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "ledger-v2"


class Done(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def type_in(*words: object) -> Done:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def typed() -> Any:
    """A command as it is typed, in this process."""
    return type_in


@pytest.fixture(scope="session")
def golden_ledger() -> Iterator[Path]:
    with unpacked(GOLDEN) as ledger:
        yield ledger


@pytest.fixture(scope="session")
def facts(golden_ledger: Path) -> Facts:
    return Facts(golden_ledger)


@pytest.fixture(scope="session")
def made(facts: Facts) -> Card:
    return card(facts, None)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN, tmp_path / "bundle"))


@pytest.fixture
def newborn(tmp_path: Path) -> Path:
    """A program that never ran."""
    birth.make(tmp_path / "newborn", seed=1)
    return tmp_path / "newborn"
