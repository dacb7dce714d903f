"""The ladder: what it takes, what it refuses, and that a layer that does not hold is noticed."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

import selfproof.jail
from conftest import need
from selfproof.jail import Grants, JailUnavailable, Job, Pool, kernel, ladder, launch, values, view
from selfproof.jail.limits import LAYERS
from selfproof.jail.worker import Worker, WorkerFailed


def test_auto_takes_the_strongest_and_says_what_holds() -> None:
    need("jail")
    with Pool(1) as pool:
        assert pool.tier == "jail"
        assert pool.layers[:3] == ("pidns", "netns", "mntns") and {"seccomp", "rlimits"} <= set(pool.layers)
        assert any(layer.startswith("landlock:") for layer in pool.layers)
        assert any(layer.startswith("uid:") for layer in pool.layers) == (os.geteuid() == 0)


@pytest.mark.parametrize("missing", [(), ("/usr/bin/false",)], ids=["not installed", "broken"])
def test_without_a_bubblewrap_that_works_our_own_launcher_is_taken(
    monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...]
) -> None:
    need("jail")
    monkeypatch.setattr(launch, "_BUBBLEWRAP", missing)
    with Pool(1) as pool:
        assert pool.tier == "jail" and {"pidns", "netns", "mntns", "ipcns", "seccomp", "reap"} <= set(pool.layers)


def test_without_any_launcher_auto_is_confined_and_jail_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_BUBBLEWRAP", ())
    monkeypatch.setattr(launch, "_OWN", "raise SystemExit('no namespaces here')")
    with Pool(1) as pool:
        assert pool.tier == "confined" and "pidns" not in pool.layers
    with pytest.raises(JailUnavailable, match=r"not installed.*no namespaces here") as caught:
        Pool(1, require="jail")
    assert "apt install bubblewrap" in caught.value.advice() and caught.value.exit_code == 1


def test_none_is_taken_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "start", lambda tier, *a, **k: _refuse(tier))
    with pytest.raises(JailUnavailable):
        Pool(1)
    monkeypatch.undo()
    with Pool(1, require="none") as pool:
        assert (pool.tier, pool.layers) == ("none", ())
        source = {"m.py": "def f(x): return open('/etc/passwd').read(4)"}
        outcome = pool.submit(Job(source, "m.py:f", [values.encode(1)])).result()
        assert outcome.tier == "none" and outcome.layers == () and outcome.status == "ok"


def _refuse(tier: str) -> Worker:
    assert tier != "none"
    raise WorkerFailed("not today")


@functools.cache
def kinds(launcher: str, without: str = "") -> frozenset[str]:
    """The layers that a worker reports, without their details."""
    worker = ladder.start("jail", [], without=frozenset({without} - {""}), launchers=[launcher])
    worker.kill()
    return frozenset(name.partition(":")[0] for name in worker.layers)


@pytest.mark.parametrize("launcher", launch.LAUNCHERS)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_that_is_left_out_is_not_reported_and_the_others_hold(launcher: str, layer: str) -> None:
    need("jail")
    assert kinds(launcher, layer) == kinds(launcher) - {layer}


def test_other_systems_are_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.sys, "platform", "darwin")
    with pytest.raises(JailUnavailable) as caught:
        Pool(1)
    assert "Linux" in caught.value.advice()


@pytest.mark.parametrize("require", ["", "JAIL", "weak", "docker"])
def test_what_is_not_on_the_ladder_is_refused(require: str) -> None:
    with pytest.raises(ValueError, match="choose one of"):
        Pool(1, require=require)


def test_the_environment_cannot_weaken_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need("jail")
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    for name, value in {"PATH": str(tmp_path), "LD_PRELOAD": "/nowhere.so", "PYTHONPATH": "/nowhere",
                        "PYTHONSTARTUP": "/nowhere", "SELFPROOF_REQUIRE": "none"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with Pool(1) as pool:
        assert pool.tier == "jail"


def start(tier: str, monkeypatch: pytest.MonkeyPatch, sabotage: str) -> Worker:
    """Start a worker whose fork-server has one layer taken out, as a broken kernel or a bug would."""
    boot = "import sys; sys.path.extend(sys.argv[1:]); from selfproof.jail import child, forkserver, kernel; "
    monkeypatch.setattr(view, "_BOOT", f"{boot}{sabotage}; forkserver.main()")
    return ladder.start(tier, ["numpy"])


@pytest.mark.parametrize(
    ("sabotage", "complaint"),
    [
        ("kernel.seccomp_restrict = lambda grants: None", "got out: .*fork"),
        ("kernel.landlock_restrict = lambda ruleset: None", "got out: opened"),
        ("child.limit_all = lambda rules: None", "rlimits is not in force"),
        ("kernel.landlock_abi = lambda: 0", "Landlock"),
        ("kernel.seccomp.compiled = lambda grants: b''", "jail_failed"),
        ("forkserver.os.setresuid = lambda *a: None", "uid is not in force"),
        ("sys.exit(3)", "it ended or was silent"),
    ],
)
def test_a_missing_layer_is_noticed(monkeypatch: pytest.MonkeyPatch, sabotage: str, complaint: str) -> None:
    if "setresuid" in sabotage and os.geteuid() != 0:
        pytest.skip("only root changes to another uid")
    with pytest.raises(WorkerFailed, match=complaint):
        start("confined", monkeypatch, sabotage)


def test_a_jail_without_namespaces_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    need("jail")
    monkeypatch.setattr(launch, "command", lambda launcher, without, grants, nobody: view.fork_server())
    with pytest.raises(WorkerFailed, match=r"(pidns|netns) is not in force"):
        ladder.start("jail", [])


def test_a_shared_network_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    need("jail")
    real = launch.command
    monkeypatch.setattr(launch, "command", lambda *a, **k: [part for part in real(*a, **k) if part != "--unshare-net"])
    with pytest.raises(WorkerFailed, match=r"(pidns|netns) is not in force"):
        ladder.start("jail", [], launchers=["bubblewrap"])


def test_a_preload_that_does_not_exist_is_named() -> None:
    with pytest.raises(JailUnavailable, match="no_such_module"):
        Pool(1, require="confined", preload=("no_such_module",))


def test_workers_have_uids_of_their_own() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root changes to another uid")
    assert len({ladder._uid() for _ in range(1000)}) == 1000


def test_only_what_runs_inside_is_visible() -> None:
    rules = view.rules(Grants())
    readable, listable = ([path for path, access in rules if access == kind] for kind in ("read", "list"))
    package = Path(selfproof.jail.__file__).parents[1]
    for path in package.rglob("*.py"):
        covered = any(str(path) == rule or str(path).startswith(f"{rule}/") for rule in readable)
        inside = path in view._INSIDE or package / "operators" in path.parents
        assert covered == inside, path
    assert all(Path(path).is_dir() for path in listable)


def test_public_names() -> None:
    assert selfproof.jail.__all__ == ["Grants", "JailUnavailable", "Job", "Limits", "Outcome", "Pool", "Status"]
    assert all(getattr(selfproof.jail, name) for name in selfproof.jail.__all__)
    with pytest.raises(AttributeError):
        _ = selfproof.jail.Nothing
