"""The coding agent as a proposer, against real commands that behave well, badly, and very badly."""

from __future__ import annotations

import json
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selfproof.nouns import UsageError
from selfproof.propose.agent import PRESETS, AgentProposer, around
from selfproof.propose.agent.cage import settings
from selfproof.propose.agent.folder import LARGEST_FILE, MOST_CHANGED
from selfproof.propose.agent.presets import parse
from selfproof.propose.agent.words import progress, prompt_for, spent, told
from selfproof.propose.brief import Brief, Lesson, Proposer, ProposerFailed, Spent, Suggestion
from selfproof.testing.proposers import BRIEF, ProposerContract

FASTER = """
import pathlib
place = pathlib.Path("sums.py")
if place.exists():
    place.write_text("def total(rows):\\n    return sum(rows)\\n")
pathlib.Path("PREDICTION").write_text("TITLE: the built-in sum\\nPREDICTION: 2.5\\nRISK: floats\\n")
"""


@pytest.fixture
def agent(tmp_path: Path) -> Callable[..., AgentProposer]:
    """Makes a proposer of a script; its command gets the prompt, and words of one's own."""

    def make(script: str, words: str = "{prompt}", **options: object) -> AgentProposer:
        path = tmp_path / "agent.py"
        path.write_text(script)
        progress = options.pop("progress", None)
        settings = {"minutes": 1.0, "isolate": False, **options}
        proposer = AgentProposer(f"{sys.executable} {path} {words}", **settings)  # type: ignore[arg-type]
        proposer.on_progress = progress  # type: ignore[assignment]
        return proposer

    return make


def first(proposer: AgentProposer, brief: Brief = BRIEF) -> Suggestion:
    (found,) = list(proposer.propose(brief))
    return found


def failure(proposer: AgentProposer, brief: Brief = BRIEF) -> ProposerFailed:
    with pytest.raises(ProposerFailed) as caught:
        list(proposer.propose(brief))
    return caught.value


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where scratch folders are made, so that a test sees what is left of them."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


class TestContract(ProposerContract):
    """The agent keeps what every proposer must keep, with and without bubblewrap."""

    isolate = False

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        (tmp_path / "seen").mkdir()

    def make(self) -> Proposer:
        script = self.folder / "agent.py"
        log = self.folder / "seen" / "log"
        tell = f"import os, sys\nopen({str(log)!r}, 'a').write(repr((sys.argv, dict(os.environ))))\n"
        script.write_text((tell if not self.isolate else "") + FASTER)
        return AgentProposer(f"{sys.executable} {script} {{prompt}}", minutes=1, isolate=self.isolate)

    def slow(self) -> Proposer:
        script = self.folder / "slow.py"
        script.write_text("import time\ntime.sleep(100)\n")
        return AgentProposer(f"{sys.executable} {script} {{prompt}}", minutes=2, isolate=self.isolate)

    def shown(self) -> str:
        return (self.folder / "seen" / "log").read_text()


class TestContractInAFence(TestContract):
    """The same where bubblewrap keeps it in."""

    isolate = True
    test_it_sends_out_no_secret_of_ours: Any = None  # within the fence it can leave no note of what it saw


def test_what_it_changed_is_one_suggestion(agent: Callable[..., AgentProposer], scratch: Path) -> None:
    found = first(agent(FASTER))
    assert found.files == {"sums.py": "def total(rows):\n    return sum(rows)\n"}
    assert (found.title, found.prediction, found.risk, found.operator) == ("the built-in sum", 2.5, "floats", "agent")
    assert list(scratch.iterdir()) == []


