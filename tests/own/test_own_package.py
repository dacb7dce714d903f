"""Which functions of the package a program may suggest patches to, and what is copied of it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import selfproof
from selfproof.archive.overseen import Overseen
from selfproof.charter import Tripwires
from selfproof.line import adopting
from selfproof.nouns import UsageError
from selfproof.own import making, package, spots, workload
from selfproof.own.spots import Spot
from selfproof.projects import recording
from test_structure import CORE

ROOT = Path(selfproof.__file__).parent


def test_the_kernel_is_what_the_structure_calls_the_trusted_core() -> None:
    assert CORE | {"line"} == package.KERNEL


@pytest.mark.parametrize("part", sorted(CORE | {"line"}))
def test_no_function_of_the_kernel_can_be_chosen(part: str) -> None:
    """By a person or by a profile."""
    spot = Spot(f"selfproof.{part}.some", "f", 1000, 9.0)
    assert (
        making.choosable([spot, Spot("selfproof.trial.calls", "distinct", 5, 1.0)])[0].module == "selfproof.trial.calls"
    )
    path = next(p for p in [ROOT / f"{part}.py", *sorted((ROOT / part).glob("[a-z]*.py"))] if p.is_file())
    module = ".".join(["selfproof", *path.relative_to(ROOT).with_suffix("").parts])
    with pytest.raises(UsageError, match="trusted core"):
        package.named(f"{module}:anything")


@pytest.mark.parametrize("place", ["", "operators.speed", "no.such:f", "operators.speed:nothing", "os.path:join",
                                   "operators:edits_for", "templates.puzzles.program.improver:propose"])  # fmt: skip
def test_what_names_no_function_is_a_clear_error(place: str) -> None:
    with pytest.raises(UsageError):
        package.named(place)


def test_a_copy_imports_what_the_jail_has_not_under_its_new_name() -> None:
    copy = package.copied("selfproof.domains.rewrites", "judged_at", "copied_x")
    (inside,) = copy.originals
    assert inside == "copied_x/domains/rewrites.py" and copy.target.place == f"{inside}:judged_at"
    assert "from copied_x.certify.scale import" in copy.texts[inside]
    assert "from selfproof.operators.speed import FILE" in copy.texts[inside]
    assert "copied_x/nouns.py" in copy.texts, "the kernel is there to be imported, and has no way back"
    for source in package.needed(package.source_of("selfproof.domains.rewrites")):  # type: ignore[arg-type]
        text = copy.texts[
            copy.renamed[source.module].replace(".", "/") + ("/__init__.py" if source.is_package else ".py")
        ]
        assert len(text.splitlines()) == len(source.path.read_text().splitlines())


def test_an_import_of_copied_and_other_modules_in_one_line_is_refused() -> None:
    renamed = {"selfproof.life": "copied_x.life"}
    assert package.called("selfproof", ["life"], renamed) == "copied_x"
    assert package.called("selfproof", ["__version__"], renamed) == "selfproof"
    with pytest.raises(UsageError, match="copied modules and others"):
        package.called("selfproof", ["life", "operators"], renamed)


def test_nested_code_counts_for_the_function_around_it() -> None:
    path = ROOT / "domains" / "rewrites.py"
    line = {node.name: node.lineno for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
    first = line["_rest_stays"]
    rows = [["_rest_stays", first, 4, 1.0, 0.5], ["<genexpr>", first + 3, 90, 2.0, 0.0], ["<module>", 1, 1, 9.0, 0.0]]
    rows = [[str(path), number, name, *rest] for name, number, *rest in rows]
    assert spots.spots_of(rows) == [Spot("selfproof.domains.rewrites", "_rest_stays", 4, 3.5)]


def test_a_profile_counts_libraries_for_their_caller() -> None:
    mine, other = (str(ROOT / "tasks.py"), 3, "f"), ("/lib/ast.py", 1, "walk")
    stats = {mine: (2, 2, 0.25, 1.0, {}), other: (9, 9, 0.75, 0.75, {mine: (9, 9, 0.75, 0.75)})}
    assert workload.rows_of(SimpleNamespace(stats=stats)) == [[*mine, 2, 0.25, 0.75]]


def test_several_functions_are_listened_to_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("def f(x):\n    return g(x)\n\n\ndef g(x):\n    return x\n")
    (tmp_path / "two.py").write_text("from one import g\n\n\nclass C:\n    def h(self, x):\n        return g(x)\n")
    (tmp_path / "use.py").write_text("import one, two\n\none.f(1)\none.f(2)\ntwo.C().h(3)\n")
    wanted = [("one", "f"), ("one", "g"), ("two", "C.h"), ("one", "missing")]
    found = recording.record_all(tmp_path, wanted, f"{sys.executable} use.py")
    assert [sorted(call[0] for call in one.calls) for one in found[:2]] == [[(1,), (2,)], [(1,), (2,), (3,)]]
    assert [one.met for one in found] == [2, 3, 1, 0] and found[2].plain == [False]


@pytest.mark.parametrize(("level", "adopts"), [("observe", False), ("propose", True), ("autonomous", True)])
def test_what_a_level_adopts_in_the_programs_own_copy(level: str, adopts: bool) -> None:
    charter = SimpleNamespace(
        autonomy=SimpleNamespace(level=level), budget=SimpleNamespace(adoptions_per_day=5), tripwires=Tripwires()
    )
    life: Any = SimpleNamespace(charter=charter, state=SimpleNamespace(versions=[0], overseen=Overseen()))
    assert (adopting.limit(life) is None) == adopts
