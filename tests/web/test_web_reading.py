"""The dashboard's view of a life, read bit by bit, is the one that is read at once; and damage is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from visiting import Visitor

from selfproof.certify.effect import Estimate
from selfproof.ledger import Reader
from selfproof.ledger.frames import open_log, scan
from selfproof.viewing.seen import Seen
from selfproof.web import gains, purposes
from selfproof.web.models.curves import Curve, Point
from selfproof.web.reading import Reading
from selfproof.web.where import Where


@pytest.fixture
def copy(finite_life: Any, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finite_life.folder, tmp_path / "life"))


def ends(folder: Path) -> list[int]:
    with open_log(folder / ".selfproof" / "ledger") as file:
        return [frame.end for frame in scan(file)]


def test_bit_by_bit_is_the_same_as_at_once(copy: Path) -> None:
    log, checkpoint = (copy / ".selfproof" / "ledger" / name for name in ("log", "checkpoint"))
    whole, note, places = log.read_bytes(), checkpoint.read_bytes(), ends(copy)
    checkpoint.unlink()
    reading, cut = Reading(copy), [places[0] - 3, *places[:3], places[4] + 5, places[7], places[-2] - 1, places[-1]]
    for end in cut:
        log.write_bytes(whole[:end])
        with reading.turn():
            done = sum(place <= end for place in places)
            assert (reading.state.entries, len(reading.kinds), reading.fault) == (done, done, None)
    checkpoint.write_bytes(note)
    full = Seen(copy)
    with reading.turn():
        assert reading.state == full.state and reading.tree.root == full.reader.root
        assert reading.checkpoint is not None and reading.checkpoint.size == full.reader.size
        for leaf in full.reader.leaves():
            assert reading.entry(leaf.index).raw == leaf.raw
        version = reading.files(reading.state.current)
    assert version == full.files(full.state.current)


def test_only_what_is_new_is_folded(copy: Path, monkeypatch: Any) -> None:
    reading = Reading(copy)
    with reading.turn():
        kept = reading.memo("x", object)
    monkeypatch.setattr("selfproof.web.reading.apply", lambda *_: pytest.fail("folded again"))
    with reading.turn():
        assert reading.memo("x", object) is kept


def test_another_ledger_in_its_place_is_read_from_the_start(copy: Path, tmp_path: Path) -> None:
    reading, other = Reading(copy), tmp_path / "other"
    with reading.turn():
        before = reading.state.entries
    shutil.copytree(copy / ".selfproof" / "ledger", other)
    end = ends(copy)[3]
    (other / "log").write_bytes((other / "log").read_bytes()[:end])
    (other / "checkpoint").unlink()
    shutil.rmtree(copy / ".selfproof" / "ledger")
    other.rename(copy / ".selfproof" / "ledger")
    with reading.turn():
        assert reading.state.entries == 4 < before and reading.fault is None


@pytest.mark.parametrize("how", ["byte", "byte and checksum", "checkpoint", "shorter"])
def test_damage_is_told_on_every_page(copy: Path, how: str) -> None:
    import struct
    import zlib

    log, checkpoint = (copy / ".selfproof" / "ledger" / name for name in ("log", "checkpoint"))
    data, places = bytearray(log.read_bytes()), ends(copy)
    if how.startswith("byte"):
        at = data.index(b'"title"', places[2]) + 12
        data[at] ^= 1
        if how == "byte and checksum":
            start = max(place for place in places if place < at)
            size = struct.unpack("<I", data[start : start + 4])[0]
            data[start + 4 : start + 8] = struct.pack("<I", zlib.crc32(data[start + 8 : start + 8 + size]))
    elif how == "shorter":
        data = data[: places[-3]]
    else:
        checkpoint.write_bytes(checkpoint.read_bytes().replace(b"\n", b"\n\n", 1))
    log.write_bytes(data)
    visitor = Visitor(copy)
    answer = visitor.get("/p/life/")
    assert answer.status_code == 200 and "The ledger is damaged" in answer.text


def test_the_browser_gets_the_bytes_that_lie_there_now(copy: Path) -> None:
    visitor = Visitor(copy)
    from selfproof.ledger.tiles import entries

    got = list(entries(visitor.get("/p/life/ledger/bundle?from=0").content))
    assert got == [leaf.raw for leaf in Reader(copy / ".selfproof" / "ledger").leaves()][: len(got)]
    log, places = copy / ".selfproof" / "ledger" / "log", ends(copy)
    data = bytearray(log.read_bytes())
    data[places[4] + 30] ^= 1  # in entry 5, which was read before
    log.write_bytes(data)
    first = visitor.get("/p/life/ledger/bundle?from=0")
    assert len(list(entries(first.content))) == 5
    told = visitor.get("/p/life/ledger/bundle?from=5")
    assert told.status_code == 409 and told.json()["index"] == 5


def test_a_program_without_a_ledger_says_how_to_begin(copy: Path) -> None:
    shutil.rmtree(copy / ".selfproof")
    answer = Visitor(copy).get("/p/life/")
    assert answer.status_code == 200 and "selfproof run" in answer.text


def test_the_search_box() -> None:
    rows = [
        {"id": 1, "verdict": "refused", "objective": "memory", "title": "A b", "pairs": 8, "effect": None},
        {"id": 2, "verdict": "certified", "objective": "memory", "title": "c", "pairs": 40, "effect": 0.5},
        {"id": 3, "verdict": "rolled back", "objective": "ops", "title": "a", "pairs": None, "effect": 2.0},
    ]

    def found(text: str) -> list[int]:
        return [row["id"] for row in rows if Where.parse(text).holds(row)]  # type: ignore[misc]

    assert found("") == [1, 2, 3] and found("a b") == [1] and found("memory") == [1, 2]
    assert found("verdict=refused and pairs>=8") == [1] and found("gain>0.4 objective=memory") == [2]
    assert found('verdict="rolled back"') == [3] and found("pairs>0") == [1, 2] and found("verdict!=refused") == [2, 3]
    assert found("title~B") == [1] and Where.parse("no=1").problem and Where.parse("id>x").problem


def test_what_an_objective_has_gained_is_told_from_its_start_to_now() -> None:
    def level(version: int, value: float | None, stands: bool = True) -> Point:
        known = None if value is None else Estimate(value, value - 0.05, value + 0.05, 20)
        return Point(version, "", known, {}, True, stands, None)

    def row(kind: str, effect: float | None, low: float = 0.0) -> dict[str, Any]:
        return {"kind": kind, "effect": effect, "interval": None if effect is None else [low, effect + 1]}

    objective: Any = SimpleNamespace(metric="bits_per_char", better="lower")
    points = [level(0, 4.0), level(1, 3.0), level(2, 1.0, stands=False), level(3, None)]
    curve = Curve("memory", "quality", "bits_per_char", "lower", points, [])
    told = gains.levels(objective, curve)
    assert told is not None and told["head"] == "4.000 → 3.000", "what was rolled back is no gain"
    assert told["told"] == "25% lower than at its start; lower is better" and told["unit"] == "bits per character"
    assert told["sure"] == "95% interval of the whole gain: 0.929 to 1.071", "of both levels together"
    assert told["behind"] == 1
    assert gains.levels(objective, Curve("m", "quality", "b", "lower", points[:1], [])) is None
    summed = gains.summed(objective, [row("difference", 0.25), row("difference", 1.5), row("difference", None)])
    assert summed is not None and summed["head"] == "1.750 better"
    twice = [row("ratio", 2.0, 1.5), row("ratio", 1.5, 1.0), row("ratio", None)]
    one = gains.ratios({"look": twice})
    assert one is not None and one["head"] == "3.00×" and one["sure"].endswith(": 1.50 to 7.50") and one["behind"] == 1
    assert "the function look" in one["told"]
    two = gains.ratios({"look": twice, "find": [row("ratio", 4.0, 3.0)]})
    assert two is not None and two["head"] == "2 functions", "times of different functions do not multiply"
    assert two["told"] == "than at its start: look 3.00×, find 4.00×" and two["behind"] == 1
    assert gains.ratios({"look": [row("ratio", None)]}) is None and gains.summed(objective, []) is None
    grown = gains.from_to(objective, 0.0, 2.0, None)
    assert grown["told"] == "2.000 higher than at its start; lower is better" and not grown["sure"]


def test_what_the_gate_promises_is_said_of_its_own_mode() -> None:
    assert "even one" in gains.promise("fwer") and "share" in gains.promise("fdr")
    assert "even one" not in gains.promise("fdr")


def test_what_an_objective_is_about_is_its_tasks_own_sentence(tmp_path: Path) -> None:
    task = tmp_path / "tasks" / "one.py"
    task.parent.mkdir()
    task.write_text('raise SystemExit("it was run")\nclass A:\n    """How well <b>it</b> counts. And more.\n    """\n')
    assert purposes.purpose(tmp_path, "tasks/one.py:A") == "How well <b>it</b> counts."
    (tmp_path.parent / "outside.py").write_text('class A:\n    """Secret."""\n')
    (tmp_path / "broken.py").write_text("class A(")
    for place in ("tasks/one.py:B", "../outside.py:A", "none.py:A", "broken.py:A", "tasks:A", "\0:A", ""):
        assert purposes.purpose(tmp_path, place) == "", place