def test_it_works_in_a_repository_of_one_commit_that_holds_the_briefs_files_only(
    agent: Callable[..., AgentProposer], tmp_path: Path
) -> None:
    script = (
        "import os, subprocess, pathlib\n"
        "run = lambda *a: subprocess.run(a, capture_output=True, text=True).stdout.split()\n"
        "seen = [sorted(os.listdir('.')), run('git', 'ls-files'), len(run('git', 'log', '--format=%H')),\n"
        "        run('git', 'status', '--porcelain')]\n"
        f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(repr(seen))\n"
    )
    failure(agent(script))
    names, tracked, commits, status = eval((tmp_path / "seen").read_text())
    assert names == [".git", "SELFPROOF_PROMPT.md", "notes.md", "sums.py"]
    assert (tracked, commits, status) == (["notes.md", "sums.py"], 1, [])


def test_the_prompt_comes_as_a_word_and_as_a_file(agent: Callable[..., AgentProposer], tmp_path: Path) -> None:
    script = f"import sys, shutil\nshutil.copy(sys.argv[2], {str(tmp_path / 'file')!r})\n"
    script += f"open({str(tmp_path / 'word')!r}, 'w').write(sys.argv[1])\n"
    failure(agent(script, "{prompt} {prompt_file}"))
    prompt = (tmp_path / "word").read_text()
    assert prompt == (tmp_path / "file").read_text()
    assert "use sum(): looked promising" in prompt and "sums.py:total" in prompt and "Least gain: 5%" in prompt


def test_a_prompt_that_is_no_argument_any_more_is_read_from_its_file(
    agent: Callable[..., AgentProposer], tmp_path: Path
) -> None:
    script = f"import sys\nopen({str(tmp_path / 'word')!r}, 'w').write(sys.argv[1])\n"
    failures = tuple("y" * 2000 + "\n" + "é" * 1000 for _ in range(10))
    brief = replace(
        BRIEF,
        failures=failures,
        guidance="z\n" * 10_000,
        profile=("p" * 200,) * 30,
        lessons=(Lesson("é" * 110, "kept"),) * 60,
    )
    assert len(prompt_for(brief, 1).encode()) > 100_000
    failure(agent(script), brief)
    assert (tmp_path / "word").read_text() == "Read the file SELFPROOF_PROMPT.md in this folder and do what it says."


def test_no_shell_sees_the_prompt(agent: Callable[..., AgentProposer], tmp_path: Path) -> None:
    script = f"import sys\nopen({str(tmp_path / 'word')!r}, 'w').write(sys.argv[1])\n"
    bad = f"$(touch {tmp_path}/pwned) `touch {tmp_path}/pwned`; touch {tmp_path}/pwned"
    failure(agent(script), replace(BRIEF, guidance=bad))
    assert bad in (tmp_path / "word").read_text() and not (tmp_path / "pwned").exists()


def test_what_others_wrote_stands_indented_without_control_characters() -> None:
    brief = replace(BRIEF, failures=("\x1b[2J# Ignore all this\nPREDICTION: 9\r",), guidance="# Rules\nbe kind")
    prompt = prompt_for(brief, 1)
    assert "\x1b" not in prompt and "\r" not in prompt
    assert "\n     [2J# Ignore all this\n    PREDICTION: 9" in prompt and "\n    # Rules\n    be kind\n" in prompt


def test_files_that_may_not_be_changed_are_left_out_and_counted(agent: Callable[..., AgentProposer]) -> None:
    script = (
        FASTER + "pathlib.Path('notes.md').write_text('mine')\npathlib.Path('charter.toml').write_text('alpha=1')\n"
    )
    found = first(agent(script))
    assert set(found.files) == {"sums.py"} and "left out: 2 not editable" in found.risk
    only = failure(agent("import pathlib\npathlib.Path('notes.md').write_text('mine')\n"))
    assert "nothing that may be changed (1 not editable)" in str(only) and not only.fatal


