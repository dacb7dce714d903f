"""Hostile improvers, asked in the real jail: what they say is data, what breaks the form is counted, nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Arena, arena

from selfproof.audit import audit
from selfproof.nouns import SelfproofError

GOOD = "def square(x):\\n    return x * x\\n"
ROW = '{"files": {view["path"]: "' + GOOD + '"}, "title": "t", "operator": "o", "parent": view["parents"][0]["id"]}'


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    folder = tmp_path_factory.mktemp("improvers") / "life"
    with arena(folder) as here:
        yield here
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def improver(body: str, head: str = "") -> str:
    return f"{head}\ndef propose(view):\n    {body}\n"


def counted(here: Arena, rule: str) -> int:
    """How many more the ledger has under a rule once the loop has taken the edits up."""
    before = here.turned_away().get(rule, 0)
    here.send()
    return here.turned_away().get(rule, 0) - before


@pytest.mark.parametrize(("row", "many"), [(ROW, 3000), ("None", 10**6)])
def test_a_million_edits_are_as_many_as_were_wanted(shared: Arena, row: str, many: int) -> None:
    """What is beyond the wanted is counted as unread."""
    edits = shared.asked(improver(f"return [{row}] * {many}"))
    wanted = shared.domain().sizes.wanted
    assert len(edits) <= 2 * wanted and counted(shared, "unread") == 2 * (many - wanted)


def test_edits_of_other_files_are_left_out_and_counted(shared: Arena) -> None:
    names = ["../charter.toml", "improver.py", "holdout.py", ".git/config", "/etc/passwd", "sub/../../x.py"]
    rows = f"[{{**{ROW}, 'files': {{name: 'x = 1'}}}} for name in {names!r}]"
    assert shared.asked(improver(f"return {rows}")) == []
    assert counted(shared, "scope") == 2 * len(names)


def test_what_is_no_edit_is_left_out_and_counted(shared: Arena) -> None:
    rows = f"[None, 7, 'x', [], {{}}, {{**{ROW}, 'files': {{}}}}, {{**{ROW}, 'title': 3}}, {{**{ROW}, 'family': 3}}]"
    assert shared.asked(improver(f"return {rows}")) == []
    assert counted(shared, "form") == 2 * 8


def test_a_title_cannot_speak_to_a_terminal_and_a_prediction_must_be_a_number(shared: Arena) -> None:
    title = "'\\x1b]0;x\\x07\\x1b[2J\\u202e' + 'x' * 100000"
    for stated in ("float('nan')", "float('inf')", "10 ** 400", "'much'", "True"):
        edits = shared.asked(improver(f"return [{{**{ROW}, 'title': {title}, 'prediction': {stated}}}]"))
        for edit in edits:
            assert edit.title.isprintable() and len(edit.title) <= 200 and edit.prediction is None
    assert all(
        math.isfinite(e.prediction or 0.0) for e in shared.asked(improver(f"return [{{**{ROW}, 'prediction': 1e300}}]"))
    )


def test_it_cannot_call_itself_somebody_else(shared: Arena) -> None:
    row = f"{{**{ROW}, 'proposer': 'alice@example.com', 'improver': 99, 'dollars': -1e9, 'objective': 'holdout'}}"
    edits = shared.asked(improver(f"return [{row}]"))
    assert edits and {(e.proposer, e.improver, e.dollars, e.objective) for e in edits} == {
        ("improver", 0, 0.0, "suite")
    }


HEAD = """
import json, os, socket, sys

PLACES = ["/tmp", "/home", "/root", "/work", "/scratch", "/mnt", "/var", "/srv", "/run", "/etc", "/dev/shm"]

def look(where):
    try:
        return open(where).read()[:40]
    except Exception as error:
        return type(error).__name__

def reach():
    try:
        socket.create_connection(("127.0.0.1", 22), 1).close()
        return "out"
    except Exception as error:
        return type(error).__name__

def everywhere():
    walks = (walk for place in PLACES for walk in os.walk(place))
    return [name for _, _, names in walks for name in names if "epoch" in name or name == "charter.toml"]
"""


def test_it_finds_no_key_no_charter_no_answer_and_no_way_out(shared: Arena) -> None:
    """It runs as an improver does and tells in its title what it could read."""
    folder = shared.life.paths.folder
    shared.life.fresh_seed("so that there is a key")
    secrets = [shared.life.paths.epoch_key, shared.life.paths.key, folder / "charter.toml", folder / "tasks/finite.py"]
    assert secrets[0].is_file() and secrets[2].is_file()
    looked = f"[look(p) for p in {[str(p) for p in secrets]!r}]"
    told = f"json.dumps([{looked}, reach(), len(everywhere()), [n for n in os.environ if 'KEY' in n or 'TOKEN' in n]])"
    edits = shared.asked(improver(f"return [{{**{ROW}, 'title': {told}}}]", HEAD))
    assert edits, "it answered"
    read, way, found, environment = json.loads(edits[0].title)
    assert set(read) <= {"FileNotFoundError", "PermissionError", "NotADirectoryError"} and way != "out" and found == 0
    assert environment == []


def test_a_view_holds_no_answer_no_key_and_no_reason(shared: Arena) -> None:
    focus = shared.domain().observe()
    assert focus is not None
    told = repr(focus.views)
    for secret in (shared.life.epoch_key.hex() or "no key yet", "hidden", "imports", "not editable", "reason"):
        assert secret not in told
    keys = {"kind", "objective", "path", "function", "wanted", "plateau", "experience", "operators", "seed", "parents",
            "history", "tried"}  # fmt: skip
    assert all(set(view) == keys for view in focus.views), "a key more is a way for more to get out"


@pytest.mark.parametrize(
    "body", ["raise SystemExit(0)", "return 'all of it'", "return view['answers']", "return [[]] * 3"]
)
def test_one_that_breaks_itself_ends_in_an_earlier_one_or_in_one_clear_line(shared: Arena, body: str) -> None:
    """The way back is the ledger's text of an earlier version: no edit reaches it. Here there is none before it."""
    before = shared.life.state.current
    try:
        assert shared.asked(improver(body)) == []
    except SelfproofError as error:
        assert "improver" in str(error) and "\n" not in str(error)
    assert shared.life.state.current == before


def test_its_experience_cannot_be_poisoned(tmp_path: Path) -> None:
    """Whatever a store holds (NaN, huge numbers, words), an improver is told shares between 0 and 1 of known names."""
    import sqlite3

    from selfproof.learn.experience import Store, told

    place = tmp_path / "experience.db"
    Store(place).close()
    with sqlite3.connect(place) as db:
        row = "VALUES (NULL,'now',?,?,'p','quality','failed',?,'improver','Call',?,1,1,?,?,'raced',?,?)"
        for number, value in enumerate([float("nan"), float("inf"), -1e308, 1e308, 0.5]):
            db.execute(
                f"INSERT INTO edit {row}", (str(number), str(number), "wrap", 10**9, value, "ignore all", value, 1)
            )
            db.execute(f"INSERT INTO edit {row}", (f"x{number}", "c", "rm -rf /", 1, value, "\x1b[2J", value, 1))
    found = told(place, "quality", "failed", ["wrap"])
    text = json.dumps(found, allow_nan=False)  # fails on NaN
    assert "rm -rf" not in text and "ignore all" not in text and "\\u001b" not in text
