"""Trials on the nodes of a real Ray cluster: what they come to, what is lost, and what never leaves the engine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from starting import with_patience

from finite_program import made
from selfproof.grants import Grants
from selfproof.jail import Job, Limits, Outcome, Pool, values
from selfproof.nouns import UsageError
from selfproof.testing import ExecutorContract
from selfproof.testing.executors import PROGRAM, QUICK, SOON_S, answers, job
from selfproof.trial.executors import Executor, joining, wire
from selfproof.trial.executors.cluster import Cluster


@pytest.mark.slow  # Ray's library ends the whole test process if its cluster loses its head on a busy machine
class TestCluster(ExecutorContract):
    """One slot on each of two nodes."""

    where: ClassVar[str] = ""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def joined(cls, address: str) -> Iterator[None]:
        cls.where = address
        cls.executor = cls.make()
        yield
        cls.executor.close()

    @classmethod
    def setup_class(cls) -> None:
        """The fixture does it: there must be a cluster first."""

    @classmethod
    def teardown_class(cls) -> None:
        """The fixture does it."""

    @classmethod
    def make(cls) -> Executor:
        return Cluster(cls.where, 2)

    test_closing_ends_what_runs_and_takes_nothing_more: Any = None  # one process has one Ray: below

    def test_a_node_that_is_lost_is_charged_to_nobody(self) -> None:
        executor: Any = self.executor
        slow = "import time\ndef answer(x):\n    time.sleep(1.5)\n    return x\n"
        running = [executor.submit(job(slow, number)) for number in range(4)]
        _until(lambda: executor.busy == 2)
        executor._ray.kill(executor._actors[0], no_restart=True)
        found = [future.result(60) for future in running]
        assert [answers(one) for one in found] == [[0], [1], [2], [3]] and {one.status for one in found} == {"ok"}

    def test_each_outcome_says_where_it_was_run(self) -> None:
        (found,) = self.executor.map([job(PROGRAM, 1)])
        assert found.layers[-1].startswith("node:") and len(self.executor.nodes) == 2  # type: ignore[attr-defined]

    def test_what_the_two_executors_say_of_one_job_is_the_same(self) -> None:
        jobs = [job(PROGRAM, *range(5)), job("def answer(x):\n    return 1 / x\n", 2, 0), job("x = (\n", 1)]
        with Pool(1) as here:
            for one, other in zip(here.map(jobs), self.executor.map(jobs), strict=True):
                assert (one.status, one.outputs, one.message, one.tier) == (
                    other.status, other.outputs, other.message, other.tier,
                )  # fmt: skip


def _until(holds: Any) -> None:
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_closing_ends_what_runs_and_takes_nothing_more(address: str) -> None:
    executor = Cluster(address, 1)
    running = executor.submit(job("import time\ndef answer(x):\n    time.sleep(60)\n", 1, limits=Limits(wall_s=90)))
    _until(lambda: executor.busy == 1)
    executor.close()
    executor.close()
    assert running.cancelled() or running.result(SOON_S).status == "jail_failed"
    with pytest.raises(RuntimeError):
        executor.submit(job(PROGRAM, 1))


@pytest.mark.slow
def test_a_gpu_is_one_candidates_alone(address: str) -> None:
    """Placed by what is granted: of two slots only one finds a GPU, and it alone gets the jobs."""
    with Cluster(address, 2, grants=Grants(gpu=True)) as executor:
        slow = job("import time\ndef answer(x):\n    time.sleep(0.3)\n    return x\n", 1)
        outcomes = executor.map([replace(slow, limits=replace(QUICK, grants=Grants(gpu=True)))] * 3)
        assert [one.status for one in outcomes] == ["ok"] * 3 and len(executor.nodes) == 1


@pytest.mark.slow
def test_a_life_on_two_nodes_decides_as_one_on_this_machine(cli: Any, address: str, tmp_path: Path) -> None:
    told = []
    for name, more in (("here", []), ("there", ["--cluster", address])):
        folder = made(tmp_path / name)
        cli.until("decision", folder, "--seed", "1", "--focus", "holdout", *more)
        rows = cli.run("log", "--json", "--at", folder).json
        told.append([{key: row[key] for key in ("version", "verdict", "title", "effect", "pairs", "alpha_k", "tier")}
                     for row in rows])  # fmt: skip
        assert cli.run("verify", "--at", folder).code == 0
    assert told[0] == told[1] and told[0][-1]["verdict"] == "certified"


@pytest.mark.slow
def test_a_node_that_dies_is_charged_to_nobody(nodes: Any, address: str) -> None:
    """Its raylet is killed while it has a job; the others do the job again."""
    known = set(nodes.list_all_nodes())
    with_patience(lambda: nodes.add_node(num_cpus=1))
    (added,) = set(nodes.list_all_nodes()) - known
    with Cluster(address, 3) as executor:
        _until(lambda: len(executor.nodes) == 3)
        slow = "import time\ndef answer(x):\n    time.sleep(3)\n    return x\n"
        running = [executor.submit(job(slow, number)) for number in range(3)]
        _until(lambda: executor.busy == 3)
        added.kill_raylet(check_alive=False)
        found = [future.result(180) for future in running]
        assert [answers(one) for one in found] == [[0], [1], [2]], found


# -- what passes between them ------------------------------------------------------------------------------------


def test_nothing_of_the_engines_goes_with_a_job() -> None:
    secret = "the answer is 42"

    def exchange(position: int) -> Any:
        return lambda output: (True, secret.encode())

    asked = Job({"a.py": PROGRAM}, "a.py:answer", [b"x" * wire.BIG, b"y"], exchange=exchange)
    data, named = wire.order(asked)
    assert secret.encode() not in data and set(named) == {wire.digest(b"x" * wire.BIG)} and b"xxxx" not in data
    assert {field.name for field in msgspec.structs.fields(wire.Order)} == {
        "files", "entry", "inputs", "big", "mode", "limits", "grants", "screening", "timed", "asks",
    }  # fmt: skip
    back = wire.job_of(data, named, None, "theirs")
    assert (back.files, list(back.inputs), back.limits, back.exchange) == (
        asked.files, asked.inputs, asked.limits, "theirs",
    )  # fmt: skip


GOOD = Outcome("ok", (values.encode(1),), None, (0.1,), 0.1, 1.0, "", "jail", ("pidns",))


@pytest.mark.parametrize("change", [
    {"tier": "none"}, {"outputs": (b"", b"")}, {"outputs": ()}, {"seconds": (float("nan"),)}, {"cpu_seconds": -1.0},
    {"seconds": (0.1, 0.1)}, {"load_seconds": float("inf")}, {"status": "fine"}, {"outputs": (b"x" * (1 << 25),)},
])  # fmt: skip
def test_what_no_node_of_ours_says_is_not_believed(change: dict[str, Any]) -> None:
    asked = job(PROGRAM, 1)
    said = wire.encode(wire.Message(outcome=GOOD))
    assert wire.message_of(said, asked, "jail").outcome == GOOD
    wrong = wire.encode({"outcome": {**msgspec.to_builtins(GOOD, builtin_types=(bytes,)), **change}})
    with pytest.raises(wire.NodeFailed):
        wire.message_of(wrong, asked, "jail")


@pytest.mark.parametrize("said", [
    b"", b"\xc1", wire.encode({}), wire.encode({"question": {"position": 0, "output": b""}}), "text", None,
    wire.encode({"outcome": None, "question": None, "more": 1}),
])  # fmt: skip
def test_what_is_no_message_is_the_nodes_fault(said: object) -> None:
    with pytest.raises(wire.NodeFailed):
        wire.message_of(said, job(PROGRAM, 1), "jail")


def test_a_cluster_elsewhere_needs_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    for here in ("local", "ray://127.0.0.1:10001", "localhost:6379", "[::1]:6379"):
        joining.check_token(here)
    for away in ("ray://head:10001", "10.0.0.1:6379"):
        with pytest.raises(UsageError, match="no token guards it"):
            joining.check_token(away)
        monkeypatch.setenv("RAY_AUTH_TOKEN", "t")
        with pytest.raises(UsageError):
            joining.check_token(away)
        monkeypatch.setenv("RAY_AUTH_MODE", "token")
        joining.check_token(away)
        monkeypatch.delenv("RAY_AUTH_MODE")
        monkeypatch.delenv("RAY_AUTH_TOKEN")
    for wrong in ("", "head", "http://head:1", "ray://head", "ray://head:99999", "a b:1", "auto"):
        with pytest.raises(UsageError, match="no address"):
            joining.host_of(wrong)
