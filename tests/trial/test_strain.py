"""How the machine was: read where it is told, said to be unknown where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfproof.certify.recorded import machine_of
from selfproof.trial import strain


@pytest.mark.parametrize(
    ("place", "text", "seconds"),
    [
        ("cpu.stat", "usage_usec 9\nnr_throttled 3\nthrottled_usec 2500000\n", 2.5),
        ("cpu/cpu.stat", "nr_periods 0\nnr_throttled 3\nthrottled_time 1500000000\n", 1.5),
        ("cpu.stat", "usage_usec 9\n", strain.UNKNOWN),
        ("cpu.stat", "throttled_usec many\n", strain.UNKNOWN),
    ],
)
def test_what_the_kernel_counts_is_read_in_seconds(tmp_path: Path, place: str, text: str, seconds: float) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text(text)
    assert strain.throttled(tmp_path) == pytest.approx(seconds)


def test_without_control_groups_nothing_is_claimed(tmp_path: Path) -> None:
    assert strain.throttled(tmp_path) == strain.UNKNOWN
    assert strain.load() >= 0.0 or strain.load() == strain.UNKNOWN


def test_rows_tell_how_busy_it_was() -> None:
    rows = [(1.0, 0.9, 0.5, 0.0, 1.0), (1.0, 0.9, 2.5, 0.01, 0.0), (1.0, 0.9, 1.0, 0.0, 1.0)]
    assert machine_of("speed", rows) == {"load": 1.0, "most_load": 2.5, "pairs": 3, "throttled": 1}
    unknown = [(*row[:3], strain.UNKNOWN, row[4]) for row in rows]
    assert machine_of("speed", unknown)["throttled"] is None
    assert machine_of("quality", rows) == {} == machine_of("speed", [])
