"""The attack suite: nothing gets through where all layers are in place, everything where none is."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from selfproof.attacks import suite
from selfproof.attacks.catalogue import PROGRAMS, chosen
from selfproof.jail import JailUnavailable, Pool

ROOT = Path(__file__).resolve().parents[2]
ALL = suite.attacks()
# One of each family by default, and what the judge sees in its own way; the slow test has every attack.
SAMPLE = [
    "bombs/memory", "bombs/hang", "bombs/answer", "clock/perf_counter", "files/read_secret", "files/overwrite",
    "files/write_folder", "forging/callers_frame", "forging/patch_result", "frames/nan", "frames/kill_by_pickle",
    "frames/escape_sequence", "kernel/clone3", "kernel/terminal_input", "kernel/limits_of_fork_server",
    "memory/read_engine", "memory/trace_bystander", "network/tcp", "network/listen", "persistence/daemon",
    "persistence/json", "persistence/system_v_memory", "signals/kill_engine", "signals/stop_engine",
    "signals/stop_bystander", "signals/kill_fork_server",
]  # fmt: skip


def told(rows: list[suite.Row], *, through: bool) -> list[str]:
    """The rows that are so, with why, to be read in a failure."""
    return [f"{row.name}: {', '.join(row.evidence) or row.status}" for row in rows if row.through == through]


def privileged() -> bool:
    """Whether this machine forbids the tests nothing: root with all capabilities and no filter on itself."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    everything = (1 << 1 + int(Path("/proc/sys/kernel/cap_last_cap").read_text())) - 1
    return int(status["CapEff"], 16) == everything and int(status["Seccomp"]) == 0


def failed_here(rows: list[suite.Row]) -> list[str]:
    """Attacks that did not get through with no layer at all, but for those that this machine forbids to us too."""
    forbidden = re.compile(r"\[Errno (1|13|30|38|93|95|97)\]")
    stopped = [row for row in rows if not row.through]
    return told([row for row in stopped if privileged() or not forbidden.search(row.status)], through=False)


@pytest.mark.parametrize("tier", ["jail", "confined"])
def test_nothing_gets_through(tier: str) -> None:
    try:
        Pool(1, require=tier).close()
    except JailUnavailable as problem:
        pytest.skip(f"{problem}. {problem.advice()}")
    rows = suite.run(tier)
    assert told(rows, through=True) == []
    assert [row.name for row in rows] == [attack.name for attack in ALL]


@pytest.mark.slow
def test_attacks_are_attacks() -> None:
    rows = suite.run("none", without=suite.LAYERS, names=SAMPLE)
    assert failed_here(rows) == [] and sum(row.through for row in rows) > len(rows) / 2
    assert len(rows) == len(SAMPLE) and {row.family for row in rows} == {attack.family for attack in ALL}


@pytest.mark.slow
def test_every_attack_is_an_attack() -> None:
    rows = suite.run("none", without=suite.LAYERS)
    assert failed_here(rows) == [] and sum(row.through for row in rows) > len(rows) / 2


def test_the_protocol_alone_stops_what_needs_no_system_call() -> None:
    rows = suite.run("none", names=["forging", "frames", "clock"])
    assert told(rows, through=True) == [] and len(rows) > 25


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_attacks_say_in_one_line_what_they_try(attack: suite.Attack) -> None:
    assert attack.title.endswith(".") and attack.title[0].isupper() and "\n" not in attack.title
    assert "|" not in attack.title and 10 < len(attack.title) < 100
    functions = [node for node in ast.parse(attack.source).body if isinstance(node, ast.FunctionDef)]
    assert "solve" in {function.name for function in functions}


def test_there_are_many_and_no_two_are_the_same() -> None:
    assert len(ALL) >= 60 and len({attack.family for attack in ALL}) == 10
    assert len({attack.title for attack in ALL}) == len({attack.source for attack in ALL}) == len(ALL)
    assert len(ALL) == len(list(PROGRAMS.glob("*/*.py")))


def test_attacks_are_chosen_by_name_and_by_family() -> None:
    assert [attack.name for attack in chosen(["frames/nan"])] == ["frames/nan"]
    assert {attack.family for attack in chosen(["clock", "frames/nan"])} == {"clock", "frames"}
    with pytest.raises(KeyError, match="nonsense"):
        suite.run("none", names=["nonsense"])
    with pytest.raises(ValueError, match="no layer is called moat"):
        suite.run("none", without=["moat"])


def test_a_tier_that_cannot_be_had_is_no_success() -> None:
    with pytest.raises(suite.EngineFailed):
        suite.run("nonsense", names=["frames/nan"])


def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("isolation", ROOT / "benchmarks" / "isolation.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_lists_the_attacks_that_there_are() -> None:
    assert benchmark().differences((ROOT / "docs" / "isolation.md").read_text("utf-8")) == []


def test_a_page_that_lists_others_is_found_out() -> None:
    module = benchmark()
    text = (ROOT / "docs" / "isolation.md").read_text("utf-8")
    found = module.differences(text.replace("`frames/nan`", "`frames/nun`"))
    assert found == ["frames/nan is not in the page", "frames/nun is in the page and is no attack"]
    assert module.differences(text.replace("Answers with NaN,", "Answers with none,")) == [
        "frames/nan tries something else"
    ]
    for layer in suite.LAYERS:
        assert f"| `{layer}` |" in text, f"docs/isolation.md does not say what {layer} is"
