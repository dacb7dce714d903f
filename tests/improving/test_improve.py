"""selfproof from Python: real short runs, of a function and of a program that is there, and what comes of them."""

from __future__ import annotations

import asyncio
import html.parser
import importlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import selfproof
from finite_program import made
from selfproof.audit import audit
from selfproof.improving.events import KINDS, Confirming, Decided, Ended, Happened, Started, typed
from selfproof.improving.result import result_of
from selfproof.nouns import SelfproofError, UsageError
from selfproof.propose.brief import Brief, Suggestion
from selfproof.testing import ScriptedModel

SLOW = '''"""A module with a slow function."""


def unknown(orders, catalogue):
    missing = []
    for order in orders:
        for item in order:
            if item not in catalogue and item not in missing:
                missing.append(item)
    return missing


def other(x):
    return x
'''


def inputs() -> Iterator[tuple[list[list[int]], list[int]]]:
    for seed in range(12):
        yield [[(seed + 7 * n * k) % 500 for k in range(5)] for n in range(60)], list(range(seed, 400))


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A project with one module, imported from there; the current folder is the project."""
    (tmp_path / "shop_of_tests.py").write_text(SLOW)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\nversion = "1"\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module("shop_of_tests")
    del sys.modules["shop_of_tests"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Happened]]:
    """A short run of a small program, and its events."""
    folder = made(tmp_path_factory.mktemp("lives") / "finite")
    from selfproof.birth import begin

    begin(folder, 1)
    seen: list[Happened] = []
    return selfproof.improve(folder, minutes=0.08, seed=1, events=seen.append), seen


def test_a_programs_result_is_what_its_ledger_says(finished: tuple[Any, list[Happened]]) -> None:
    result, seen = finished
    assert result and result.certified == len(result.certificates) >= 1
    assert "+++ b/" in result.diff and result.files.keys() >= {"suite.py", "holdout.py"}
    assert {row["name"] for row in result.objectives} == {"suite", "holdout"}
    assert (result.speedup, result.interval) == (None, None)
    for certificate in result.certificates:
        assert certificate["answer"] == "certified" and certificate["decision"] == "adopted"
    assert result.summary["ledger"]["verified"] and seen[-1].raw == result.summary
    with pytest.raises(FrozenInstanceError):
        result.certified = 9
    with pytest.raises(TypeError):
        result.summary["certified"] = 9


def test_events_are_values_of_their_classes(finished: tuple[Any, list[Happened]]) -> None:
    _, seen = finished
    assert isinstance(seen[0], Started) and isinstance(seen[-1], Ended)
    assert {type(event) for event in seen} >= {Started, Confirming, Decided, Ended}
    for event in seen:
        assert type(event) is KINDS.get(event.kind, Happened), event
        assert json.loads(json.dumps(dict(event.raw)))["event"] == event.kind
    adopted = next(event for event in seen if isinstance(event, Decided) and event.adopted)
    assert adopted.effect["value"] > 0 and adopted["alpha_k"] > 0


@pytest.mark.parametrize(
    ("event", "kind"),
    [({"event": "new in a later version", "x": [1]}, Happened), ({"event": "status", "left": "long"}, Happened),
     ({"event": "start"}, Happened), ({}, Happened),
     ({"event": "retired", "objective": "o", "reason": "r", "more": {"deep": [1, None]}}, KINDS["retired"]),
     ({"event": "closing", "objective": True}, Happened)],
)  # fmt: skip
def test_an_event_of_a_newer_engine_loses_nothing(event: dict[str, Any], kind: type) -> None:
    found = typed(event)
    assert type(found) is kind and dict(found.raw) == event


def test_a_result_prints_and_shows_without_markup_of_others(finished: tuple[Any, list[Happened]]) -> None:
    result, _ = finished
    text = str(result)
    assert f"{result.certified} certified" in text and "verified" in text and str(result.folder) in text
    hostile = "</pre><script>alert(1)</script>\x1b]0;x\x07"
    rows = ({**result.objectives[0], "name": hostile},)
    page = type(result)(**{**vars(result), "diff": hostile, "objectives": rows})._repr_html_()
    tags: list[str] = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            assert not [name for name, _ in attrs if name.startswith("on") or name in {"src", "href"}]

    Reader().feed(page)
    allowed = {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "details", "summary",
               "pre", "br"}  # fmt: skip
    assert set(tags) <= allowed and "\x1b" not in page and "\x07" not in page
    assert "\x1b" not in str(type(result)(**{**vars(result), "diff": hostile}))


@pytest.mark.slow
def test_a_function_becomes_a_program_and_goes_on_where_it_ended(module: Any, tmp_path: Path) -> None:
    source = (tmp_path / "shop_of_tests.py").read_bytes()
    first = selfproof.improve(module.unknown, inputs=inputs, minutes=0.05, seed=1)
    assert first.folder.resolve() == tmp_path / "living" / "unknown" and first.speedup is not None
    assert (first.speedup > 1 and "b/shop_of_tests.py" in first.diff) if first else first.speedup == 1.0
    entries = first.summary["ledger"]["entries"]
    kinds = []
    for event in selfproof.live(module.unknown, minutes=1):
        kinds.append(event.kind)
        if event.kind == "observe":
            break
    assert kinds[0] == "start" and "init" not in kinds
    again = result_of(first.folder, first.summary)
    assert again.certified == first.certified and entries <= len(list(_leaves(first.folder)))
    assert (tmp_path / "shop_of_tests.py").read_bytes() == source

    with pytest.raises(UsageError, match="something else"):
        selfproof.improve(module.other, folder=first.folder)
    (tmp_path / "shop_of_tests.py").write_text(SLOW + "\n\nMORE = 1\n")
    with pytest.raises(UsageError, match="has changed since"):
        selfproof.improve(module.unknown)


def _leaves(folder: Path) -> Iterator[Any]:
    from selfproof.ledger import read

    yield from read(folder / ".selfproof" / "ledger").leaves()


@pytest.mark.parametrize(
    ("given", "words"),
    [([5], "list or tuple"), ([], "no inputs"), ([(object(), [])], "no plain data"), (lambda: [], "no inputs"),
     ([((), [])] * 2001, "more than 2,000")],
)  # fmt: skip
def test_inputs_that_cannot_be_used_are_refused_before_anything_is_written(
    module: Any, tmp_path: Path, given: Any, words: str
) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        selfproof.improve(module.unknown, inputs=given)
    assert caught.value.advice() and not (tmp_path / "living").exists()


def test_what_is_no_function_and_no_program_is_refused(tmp_path: Path) -> None:
    for what in (5, len, str, int.bit_length, lambda x: x, tmp_path / "nowhere"):
        with pytest.raises(UsageError):
            selfproof.improve(what)
    with pytest.raises(UsageError):
        selfproof.improve(tmp_path, inputs=[()])
    assert list(tmp_path.iterdir()) == []


def test_a_strangers_proposer_suggests_and_cannot_do_harm(tmp_path: Path) -> None:
    folder = made(tmp_path / "life")
    charter = (folder / "charter.toml").read_text().replace("weight = 1000", "weight = 0.001")
    (folder / "charter.toml").write_text(charter)
    from selfproof.birth import begin

    begin(folder, 1)
    text = "def square(x):\n    return x ** 2 if x >= 0 else -1.0\n"

    def good(brief: Brief) -> Suggestion:
        assert not any(word in repr(brief) for word in ("hidden", "seed", "answer: 4.0"))
        return Suggestion({"suite.py": text}, "all of them", "script", 0.5)

    def garbage(brief: Brief) -> Iterator[Any]:
        yield Suggestion({"../../x.py": "x = 1\n"}, "out", "script")
        yield {"files": {"suite.py": 7}}

    proposer = ScriptedModel([good])
    stranger: Any = SimpleNamespace(name="stranger", propose=garbage, close=lambda: None)
    told: list[Happened] = []
    for event in selfproof.live(folder, minutes=1, seed=1, proposer=[proposer, stranger]):
        told += [event] if event.kind == "proposer" else []
        if len({(event["name"], event["status"]) for event in told}) == 4:
            break
    assert any(event["status"] == "suggested" and event["title"] == "all of them" for event in told)
    assert any(event["status"] == "failed" and "no Suggestion" in event["reason"] for event in told)
    assert proposer.briefs and not (tmp_path / "x.py").exists()
    assert audit(folder / ".selfproof" / "ledger")["ok"]


def test_events_may_be_read_from_any_thread_under_an_event_loop(tmp_path: Path) -> None:
    """Jailed workers end with the thread that starts them, so no reader's thread may be that one."""
    folder = made(tmp_path / "life")
    from selfproof.birth import begin

    begin(folder, 1)

    def step(events: Iterator[Happened], into: list[Happened]) -> None:
        into.extend(event for event in [next(events, None)] if event is not None)

    async def read() -> list[Happened]:
        events, seen = selfproof.live(folder, minutes=0.05, seed=1), []
        while True:
            before = len(seen)
            thread = threading.Thread(target=step, args=(events, seen))
            thread.start()
            await asyncio.to_thread(thread.join)
            if len(seen) == before:
                return seen

    seen = asyncio.run(read())
    assert isinstance(seen[-1], Ended) and seen[-1].trials > 0


