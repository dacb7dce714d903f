"""What the engine relies on in an archive (`archive.protocol`), as tests to subclass.

    from selfproof.testing import ArchiveContract

    class TestOurs(ArchiveContract):
        def make(self, place, get_blob):
            return OurArchive(place, get_blob)

Run it with pytest. ``place`` is a word: archives made with the same one hold the same program's rows, others another's.
``SharedArchiveContract`` goes on for one that several engines share.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from selfproof.archive.protocol import Archive, Shared, catch_up

CHARTER = """
[program]
editable = ["memory.py"]
[[objective]]
name = "memory"
task = "tasks/memory.py:Memory"
entry = "memory.py:predict"
metric = "bits"
better = "lower"
kind = "quality"
files = ["memory.py"]
"""
"""A charter with one objective of quality, so that engines of one genesis are kin."""


@dataclass(frozen=True)
class Entry:
    """A ledger's entry, as an archive reads it."""

    index: int
    kind: str
    body: dict[str, Any]
    time: str
    commits: tuple[tuple[str, str], ...] = ()


@dataclass
class History:
    """A small ledger: ``batches`` of four candidates each, of which the first two survived their race."""

    batches: int = 3
    name: str = "a"
    blobs: dict[str, bytes] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Write it."""
        charter = self.put(CHARTER.encode())["$blob"]
        self.add("genesis", charter=charter, tasks={"tasks/memory.py": "0" * 64}, tree="1" * 64, vkey=self.name)
        for _ in range(self.batches):
            self.batch()

    def put(self, data: bytes) -> dict[str, str]:
        """A blob, and what refers to it."""
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return {"$blob": digest}

    def get_blob(self, digest: str) -> bytes:
        """The bytes with this hash."""
        return self.blobs[digest]

    def add(self, kind: str, **body: Any) -> Entry:
        """One more entry."""
        number = len(self.entries)
        time = f"2026-01-01T00:{number // 60:02}:{number % 60:02}.{len(self.name):06}Z"
        self.entries.append(Entry(number, kind, body, time))
        return self.entries[-1]

    def ids(self, batch: int) -> list[str]:
        """Names of a batch's candidates."""
        return [hashlib.sha256(f"{self.name}{batch}{i}".encode()).hexdigest() for i in range(4)]

    def batch(self, forms: Sequence[str] | None = None) -> None:
        """One more batch, by blob and race results inline, as a ledger has both."""
        number = sum(entry.kind == "propose" for entry in self.entries)
        rows = [
            {"id": name, "parent": "start", "title": f"edit {i} of {number}", "operator": "constant",
             "proposer": "improver", "version": 0, "files": {"memory.py": f"x = {number}{i}\n"},
             "form": forms[i] if forms else f"{self.name}-{number}-{i}"}
            for i, name in enumerate(self.ids(number))
        ]  # fmt: skip
        results = [
            {"id": row["id"], "outcome": "raced" if i < 2 else "worse", "score": 4.0 - number - i / 10, "scores": [1.0]}
            for i, row in enumerate(rows)
        ]
        candidates = self.put(json.dumps(rows).encode())
        self.add("propose", objective="memory", batch=number, n=4, candidates=candidates)
        self.add("race", objective="memory", batch=number, trials=9, results=results)

    def leaves(self, start: int = 0) -> list[Entry]:
        """Entries from a number on."""
        return self.entries[start:]


def everything(archive: Archive) -> tuple[Any, ...]:
    """All that an archive can be asked."""
    ids = [row["id"] for row in archive.history("memory", 99)]
    return (
        archive.caught_up, archive.mark, archive.forms("memory"), archive.forms("memory", settled=True),
        archive.forms_of("memory", ids), archive.best("memory", 99, highest=False),
        archive.best("memory", 99, highest=True), archive.history("memory", 99), list(archive.lineage("memory")),
        [archive.outcome("memory", one) for one in ids], archive.counts(),
    )  # fmt: skip


