"""Small ledgers to use and to break: a fixed key, a clock that ticks one second per entry."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from selfproof.ledger import Ledger

SEED = bytes(range(32))


class Ticking:
    """A clock that a test can set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(SEED.hex() + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger"


@pytest.fixture
def create(folder: Path, key: Path, clock: Ticking) -> Callable[[], Ledger]:
    return lambda: Ledger.create(folder, key, program_id="demo", genesis={"charter": "c" * 64}, clock=clock)


@pytest.fixture
def ledger(create: Callable[[], Ledger]) -> Iterator[Ledger]:
    with create() as opened:
        yield opened


@pytest.fixture
def populated(create: Callable[[], Ledger], folder: Path) -> Path:
    """Six signed entries with two blobs (plus one that nobody names), then two whole unsigned entries."""
    ledger = create()
    first, second = ledger.put_blob(b"trial results\n" * 20), ledger.put_blob(b"\x00\xff" * 50)
    ledger.put_blob(b"nobody refers to this one")
    ledger.append("charter", {"text": "what a person allows, ünïcode included"})
    ledger.append("race", {"results": {"$blob": first}})
    ledger.append("confirm-start", {"k": 1, "alpha": 0.0125}, durable=True)
    ledger.append("results", {"z": [0.5, -0.25, 1e-9], "runs": [{"$blob": first}, {"$blob": second}]})
    ledger.append("verdict", {"certified": True, "e_value": 123.5}, durable=True)
    ledger.append("propose", {"edit": "a"})
    ledger.append("propose", {"edit": "b"})
    ledger._ended = "dropped"  # close without a commit, as a killed writer would
    ledger.close()
    return folder