def test_ctrl_c_ends_in_order_with_a_result(tmp_path: Path) -> None:
    folder = made(tmp_path / "life")
    from selfproof.birth import begin

    begin(folder, 1)
    script = (
        "import selfproof, signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job ignores it
        f"result = selfproof.improve({str(folder)!r}, minutes=30, seed=1,\n"
        "    events=lambda e: print(e.kind, flush=True))\n"
        "print('RESULT', result.summary['ended'], result.summary['ledger']['verified'])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.strip() == "race":
                process.send_signal(signal.SIGINT)
                break
        rest = process.stdout.read()
        assert process.wait(120) == 0 and "RESULT interrupted True" in rest
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_importing_the_package_loads_nothing() -> None:
    script = "import sys, selfproof\nprint(len([m for m in sys.modules if m.startswith(('selfproof', 'numpy'))]))"
    script += "\nassert {'improve', 'live', 'Result'} <= set(dir(selfproof))\nassert callable(selfproof.improve)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
    with pytest.raises(AttributeError):
        _ = selfproof.nothing  # type: ignore[attr-defined]


def test_an_error_of_the_run_is_raised_where_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "charter.toml").write_text("nonsense = 1\n")
    with pytest.raises(SelfproofError):
        selfproof.improve(tmp_path)
