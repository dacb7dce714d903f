"""Programs that broke their own improver: the last one that works is asked in its place, and life goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selfproof import birth, life
from selfproof.archive.state import Version
from selfproof.archive.tree import digests, tree_hash
from selfproof.domains import asking
from selfproof.domains.base import Focus
from selfproof.domains.quality import Quality
from selfproof.life import Life
from selfproof.nouns import SelfproofError
from selfproof.recursion import MISSING, improver_form, lineages

HEAD = "def improve(view):\n"
BROKEN = {
    "raises": ("    raise RuntimeError('no more')\n", "no more"),
    "endless": ("    while True:\n        view = view\n", "timeout"),
    "garbage": ("    return {'edits': 'many'}\n", "not a list"),
    "malformed": ("    return [{'files': 3}, 'better']\n", "no edit that could be tried"),
    "nothing": ("    return []\n", "no edit that could be tried"),
    "known": (
        "    return [{'files': {view['path']: p['source']}, 'title': 't', 'operator': 'wrap', 'parent': p['id']}\n"
        "            for p in view['parents']]\n",
        "no edit that could be tried",
    ),
}


def unborn(folder: Path) -> Path:
    """The template before its birth, with blocks a quarter as large as they are shipped, and a short deadline."""
    with resources.as_file(resources.files("selfproof") / "templates") as real:
        shutil.copytree(real / "godel", folder, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(real / "puzzles" / "tasks", folder / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    task = folder / "tasks" / "game24.py"
    assert "HANDS = 64" in task.read_text()
    task.write_text(task.read_text().replace("HANDS = 64", "HANDS = 16"))
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text().replace('require = "auto"', 'require = "auto"\nwall_s = 4.0'))
    return folder


def broken(text: str, mode: str, rule: str = "0.0 * n") -> str:
    """The agent's module with its improver broken in one way, and a rule of its own."""
    body = "" if mode == "gone" else HEAD + BROKEN[mode][0]
    head, mark, _ = text.partition(HEAD)
    assert mark and text.count("    return 0.0 * n\n") == 1
    return head.replace("    return 0.0 * n\n", f"    return {rule}\n") + body


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quality]:
    folder = unborn(tmp_path_factory.mktemp("godel") / "life")
    birth.begin(folder, seed=1)
    with life.opened(folder, seed=1) as living:
        domain = Quality(living, living.charter.objective("game24"))
        domain.observe()
        yield domain


def goes_on_as(living: Life, *texts: str) -> None:
    """As if these texts had been certified one after the other; in memory only."""
    del living.state.versions[1:]
    for number, text in enumerate(texts, 1):
        living.blob(text)
        files = {**living.files(0), "agent.py": text}
        living.state.versions.append(
            Version(number, tree_hash(files), digests(files), 0, "", "game24", "", "", "", certified=True)
        )
    living.state.current = len(texts)
    living.notices.clear()


def asked(search: Quality, turns: int = 1) -> tuple[set[int | None], list[dict[str, Any]]]:
    """Whose improver suggested what came of the last turn, and what was told meanwhile."""
    focus = search.observe()
    assert focus is not None
    improvers, edits = search.improvers, []
    for _ in range(turns):
        edits = improvers.edits(Focus(focus.views[:1], "").views)
    return {edit.improver for edit in edits}, search.life.notices


def renewed(search: Quality, *texts: str) -> None:
    goes_on_as(search.life, *texts)
    search.improvers = asking.Improvers(
        search.life, search.objective, search.improvers._run, search.files_of, search._is_new
    )


def start(search: Quality) -> str:
    return search.life.files(0)["agent.py"]


@pytest.mark.parametrize("mode", ["raises", "endless", "garbage", "gone"])
def test_an_improver_that_fails_is_replaced_at_once(search: Quality, mode: str) -> None:
    renewed(search, broken(start(search), mode))
    who, told = asked(search)
    assert who == {0}
    (notice,) = told
    assert (notice["event"], notice["version"], notice["asked"]) == ("improver", 1, 0)
    assert BROKEN.get(mode, ("", "improve"))[1] in notice["reason"]


@pytest.mark.parametrize("mode", ["malformed", "nothing", "known"])
def test_an_improver_that_suggests_nothing_new_has_a_few_turns(search: Quality, mode: str) -> None:
    renewed(search, broken(start(search), mode))
    who, told = asked(search, asking.SILENT - 1)
    assert who <= {1} and told == []
    who, told = asked(search)
    assert who == {0} and BROKEN[mode][1] in told[0]["reason"] and len(told) == 1
    asked(search, 3)
    assert len(told) == 1, "it is told once"


def test_the_newest_that_works_is_asked_and_each_is_tested_anew(search: Quality) -> None:
    better = start(search).replace("lot < 0.15", "lot < 0.2")
    renewed(search, better, broken(better, "garbage"), broken(better, "raises"))
    assert asked(search)[0] == {1}
    search.life.state.versions[1].rolled_back = True
    assert asked(search)[0] == {0}, "what was taken back is nobody's way back"