class ArchiveContract:
    """Tests of one kind of archive. Subclass it and give ``make``."""

    def make(self, place: str, get_blob: Callable[[str], bytes]) -> Archive:
        """An archive of the program ``place``, with what was put there before."""
        raise NotImplementedError("give make()")

    def filled(self, history: History, place: str) -> Archive:
        """One that has taken in a history, entry by entry, as a run does."""
        archive = self.make(place, history.get_blob)
        for entry in history.entries:
            archive.apply(entry)
        return archive

    def test_it_remembers_what_was_tried(self) -> None:
        """Forms, the best in both directions, the newest, the lineage, outcomes and counts."""
        history = History()
        archive = self.filled(history, uuid4().hex)
        first, last = history.ids(0), history.ids(2)
        assert (archive.caught_up, archive.mark) == (7, history.entries[-1].time)
        assert archive.counts() == {"memory": 12}
        assert len(archive.forms("memory")) == 12 and archive.forms("other") == set()
        assert len(archive.forms("memory", settled=True)) == 6
        assert archive.forms_of("memory", [first[0], "none"]) == {"a-0-0"}
        best = archive.best("memory", 2, highest=False)
        assert [row["id"] for row in best] == [last[1], last[0]]
        assert best[0] == {"id": last[1], "files": {"memory.py": "x = 21\n"}, "operator": "constant", "scores": [1.0],
                           "version": 0}  # fmt: skip
        assert [row["id"] for row in archive.best("memory", 2, highest=True)] == [first[0], first[1]]
        newest = archive.history("memory", 3)
        assert [row["title"] for row in newest] == ["edit 1 of 2", "edit 2 of 2", "edit 3 of 2"]
        assert newest[-1] == {"title": "edit 3 of 2", "operator": "constant", "outcome": "worse", "score": 1.7,
                              "id": last[3]}  # fmt: skip
        assert archive.outcome("memory", last[0]) == "raced" and archive.outcome("memory", "none") is None
        assert list(archive.lineage("memory")) == [(one, "start") for b in range(3) for one in history.ids(b)]
        archive.close()

    def test_what_was_not_raced_yet_was_not_tried(self) -> None:
        """A batch that was proposed alone has no outcome and no form that counts as tried."""
        history = History(1)
        history.batch()
        archive = self.make(uuid4().hex, history.get_blob)
        archive.refill(history.entries[:-1])
        assert archive.counts() == {"memory": 8} and len(archive.forms("memory")) == 4
        assert [row["outcome"] for row in archive.history("memory", 4)] == [""] * 4
        archive.close()

    def test_taking_a_leaf_in_twice_changes_nothing(self) -> None:
        """Neither one after the other nor in a refill."""
        history = History()
        archive = self.filled(history, uuid4().hex)
        before = everything(archive)
        for entry in history.entries[-2:]:
            archive.apply(entry)
        assert everything(archive) == before
        archive.refill(history.entries)
        assert everything(archive) == before
        archive.close()

    def test_one_that_is_refilled_is_equal(self) -> None:
        """Entry by entry or all at once, the answers are the same."""
        history = History(40)
        one, other = self.filled(history, uuid4().hex), self.make(uuid4().hex, history.get_blob)
        catch_up(other, history.leaves, len(history.entries))
        assert everything(one) == everything(other)
        one.close()
        other.close()

    def test_it_goes_on_where_it_was_closed(self) -> None:
        """Also behind an entry that no row comes from."""
        history, place = History(), uuid4().hex
        history.add("note", by="x", words="y")
        for start, stop in ((0, 3), (3, 8)):
            archive = self.make(place, history.get_blob)
            assert archive.caught_up == start
            for entry in history.entries[start:stop]:
                archive.apply(entry)
            assert archive.caught_up == stop
            archive.close()
        archive = self.make(place, history.get_blob)
        assert (archive.caught_up, archive.mark) == (8, history.entries[-1].time)
        assert archive.counts() == {"memory": 12}
        archive.close()

    def test_the_cache_of_another_ledger_is_thrown_away(self) -> None:
        """One that is ahead of the ledger, or whose newest entry has another time."""
        history, place = History(), uuid4().hex
        archive = self.filled(history, place)
        shorter = History(1)
        catch_up(archive, shorter.leaves, len(shorter.entries))
        assert archive.caught_up == 3 and archive.counts() == {"memory": 4}
        other = History(2, name="bb")
        archive.close()
        archive = self.make(place, other.get_blob)
        catch_up(archive, other.leaves, len(other.entries))
        assert archive.counts() == {"memory": 8} and archive.forms_of("memory", other.ids(0)[:1]) == {"bb-0-0"}
        archive.close()

    def test_programs_do_not_see_each_others_rows(self) -> None:
        """Nothing of another program's is an answer about this one."""
        history = History()
        one, other = self.filled(history, uuid4().hex), self.make(uuid4().hex, history.get_blob)
        assert everything(other) == (0, "", set(), set(), set(), [], [], [], [], [], {})
        one.clear()
        assert one.caught_up == 0 and one.counts() == {}
        one.close()
        other.close()

    def test_texts_of_any_kind_come_back(self) -> None:
        """Quotes, control characters and what is beyond ASCII, in files and titles."""
        text = "x = 'a\"b\\'\x00\r\n\t\u202e\U0001f600'\n"
        history = History(0)
        row = {"id": "7" * 64, "parent": "start", "title": "it's 100% \u00fc\u202e", "operator": "constant",
               "proposer": "improver", "version": 3, "files": {"memory.py": text}, "form": "f"}  # fmt: skip
        history.add("propose", objective="memory", batch=0, n=1, candidates=[row])
        result = {"id": "7" * 64, "outcome": "raced", "score": -0.1, "scores": [0.1, -0.3]}
        history.add("race", objective="memory", batch=0, trials=1, results=[result])
        archive = self.filled(history, uuid4().hex)
        (best,) = archive.best("memory", 9, highest=True)
        assert best["files"] == {"memory.py": text} and best["scores"] == [0.1, -0.3] and best["version"] == 3
        assert archive.history("memory", 1)[0]["title"].startswith("it's 100% \u00fc")
        archive.close()


