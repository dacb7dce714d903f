"""A real run with everybody listening, some of them badly: it is told, and is hindered by none."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from receivers import hanging, serving

from finite_program import made
from selfproof import charter
from selfproof.charter import CharterError
from selfproof.monitoring.feed import Follower
from selfproof.monitoring.listening import Listener
from selfproof.monitoring.sinks import told_to
from selfproof.monitoring.tracker import LONGEST_S, Tracker
from selfproof.monitoring.webhook import kind_of
from selfproof.nouns import UsageError
from selfproof.places import Paths

LATE = re.compile("selfproof: (webhook 1|tracker|otlp), after the end of the run: ")

RECORDER = """
import json, os

FILE = os.environ["RECORDED"]

def _note(*row):
    with open(FILE, "a") as file:
        file.write(json.dumps(row) + "\\n")

def init(project, name, config):
    _note("init", project, name, config)

def log(row):
    print("a library prints what it likes")
    os.write(1, b"as it likes")
    _note("log", row)
    if "version" in row and "trials" not in row:
        raise RuntimeError("no more disk quota")

def finish():
    _note("finish")
"""


def test_a_run_is_told_to_all_and_hindered_by_none(cli: Any, tmp_path: Path) -> None:
    folder = made(tmp_path / "p", lifetime=1)
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "recording_tracker.py").write_text(RECORDER)
    recorded = tmp_path / "recorded"
    with serving() as hooks, serving(lambda n: (200, {})) as collector, hanging() as stuck:
        text = (folder / "charter.toml").read_text()
        (folder / "charter.toml").write_text(
            text + f'\n[monitoring]\notlp = "{collector.url}"\ntracker = "recording_tracker"\nsecret = "HOOK_SECRET"\n'
            f'webhooks = ["{stuck}", "env:HOOK"]\n'
        )
        done = cli.run(
            "run", "--minutes", 0.1, "--seed", 1, "--json", "--at", folder,
            env={**os.environ, "HOOK": hooks.url, "HOOK_SECRET": "s", "RECORDED": str(recorded),
                 "PYTHONPATH": str(tmp_path / "modules")},
        )  # fmt: skip
    assert done.code == 0, done.err
    late = [line for line in done.err.splitlines() if not LATE.match(line)]
    assert not late, "only what went wrong with a listener behind the last event may stand there"
    assert done.events[-1]["event"] == "summary" and done.events[-1]["ledger"]["verified"]
    told = [json.loads(got.body) for got in hooks.got]
    assert [row["kind"] for row in told] == [kind for event in done.events if (kind := kind_of(event))]
    assert told[0]["kind"] == "certified" and told[-1]["kind"] == "ended"
    assert all(got.headers["webhook-signature"].startswith("v1,") for got in hooks.got)
    rows = [json.loads(line) for line in recorded.read_text().splitlines()]
    assert rows[0][:2] == ["init", "selfproof"] and rows[-1] == ["finish"]
    logged = [row[1] for row in rows if row[0] == "log"]
    assert any("alpha_spent" in row for row in logged) and any("holdout/log_wealth" in row for row in logged)
    assert all(isinstance(value, (int, float)) for row in logged for value in row.values())
    problems = [e for e in done.events if e["event"] == "monitoring"]
    assert [p["sink"] for p in problems if "quota" in p["problem"]] == ["tracker"]  # once, not for every adoption
    assert not [p for p in problems if p["sink"] in {"otlp", "webhook 2"}]
    pytest.importorskip("opentelemetry.exporter", reason="pip install 'selfproof[otel]'")
    assert [got.path for got in collector.got] and {got.path for got in collector.got} == {"/v1/traces"}


def test_a_failing_run_is_told_and_fails_as_it_would(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []

    class One:
        def take(self, event: dict[str, Any]) -> None:
            seen.append(event)

        def close(self) -> None:
            seen.append({"event": "closed"})

    def events() -> Any:
        yield {"event": "start"}
        raise UsageError("no disk")

    with pytest.raises(UsageError):
        list(told_to(events(), [Listener("one", lambda hurry: One())]))
    assert [event["event"] for event in seen] == ["start", "failed", "closed"] and seen[1]["problem"] == "no disk"


def test_what_goes_wrong_at_the_very_end_is_told_behind_it(caplog: pytest.LogCaptureFixture) -> None:
    class Rude:
        def take(self, event: dict[str, Any]) -> None:
            pass

        def close(self) -> None:
            raise OSError("the last page was\x1b[31m not sent")

    events: list[dict[str, Any]] = [{"event": "start"}, {"event": "summary"}]
    assert list(told_to(iter(events), [Listener("one", lambda hurry: Rude())])) == events
    (line,) = [record.getMessage() for record in caplog.records if record.name == "selfproof.monitoring"]
    assert line == "selfproof: one, after the end of the run: at its end: the last page was[31m not sent"


def test_what_hangs_ends_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from selfproof.monitoring import sinks

    monkeypatch.setattr(sinks, "LAST_S", 0.2)
    held = threading.Event()

    class Stuck:
        def take(self, event: dict[str, Any]) -> None:
            held.wait(60)

        def close(self) -> None:
            return

    began = time.monotonic()
    events = [{"event": "start"}, {"event": "summary"}]
    assert list(told_to(iter(events), [Listener(str(n), lambda hurry: Stuck()) for n in range(5)])) == events
    assert time.monotonic() - began < 30
    held.set()


def test_a_tracker_must_have_what_it_takes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "half_a_tracker.py").write_text("def init(**_): pass\ndef log(row): pass\n")
    (tmp_path / "hostile_tracker.py").write_text("def init(**_): pass\nlog = finish = init\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConnectionError, match=r"has no finish\(\)"):
        Tracker("half_a_tracker", threading.Event())
    with pytest.raises(ConnectionError, match="cannot be imported"):  # not from the current folder
        Tracker("hostile_tracker", threading.Event())


def test_a_tracker_that_hangs_or_dies_leaves_no_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    hurry = threading.Event()
    for name, body in {
        "hangs": "import time\ndef log(row): time.sleep(600)\n",
        "dies": "import os\ndef log(row): os._exit(3)\n",
    }.items():
        (tmp_path / f"tracker_that_{name}.py").write_text(body + "def init(**_): pass\ndef finish(): pass\n")
        one = Tracker(f"tracker_that_{name}", hurry)
        one.take({"event": "start", "program": "p"})
        threading.Timer(0.3, hurry.set).start()
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            one.take({"event": "race", "objective": "o", "best": 1.0})
        with pytest.raises((ConnectionError, ValueError)):
            one.close()
        assert one._process.returncode is not None
        assert time.monotonic() - began < LONGEST_S / 2
        hurry.clear()


@pytest.mark.parametrize(
    "line",
    [
        'webhooks = ["file:///etc/passwd"]', 'webhooks = ["https://user:word@host/x"]', 'webhooks = ["env:a b"]',
        'webhooks = ["https://host\\nX: y"]', 'otlp = "env:NAME"', 'otlp = "ftp://x"', 'on = ["everything"]',
        'tracker = "os; x"', 'secret = "the words themselves"', 'webhook = ["https://x"]',
    ],
)  # fmt: skip
def test_a_charter_cannot_name_what_is_no_address(line: str, tmp_path: Path) -> None:
    folder = made(tmp_path / "p")
    text = (folder / "charter.toml").read_text()
    assert charter.parse(text + '\n[monitoring]\nwebhooks = ["https://host:8443/x?y=z", "env:A_B"]\n')
    with pytest.raises(CharterError, match="monitoring"):
        charter.parse(text + f"\n[monitoring]\n{line}\n")


def test_otel_is_asked_for_with_an_address(cli: Any, tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter", reason="pip install 'selfproof[otel]'")
    folder = made(tmp_path / "p", lifetime=1)
    without = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    refused = cli.run("run", "--otel", "--at", folder, env=without)
    assert refused.code == 2 and "OTEL_EXPORTER_OTLP_ENDPOINT" in refused.err
    assert not (folder / ".selfproof").exists()
    with serving(lambda n: (200, {})) as collector:
        told = {**without, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        done = cli.run("run", "--otel", "--minutes", 0.02, "--seed", 1, "--json", "--at", folder, env=told)
    assert done.code == 0, done.err
    assert collector.got and not [e for e in done.events if e["event"] == "monitoring"]
    assert [e["event"] for e in Follower(Paths(folder)).read()][-2:] == ["summary", "running"]