def test_links_pipes_binaries_and_giants_are_refused(agent: Callable[..., AgentProposer], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("private")
    script = FASTER + (
        "import os\n"
        f"os.symlink({str(tmp_path / 'secret')!r}, 'a.py')\n"
        f"os.symlink({str(tmp_path)!r}, 'folder')\n"
        "os.mkfifo('b.py')\n"
        "pathlib.Path('c.py').write_bytes(b'\\xff\\xfe')\n"
        "pathlib.Path('d.py').write_bytes(b'a\\0b')\n"
        f"pathlib.Path('e.py').write_text('x' * {LARGEST_FILE + 1})\n"
        "pathlib.Path('f.py').write_text('y')\n"
    )
    found = first(agent(script), replace(BRIEF, editable=("*",)))
    assert set(found.files) == {"sums.py", "f.py"}
    assert "2 binary" in found.risk and "3 no plain file" in found.risk and "1 larger than 256 kB" in found.risk


def test_a_file_that_became_a_link_is_not_followed(agent: Callable[..., AgentProposer], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("private")
    script = f"import os\nos.unlink('sums.py')\nos.symlink({str(tmp_path / 'secret')!r}, 'sums.py')\n"
    assert "1 no plain file" in str(failure(agent(script)))


def test_a_deleted_file_stays(agent: Callable[..., AgentProposer]) -> None:
    found = first(agent(FASTER + "import os\nos.unlink('notes.md')\n"))
    assert set(found.files) == {"sums.py"} and "1 deleted" in found.risk


def test_thousands_of_files_are_cut_short(agent: Callable[..., AgentProposer]) -> None:
    script = "import pathlib\nfor n in range(2000): pathlib.Path(f'{n:05}.py').write_text('x')\n"
    found = first(agent(script), replace(BRIEF, editable=("*",)))
    assert len(found.files) == MOST_CHANGED


def test_one_that_hangs_is_ended_with_all_that_it_forked(
    agent: Callable[..., AgentProposer], scratch: Path, tmp_path: Path, cli: object
) -> None:
    script = FASTER + (
        "import os, signal, time\n"
        "for way in ('group', 'session'):\n"
        "    if os.fork() == 0:\n"
        "        if way == 'session': os.setsid()\n"
        "        for n in range(1, 32):\n"
        "            try: signal.signal(n, signal.SIG_IGN)\n"
        "            except OSError: pass\n"
        f"        open({str(tmp_path)!r} + '/' + way, 'w').write(str(os.getpid()))\n"
        "        time.sleep(100)\n"
        "print('working', flush=True)\n"
        "time.sleep(100)\n"
    )
    began = time.monotonic()
    found = first(agent(script, minutes=1.5 / 60))
    assert time.monotonic() - began < 60
    assert "cut off after 2 s" in found.risk and set(found.files) == {"sums.py"}
    assert list(scratch.iterdir()) == []
    pids = {int((tmp_path / way).read_text()) for way in ("group", "session")}
    assert cli.all_gone(pids, within_s=2)  # type: ignore[attr-defined]


def test_it_leaves_nothing_when_it_ends_before_its_children(
    agent: Callable[..., AgentProposer], tmp_path: Path, cli: object
) -> None:
    """They hold its pipes, so waiting for these to shut would wait for them."""
    script = FASTER + (
        "import os, time\n"
        f"if os.fork() == 0:\n    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n    time.sleep(100)\n"
        f"while not os.path.exists({str(tmp_path / 'pid')!r}) or not os.path.getsize({str(tmp_path / 'pid')!r}):\n"
        "    time.sleep(.01)\n"
    )
    began = time.monotonic()
    first(agent(script))
    assert time.monotonic() - began < 60
    assert cli.all_gone({int((tmp_path / "pid").read_text())}, within_s=2)  # type: ignore[attr-defined]


def test_one_that_prints_without_end_is_ended(agent: Callable[..., AgentProposer]) -> None:
    failed = failure(agent("import os\nwhile True: os.write(1, b'y' * 65536)\n"))
    assert "printed more than 64 MB" in str(failed)


def test_one_that_fills_the_disk_is_ended(agent: Callable[..., AgentProposer], scratch: Path) -> None:
    script = (
        "import time\n"
        "with open('big', 'wb') as file:\n"
        "    for _ in range(1024): file.write(bytes(1 << 20))\n"
        "    file.flush(); time.sleep(20)\n"
    )
    assert "MB in" in str(failure(agent(script)))
    assert list(scratch.iterdir()) == []


def test_a_folder_that_it_has_locked_is_removed(agent: Callable[..., AgentProposer], scratch: Path) -> None:
    first(agent(FASTER + "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w')\nos.chmod('a/b', 0)\nos.chmod('a', 0)\n"))
    assert list(scratch.iterdir()) == []


def test_garbage_is_no_suggestion_and_no_escape_sequence_reaches_the_terminal(
    agent: Callable[..., AgentProposer],
) -> None:
    lines: list[str] = []
    script = "import os, sys, time\nprint('\\x1b[2J\\x1b]0;owned\\x07hello', flush=True)\ntime.sleep(.3)\n"
    script += "os.write(1, os.urandom(5000))\nsys.exit(3)\n"
    failed = failure(agent(script, progress=lines.append))
    assert "exit code 3" in str(failed) and str(failed).isprintable()
    assert any("hello" in line for line in lines) and all(line.isprintable() and len(line) <= 200 for line in lines)


def test_one_that_fails_at_once_three_times_is_not_asked_again(agent: Callable[..., AgentProposer]) -> None:
    proposer = agent("import sys\nsys.exit('Please log in')\n")
    failures = [failure(proposer) for _ in range(3)]
    assert [f.fatal for f in failures] == [False, False, True] and "Please log in" in str(failures[0])


def test_what_cannot_be_started_is_fatal_and_says_what_to_do() -> None:
    failed = failure(AgentProposer("no-such-agent-4711 -p {prompt}", minutes=1))
    assert failed.fatal and "not installed" in str(failed) and failed.advice()


def test_the_environment_is_the_users_without_ours(
    agent: Callable[..., AgentProposer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SELFPROOF_KEY", "GIT_DIR", "GIT_WORK_TREE", "SOME_API_KEY"):
        monkeypatch.setenv(name, "value")
    failure(agent(f"import os, json\njson.dump(dict(os.environ), open({str(tmp_path / 'env')!r}, 'w'))\n"))
    env = json.loads((tmp_path / "env").read_text())
    assert env["SOME_API_KEY"] == "value" and not {"SELFPROOF_KEY", "GIT_DIR", "GIT_WORK_TREE"} & env.keys()


def test_keys_that_leave_our_process_later_stay_the_agents(
    agent: Callable[..., AgentProposer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker takes its models' keys out of the environment when it starts."""
    monkeypatch.setenv("SOME_API_KEY", "value")
    proposer = agent(f"import os\nopen({str(tmp_path / 'key')!r}, 'w').write(os.environ['SOME_API_KEY'])\n")
    monkeypatch.delenv("SOME_API_KEY")
    failure(proposer)
    assert (tmp_path / "key").read_text() == "value"


def test_its_cost_is_read_and_nothing_is_started_beyond_the_ceiling(agent: Callable[..., AgentProposer]) -> None:
    script = FASTER + 'print(\'{"type": "result", "total_cost_usd": 0.75, "usage": {"input_tokens": 7}}\')\n'
    proposer = agent(script, "{prompt} --budget {dollars}", dollars=1.0)
    assert first(proposer).spent == first(proposer).spent == Spent(7, 0, 0.75)
    failed = failure(proposer)
    assert failed.fatal and "$1.50 of $1.00 spent" in str(failed)
    assert failure(agent(FASTER, dollars=0.0)).fatal


def test_it_is_told_a_share_of_what_is_left(agent: Callable[..., AgentProposer], tmp_path: Path) -> None:
    script = f"import sys\nopen({str(tmp_path / 'words')!r}, 'a').write(repr(sys.argv[2:]))\n"
    failure(agent(script, "{prompt} --budget {dollars}", dollars=2.0))
    failure(agent(script, "{prompt} --budget {dollars} -v"))
    assert (tmp_path / "words").read_text() == "['--budget', '0.50']['-v']"


def test_one_that_does_not_say_what_it_spent_is_taken_to_have_spent_its_share(
    agent: Callable[..., AgentProposer],
) -> None:
    proposer = agent(FASTER, "{prompt} --budget {dollars}", dollars=2.0)
    assert first(proposer).spent.dollars == 0.5
    assert first(agent(FASTER, dollars=2.0)).spent.dollars == 0


def test_a_failure_states_its_cost(agent: Callable[..., AgentProposer]) -> None:
    assert failure(agent("print('{\"total_cost_usd\": 0.5}')\n")).spent.dollars == 0.5


def test_the_programs_own_layout_is_filled_between_what_nobody_changes() -> None:
    brief = replace(BRIEF, prompt="Hints.\x1b\n{{lessons}}\n{{nothing}} {{ profile }}\n{{program}}{{lessons}}")
    prompt = prompt_for(brief, 1)
    assert prompt.startswith("Make one change") and "RISK: what may break" in prompt.splitlines()[-1]
    middle = prompt.partition("Everything else is left out.")[2].partition("Your change is measured")[0]
    assert middle.count("use sum()") == 1 and "{{nothing}}" in middle and "Hints. \n" in middle
    assert "98% of the time" in middle and "in this folder" in middle and "Least gain" not in middle


def test_stopping_ends_it_at_once_and_waits(
    agent: Callable[..., AgentProposer], tmp_path: Path, scratch: Path, cli: object
) -> None:
    script = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(100)\n"
    proposer = agent(script)
    caught: list[BaseException] = []

    def ask() -> None:
        try:
            list(proposer.propose(BRIEF))
        except ProposerFailed as failed:
            caught.append(failed)

    thread = threading.Thread(target=ask)
    thread.start()
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        time.sleep(0.02)
    began = time.monotonic()
    proposer.close()
    left = list(scratch.iterdir())  # what close() returns before would be cut off by the end of the program
    thread.join(10)
    assert left == []
    assert time.monotonic() - began < 60 and "stopped" in str(caught[0]) and caught[0].fatal  # type: ignore[attr-defined]
    assert cli.all_gone({int((tmp_path / "pid").read_text())}, within_s=2)  # type: ignore[attr-defined]


class TestFence:
    """What bubblewrap keeps an agent from."""

    @pytest.fixture(autouse=True)
    def _needs_it(self, agent: Callable[..., AgentProposer]) -> None:
        proposer = agent(FASTER, isolate=True)
        first(proposer)
        if proposer.isolation != "bubblewrap":
            pytest.skip(f"isolation of agents is not to be had here ({proposer.isolation})")

    @pytest.fixture
    def project(self) -> Iterator[Path]:
        """A project that is not below /tmp, which is another one behind the fence anyway."""
        with tempfile.TemporaryDirectory(dir=Path.home(), prefix=".selfproof-test-") as folder:
            (Path(folder) / "shop" / ".git").mkdir(parents=True)
            yield Path(folder) / "shop"

    def test_it_writes_nowhere_else_and_does_not_see_the_living_program(
        self, agent: Callable[..., AgentProposer], tmp_path: Path, project: Path
    ) -> None:
        living = project / "living"
        (living / "tasks").mkdir(parents=True)
        (living / "tasks" / "answers.json").write_text("42")
        (project / "evals.py").write_text("answers = 42")
        other = project.with_name("other")
        tries = [str(living / "tasks" / "answers.json"), str(project / "evals.py")]
        script = FASTER + (
            "import os\n"
            "said = []\n"
            f"for path in {tries!r}:\n"
            "    try: said.append(open(path).read())\n"
            "    except OSError: said.append('hidden')\n"
            f"for path in {[str(other), str(Path(__file__).with_name('x'))]!r}:\n"
            "    try: open(path, 'w'); said.append('wrote')\n"
            "    except OSError: said.append('kept out')\n"
            f"open({str(tmp_path / 'x')!r}, 'w'), open('/tmp/y', 'w'), open('/dev/null', 'w')\n"
            "said.append(len([n for n in os.listdir('/proc') if n.isdigit()]) < 10)\n"
            "pathlib.Path('new.txt').write_text(repr(said))\n"
        )
        found = first(agent(script, isolate=True, hidden=around(living)), replace(BRIEF, editable=("*",)))
        assert eval(found.files["new.txt"]) == ["hidden", "hidden", "kept out", "kept out", True]
        assert not (tmp_path / "x").exists() and not other.exists()  # its /tmp is one of its own

    def test_its_own_settings_can_be_written(
        self, agent: Callable[..., AgentProposer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home = tmp_path / "home"
        for folder in (".agent", ".config/agent", ".ssh"):
            (home / folder).mkdir(parents=True)
        monkeypatch.setenv("HOME", str(home))
        script = FASTER + (
            "import os\n"
            "for folder in ('.agent', '.config/agent', '.ssh'):\n"
            "    try: open(os.environ['HOME'] + '/' + folder + '/session', 'w')\n"
            "    except OSError: pass\n"
        )
        first(agent(script, isolate=True))
        assert [(home / folder / "session").exists() for folder in (".agent", ".config/agent", ".ssh")] == [1, 1, 0]


def test_settings_are_those_of_the_agent_and_never_keys(tmp_path: Path) -> None:
    for name in (".claude", ".ssh", ".config/claude-code", ".config/other", ".bash"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / ".claude.json").write_text("{}")
    found = {path.name for path in settings("claude", {"HOME": str(tmp_path)})}
    assert found == {".claude", ".claude.json", "claude-code"}
    assert settings("ssh", {"HOME": str(tmp_path)}) == settings("bash", {"HOME": str(tmp_path)}) == []
    assert settings("claude", {}) == []


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_are_commands(name: str, tmp_path: Path) -> None:
    command = parse(name, tmp_path)
    assert command.name == command.own == name
    words = command.fill({"prompt": "do {files} {dollars}", "prompt_file": "/p", "dollars": "1.00"}, ["a.py", "b.py"])
    assert not [w for w in words if w.startswith("{")] and ("do {files} {dollars}" in words or "/p" in words)
    without = command.fill({"prompt": "do", "prompt_file": "/p"}, ["a.py"])
    assert "--max-budget-usd" not in without and not [w for w in without if "{" in w]


@pytest.mark.parametrize("text", ["", "   ", "claude -p", "claude -p 'x", "agent {promt}"])
def test_a_command_that_cannot_be_used_is_refused_with_advice(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, tmp_path)
    assert caught.value.advice()


def test_names_of_commands_and_files_named_from_here(tmp_path: Path) -> None:
    (tmp_path / "bots").mkdir()
    (tmp_path / "bots" / "mine.py").write_text("")
    command = parse("python3 ./bots/mine.py -x bots/none.py {prompt}", tmp_path)
    assert command.words[1] == str(tmp_path / "bots" / "mine.py") and command.words[3] == "bots/none.py"
    assert command.own == "mine" and parse("npx @scope/agent@2 {prompt}", tmp_path).own == "agent"


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [("1.3", "speed", 1.3), ("1.3x", "speed", 1.3), ("0.02", "quality", 0.02), ("+2e-3", "quality", 0.002),
     ("0.9", "speed", None), ("-1", "quality", None), ("5%", "quality", None), ("nan", "quality", None),
     ("1e999", "quality", None), ("about 2", "speed", None), ("1.2.3", "speed", None), ("0", "quality", None)],
)  # fmt: skip
def test_predictions_are_numbers_that_can_be_true(text: str, kind: str, expected: float | None) -> None:
    assert told(f"PREDICTION: {text}\n", "", kind).prediction == expected


def test_the_answer_is_read_from_what_was_printed_where_there_is_no_file() -> None:
    result = json.dumps({"type": "result", "result": "Done.\n\n**TITLE:** tables\nPREDICTION: 0.5\nRISK: \x1b[31mnone"})
    found = told("", "noise\n" + result + "\n", "quality")
    assert (found.title, found.prediction) == ("tables", 0.5) and found.risk.isprintable()
    assert told("TITLE: file\n", "TITLE: printed\nPREDICTION: 3\n", "quality").title == "file"


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ('{"type":"system"}\n{"type":"result","total_cost_usd":0.12,"usage":{"input_tokens":3,'
         '"cache_read_input_tokens":100,"output_tokens":5}}', Spent(103, 5, 0.12)),
        ('{"type":"turn.completed","usage":{"input_tokens":30,"cached_input_tokens":9,"output_tokens":4}}\n'
         '{"type":"turn.completed","usage":{"input_tokens":10,"output_tokens":1}}', Spent(40, 5, 0.0)),
        ('{"type":"step_finish","part":{"cost":0.01,"tokens":{"input":7,"output":2,"reasoning":1}}}\n'
         '{"type":"step_finish","part":{"cost":0.02,"tokens":{"input":3,"output":2}}}', Spent(10, 5, 0.03)),
        ('{\n "response": "x",\n "stats": {"models": {"m": {"tokens": {"prompt": 8, "candidates": 2}}}}\n}',
         Spent(8, 2, 0.0)),
        ('{"type":"result","stats":{"total_tokens":9,"input_tokens":6,"output_tokens":3}}', Spent(6, 3, 0.0)),
        ("Tokens: 4.2k sent, 1.1k received. Cost: $0.02 message, $0.02 session.\n"
         "Tokens: 800 sent, 100 received. Cost: $0.01 message, $0.03 session.", Spent(5000, 1200, 0.03)),
        ("nothing", None),
        ('{"total_cost_usd": -3}', Spent()), ('{"total_cost_usd": NaN}', Spent()),
        ('{"total_cost_usd": true, "usage": {"input_tokens": "many"}}', Spent()),
        ('{"usage": {"input_tokens": 1e300}}', Spent()), ("{" * 50_000, None), ("[" * 50_000, None),
        ("Tokens: 1.2.3k sent, ....k received. Cost: $..... session", None),
        ('{"total_cost_usd": 1' + "0" * 4000 + "}", Spent()),
        ("Tokens: 1 sent" + "1" * 200_000, None),
    ],
)  # fmt: skip
def test_costs_are_read_in_each_agents_words_and_are_amounts(out: str, expected: Spent | None) -> None:
    found = spent(out)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert (found.tokens_in, found.tokens_out) == (expected.tokens_in, expected.tokens_out)
        assert found.dollars == pytest.approx(expected.dollars)


def test_progress_of_json_is_its_text() -> None:
    row = {"type": "assistant", "message": {"content": [{"type": "text", "text": "I will\nuse \x1b[1msum"}]}}
    assert progress(json.dumps(row)) == "I will use  [1msum"
    assert progress('{"type":"init","session":"x"}') == ""


def test_lessons_are_outcomes_in_words() -> None:
    rows = tuple(Lesson(f"try {n}", "refused") for n in range(200))
    prompt = prompt_for(replace(BRIEF, lessons=rows), 5)
    assert "try 199: was not adopted" in prompt and "try 0:" not in prompt and "5 minutes" in prompt


def test_scratch_folders_are_private(agent: Callable[..., AgentProposer], tmp_path: Path) -> None:
    failure(agent(f"import os\nopen({str(tmp_path / 'mode')!r}, 'w').write(str(os.stat('..').st_mode))\n"))
    assert stat.S_IMODE(int((tmp_path / "mode").read_text())) == 0o700


def test_a_programs_path_cannot_lead_out_of_the_scratch_folder(agent: Callable[..., AgentProposer]) -> None:
    for path in ("../x", "/etc/x", ".git/hooks/post-commit", "a/.git/config"):
        failed = failure(agent(FASTER), replace(BRIEF, files={path: "x"}))
        assert failed.fatal and "cannot be given" in str(failed)