class SharedArchiveContract(ArchiveContract):
    """Tests of an archive that several engines share. ``make`` gives a ``Shared``."""

    def two(self) -> tuple[Shared, Shared, str]:
        """Archives of two engines of one search, which nobody else has, and that search's name."""
        kin = hashlib.sha256(uuid4().bytes).hexdigest()
        found = [self.make(uuid4().hex, History(0).get_blob).shared for _ in range(2)]
        assert found[0] is not None and found[1] is not None
        return found[0], found[1], kin

    def test_what_one_has_claimed_the_other_does_not_get(self) -> None:
        """And one's own claim is no obstacle."""
        one, other, kin = self.two()
        assert one.claim(kin, ["f", "g"], 60) == {}
        assert other.claim(kin, ["g", "h"], 60) == {"g": "claimed"}
        assert one.claim(kin, ["f", "g", "h"], 60) == {"h": "claimed"}
        assert other.claim(hashlib.sha256(kin.encode()).hexdigest(), ["f"], 60) == {}, "another search"
        one.close()
        other.close()

    def test_claims_expire(self) -> None:
        """An engine that is gone holds nobody up for ever."""
        one, other, kin = self.two()
        assert one.claim(kin, ["f"], -1.0) == {}
        assert other.claim(kin, ["f"], 60) == {}
        assert one.claim(kin, ["f"], 60) == {"f": "claimed"}
        one.close()
        other.close()

    def test_what_one_has_raced_the_other_need_not(self) -> None:
        """For engines of one genesis, whatever became of its claim; and what survived is offered, best first."""
        mine, theirs = History(2, name="m" + uuid4().hex), History(2, name="t" + uuid4().hex)
        tasks = {"tasks/memory.py": hashlib.sha256(mine.name.encode()).hexdigest()}  # a search of its own
        for history in (mine, theirs):
            history.entries[0].body["tasks"] = tasks
        one, other = self.filled(mine, uuid4().hex).shared, self.filled(theirs, uuid4().hex).shared
        assert one is not None and other is not None
        kin = self.kin_of(tasks)
        assert other.claim(kin, [f"{mine.name}-0-2", "new"], 60) == {f"{mine.name}-0-2": "raced"}
        offered = other.siblings(kin, 9, highest=False)
        assert [found.id for found in offered] == [mine.ids(1)[1], mine.ids(1)[0], mine.ids(0)[1], mine.ids(0)[0]]
        assert offered[0].files == {"memory.py": "x = 11\n"} and offered[0].title == "edit 1 of 1"
        assert [found.id for found in other.siblings(kin, 1, highest=True)] == [mine.ids(0)[0]]
        theirs.batch(forms=[found.form for found in offered])
        for entry in theirs.entries[-2:]:
            other.apply(entry)
        assert other.siblings(kin, 9, highest=False) == [], "what it has raced itself is not offered again"
        one.close()
        other.close()

    def kin_of(self, tasks: dict[str, str]) -> str:
        """The name of the search of CHARTER with these tasks."""
        from selfproof import charter
        from selfproof.archive.kin import kins_of

        return kins_of(charter.parse(CHARTER), tasks, "1" * 64)["memory"]

    def test_one_engine_writes_for_a_program(self) -> None:
        """A copy of its folder cannot write beside it."""
        history, place = History(1), uuid4().hex
        archive = self.filled(history, place)
        try:
            second = self.make(place, history.get_blob)
        except Exception as error:  # noqa: BLE001  whatever it says, in words
            assert "another engine" in str(error)
        else:
            second.close()
            raise AssertionError("two engines write for one program")
        finally:
            archive.close()
        self.make(place, history.get_blob).close()
