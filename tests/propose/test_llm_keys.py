"""Keys are in one process and in one header; nowhere else, and not for others to find."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from llm_cases import EDIT, QUICK, brief

from selfproof.propose.brief import ProposerFailed
from selfproof.propose.llm import proposers
from selfproof.testing.loopback import LoopbackModel, Say, Status, Turn

KEY = "sk-" + "a1b2c3d4" * 5
VARIABLE = "SELFPROOF_KEY_127_0_0_1"
pytestmark = pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs /proc, which this system has not")

ENGINE = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from llm_cases import QUICK, brief
from selfproof.propose.llm import proposers
(one,) = proposers([sys.argv[1]], journal=Path(sys.argv[2]) / "j" / "j.jsonl", dollars=0, tokens=0, patience=QUICK,
                   record=Path(sys.argv[2]) / "tape.jsonl")
print(list(one.propose(brief()))[0].title, one.asker._inner.pid, flush=True)
sys.stdin.readline()
one.close()
"""


def memory(pid: int) -> bytes:
    """What the process can write to: its heap, its stacks and its environment."""
    found = []
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as mem:
        for line in maps:
            place, rights, *_ = line.split()
            if rights.startswith("rw") and "[v" not in line:
                first, last = (int(part, 16) for part in place.split("-"))
                mem.seek(first)
                try:
                    found.append(mem.read(last - first))
                except OSError:
                    continue
    return b"\n".join(found)


@pytest.fixture
def engine(tmp_path: Path, server: LoopbackModel) -> subprocess.Popen[str]:
    """A process that asks a model which insists on the key, and then waits."""
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    server.play(lambda _: EDIT)
    source = str(Path(__file__).resolve().parents[2] / "src")
    return subprocess.Popen(
        [sys.executable, "-c", ENGINE, server.name, str(tmp_path), source, str(Path(__file__).parent)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, VARIABLE: KEY},
    )  # fmt: skip


def test_a_key_is_in_one_process_and_one_header(
    engine: subprocess.Popen[str], server: LoopbackModel, tmp_path: Path
) -> None:
    assert engine.stdout is not None
    title, _, pid = engine.stdout.readline().rpartition(" ")
    try:
        assert title == "use the built-in sum"
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
        secret = KEY.encode()
        for process in (engine.pid, int(pid)):
            assert secret not in Path(f"/proc/{process}/cmdline").read_bytes()
        assert secret not in Path(f"/proc/{engine.pid}/environ").read_bytes()
        try:
            held = memory(engine.pid)
        except PermissionError:
            pytest.skip("this account may not look into a process of its own")
        assert len(held) > 1 << 20 and secret not in held, "the engine still has the key in its memory"
        if os.getuid() != 0:
            with pytest.raises(PermissionError):
                memory(int(pid))
    finally:
        out, err = engine.communicate("\n", timeout=30)
    assert engine.returncode == 0, err
    assert KEY not in out + err
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"reserve" in written and b"cassette" in written and KEY.encode() not in written


def test_the_broker_locks_itself_up(proposer: object) -> None:
    assert proposer.asker.locked_up  # type: ignore[attr-defined]


def test_the_broker_forgets_everything_else(
    server: LoopbackModel, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    monkeypatch.setenv("SOMEBODY_ELSES_TOKEN", "hunter2hunter2")
    monkeypatch.setenv(VARIABLE, KEY)
    (one,) = proposers([server.name], journal=journal, dollars=0, tokens=0)
    try:
        try:
            held = Path(f"/proc/{one.asker.pid}/environ").read_bytes()  # type: ignore[attr-defined]
        except PermissionError:
            pytest.skip("nobody but root may look: then there is nothing to test")
    finally:
        one.close()
    assert b"SOMEBODY" not in held.replace(b"SOMEBODY_ELSES_TOKEN=" + b"\0" * 14, b"")
    assert b"hunter2" not in held and KEY.encode() not in held
    assert VARIABLE not in os.environ


def test_a_notebooks_keys_stay_its_own(server: LoopbackModel, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    monkeypatch.setenv(VARIABLE, KEY)
    (one,) = proposers([server.name], journal=journal, dollars=0, tokens=0, keep_keys=True)
    one.close()
    assert os.environ[VARIABLE] == KEY


def test_an_endpoint_that_gives_the_key_away_gives_it_to_nobody(
    server: LoopbackModel, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may echo the header, in a reply or an error; and a program that has got hold of a key cannot send it off."""
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    monkeypatch.setenv(VARIABLE, KEY)
    turns: list[Turn] = [Say(EDIT.replace("sum(x)", f"'{KEY}'")), Status(400, f"no such key: {KEY}")]
    server.play(turns)
    tape = tmp_path / "tape.jsonl"
    (one,) = proposers([server.name], journal=journal, dollars=0, tokens=0, patience=QUICK, record=tape)
    try:
        (got,) = one.propose(brief(guidance=f"my key is {KEY[:20]}", files={"solver.py": f"{KEY}\n" + SOLVE}))
        with pytest.raises(ProposerFailed, match=r"no such key: \[key\]"):
            list(one.propose(brief()))
    finally:
        one.close()
    assert "'[key]'" in got.files["solver.py"]
    assert KEY not in tape.read_text() and all(KEY not in asked.prompt for asked in server.asked)


SOLVE = "def solve(x):\n    total = 0\n    for y in x:\n        total += y\n    return total\n"


def test_a_key_does_not_travel_in_the_clear(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    monkeypatch.setenv("SELFPROOF_KEY_MODELS_EXAMPLE", KEY)
    with pytest.raises(Exception, match="in the clear"):
        proposers(["http://models.example/v1#m"], journal=journal, dollars=0, tokens=0)


def test_a_module_in_the_programs_folder_is_not_the_brokers(
    server: LoopbackModel, journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process with the keys must not import what a program has put into the current folder."""
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    for name in ("httpx", "msgspec", "asyncio", "selfproof"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(1)\n")
    monkeypatch.chdir(tmp_path)
    server.play([EDIT])
    (one,) = proposers([server.name], journal=journal, dollars=0, tokens=0)
    try:
        assert len(list(one.propose(brief()))) == 1
    finally:
        one.close()