def test_a_broken_improver_is_tried_again_and_a_new_one_at_once(
    search: Quality, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[str] = []
    bad = broken(start(search), "raises")
    renewed(search, bad)
    run = search.improvers._run

    def counted(jobs: Any) -> Any:
        runs.extend("bad" if job.files["agent.py"] == bad else "good" for job in jobs)
        return run(jobs)

    monkeypatch.setattr(search.improvers, "_run", counted)
    monkeypatch.setattr(asking, "AGAIN", 3)
    asked(search, 4)
    assert runs == ["bad", "good", "good", "good", "bad", "good"]
    mended = start(search).replace("lot < 0.15", "lot < 0.2")
    living = search.life
    goes_on_as(living, bad, mended)
    who, told = asked(search)
    assert who == {2} and told[-1]["asked"] == told[-1]["version"] == 2


def test_where_no_improver_works_the_run_ends_with_the_reason(search: Quality, monkeypatch: pytest.MonkeyPatch) -> None:
    renewed(search)
    monkeypatch.setattr(search.life, "files", lambda number=None: {"agent.py": broken(start_text, "raises")})
    with pytest.raises(SelfproofError, match="no more"):
        search.improvers.edits([{"wanted": 1, "path": "agent.py"}])


start_text = (resources.files("selfproof") / "templates/godel/program/agent.py").read_text(encoding="utf-8")


def test_an_improver_is_its_code_and_what_it_leads_to() -> None:
    def form(text: str, **others: str) -> str:
        return improver_form({"agent.py": text, **others}, "agent.py:improve")

    first = form(start_text)
    assert form(start_text.replace("return 0.0 * n", "return 1.0 * a")) == first, "the solver is no part of it"
    assert form(start_text.replace("lot < 0.15", "lot <   0.15  # often")) == first
    for mine in ("lot < 0.2", "lot < 0.15 or lot > 2"):
        assert form(start_text.replace("lot < 0.15", mine)) != first, "a helper is"
    assert form(start_text.replace("0.5 + kept", "0.6 + kept")) != first, "and a helper of a helper"
    assert form(start_text.replace('"wrap": 3.0', '"wrap": 4.0')) != first
    assert form(broken(start_text, "gone")) == MISSING == improver_form({}, "agent.py:improve")
    assert form("def improve(:\n") != form("def improve(::\n")
    module = "import notes\n\n\ndef improve(view):\n    return notes.some(view)\n"
    assert form(module, **{"notes.py": "x = 1\n"}) != form(module, **{"notes.py": "x = 2\n"})
    assert form(module, **{"other.py": "x = 1\n"}) == form(module, **{"other.py": "x = 2\n"})


def test_depth_counts_edits_of_the_editor(search: Quality) -> None:
    """v1 is the first improver's edit of itself, v2 leaves it, v3 is v1's improver's edit of itself, v4 is v3's."""
    texts = [start_text.replace("lot < 0.15", f"lot < {value}") for value in (0.2, 0.2, 0.3, 0.3, 0.4)]
    texts[1], texts[3] = (texts[n].replace("0.0 * n", "1.0 * a") for n in (1, 3))
    goes_on_as(search.life, *texts)

    class Said:
        def __init__(self, version: int, base: int, improver: int | None) -> None:
            self.version, self.body = version, {"base_version": base, "improver": improver}

    said = [Said(1, 0, 0), Said(2, 1, 1), Said(3, 2, 2), Said(4, 3, 3), Said(5, 4, 0)]
    state: Any = SimpleNamespace(versions=search.life.state.versions, confirmations=dict(enumerate(said)))

    def told() -> list[tuple[int | None, int | None, bool]]:
        rows = lineages(state, search.life.files, "agent.py:improve")
        return [(rows[n].improver, rows[n].depth, rows[n].edits_improver) for n in range(1, 6)]

    assert told() == [(0, 0, True), (1, 1, False), (2, 1, True), (3, 2, False), (0, 0, True)]
    said[2].body["improver"] = None  # by a person or a model: it counts on from the improver that it changes
    assert told()[2:4] == [(None, None, True), (3, 2, False)]
    goes_on_as(search.life)


RULE = "whole"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["raises", "endless", "garbage", "gone", "nothing"])
def test_a_life_goes_on_to_certify_after_it_broke_its_improver(cli: Any, tmp_path: Path, mode: str) -> None:
    """The broken improver comes with a better rule, so that it is certified like any other change."""
    folder = unborn(tmp_path / mode)
    birth.begin(folder, seed=1)
    changed, charter = tmp_path / "changed", folder / "charter.toml"
    shutil.copytree(folder / "program", changed, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    (changed / "agent.py").write_text(broken((changed / "agent.py").read_text(), mode, RULE))
    whole = charter.read_text()
    charter.write_text(whole.replace('"agent.py:improve"', '""'))  # so that the person's suggestion comes first
    assert cli.run("propose", changed, "--at", folder, "--title", "a rule, and no improver").code == 0
    words = ("run", "--at", folder, "--seed", "1", "--minutes", "4", "--until-certified", "1", "--json")
    assert cli.run(*words, timeout=400).code == 0
    charter.write_text(whole)
    done = cli.run(*words, timeout=400)
    assert done.code == 0, done.err
    assert done.events[-1]["certified"] == 2 and done.events[-1]["ledger"]["verified"]
    told = [event for event in done.events if event["event"] == "improver"]
    assert [(event["version"], event["asked"]) for event in told][:1] == [(1, 0)]
    rows = {row["version"]: row for row in json.loads(cli.run("log", "--json", "--at", folder).out) if row["version"]}
    assert rows[1]["edits_improver"] is True and rows[1]["improver"] is None
    assert (rows[2]["improver"], rows[2]["depth"]) == (0, 0)
    assert "proposed by v0's improver, depth 0" in cli.run("show", "v2", "--at", folder).out
    assert "edits the improver" in cli.run("log", "--at", folder).out
