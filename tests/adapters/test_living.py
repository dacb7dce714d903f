"""Imported tasks as living programs: what is adopted and what is not, what proposers see, and the way back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from selfproof import life, loop
from selfproof.adapters import detect
from selfproof.adapters.detect import Options
from selfproof.cli.pull_request import code
from selfproof.domains.base import admitted
from selfproof.domains.quality import Quality
from selfproof.jail import values
from selfproof.nouns import Edit
from selfproof.projects.writing import Made
from selfproof.trial import blocks as trials
from selfproof.trial.task import InvalidAnswer, Sample, Task

DATA = Path(__file__).parent / "data"
Bring = Callable[..., tuple[Made, list[str]]]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, jailed: None, cli: Any) -> Path:
    """The small task of OpenEvolve, imported, until its first change is adopted."""
    folder = tmp_path_factory.mktemp("oe") / "living"
    copy = shutil.copytree(DATA / "openevolve", folder.with_name("openevolve"))
    config = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(config.replace("models:", "no_models:"))  # nobody listens there
    detect.bring(copy, folder, Options(), lambda line: None)
    done = cli.until("decision", folder)
    assert any(e["event"] == "decision" and e["verdict"] == "adopted" for e in done.events), done.events[-3:]
    return folder


@pytest.fixture(scope="module")
def quality(lived: Path) -> Iterator[Quality]:
    """Its objective, ready to be asked, and its life."""
    with life.opened(lived) as living:
        (domain,) = loop.domains_of(living).values()
        assert isinstance(domain, Quality)
        domain.observe()
        yield domain
        living.stop_pool()


def test_a_change_is_certified_exactly_and_said_to_be_joint(lived: Path, typed: Any) -> None:
    done = typed("show", "v1", "--json", "--at", lived)
    certificate = done.json["certificate"]
    assert certificate["answer"] == "certified" and certificate["test"] == "exact" and certificate["alpha_k"] == 0
    assert any("touched its own score" in line for line in certificate["not_covered"])
    changed = [line for line in done.json["diff"].splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    assert changed and all(line[1:].startswith(("STEP", "FIRST", "    for _ in")) for line in changed)
    assert typed("verify", "--at", lived).code == 0


def test_proposers_see_the_program_and_the_evaluators_words_and_no_score(quality: Quality) -> None:
    brief = quality.brief()
    assert set(brief.files) == {"evolved/initial_program.py", "selfproof_evaluate.py"}
    assert [path for path in brief.files if brief.may(path)] == ["evolved/initial_program.py"]
    assert brief.guidance.startswith("You know how waves look")
    assert brief.failures and all(text.startswith("where: it ends at") for text in brief.failures)
    everything = repr(brief)
    assert "LEAST" not in everything and "combined_score':" not in everything and "least.txt" not in everything


def scores(domain: Quality, text: str) -> list[float | None]:
    """What a program with this text scores on the panel, in a process of its own."""
    start = domain.life.version(domain.objective, 0)
    files = {**start.files, "evolved/initial_program.py": text}
    job = trials.job(files, domain.objective.entry, domain.panel, domain.limits)
    outcome = domain.life.jail.submit(job).result()
    return [trial.score for trial in trials.score(domain.task, domain.panel, outcome)]


def test_a_candidate_that_fails_a_stage_that_the_program_passed_has_no_score(quality: Quality) -> None:
    first = (DATA / "openevolve" / "initial_program.py").read_text()
    assert scores(quality, first)[0] == pytest.approx(0.51784, abs=1e-5)
    assert scores(quality, first.replace("FIRST = 4.0", "FIRST = -1.0"))[0] > 0.9  # type: ignore[operator]
    assert scores(quality, first.replace("return place", "return float('nan')")) == [None, None]
    assert scores(quality, first.replace("return place", "return 1 / 0"))[0] is None


def test_what_lies_outside_the_marked_part_stays_as_it_is(quality: Quality) -> None:
    living, objective = quality.life, quality.objective
    start = living.version(objective, 0).files["evolved/initial_program.py"]
    inside, outside = start.replace("STEP = 0.9", "STEP = 0.7"), start.replace("0.05 * x", "0.0 * x")
    found = {}
    for name, text in (("inside", inside), ("outside", outside), ("markers", start.replace("EVOLVE-BLOCK", "BLOCK"))):
        edit = Edit(
            objective.name, {"evolved/initial_program.py": text}, "try", "edit", living.version(objective, 0).id
        )
        first = living.version(objective, 0).files
        found[name] = [said.reason for _, said in admitted(living, objective, [edit], lambda _, files=first: files)[1]]
    assert found["inside"] == []
    assert "outside" in found["outside"][0] and "outside" in found["markers"][0]


def test_scores_are_read_by_openevolves_rule(quality: Quality) -> None:
    """The combined score; without one the mean of what is no flag, no text and no coordinate of the map."""
    task: Task = quality.task
    sample = Sample({})

    def score(**metrics: object) -> float:
        return task.draws(sample, {"metrics": metrics, "artifacts": {}, "stage": 2, "stages": 2})[0]

    assert score(combined_score=0.25, other=9.0) == 0.25
    assert score(one=0.5, two=1.5) == 1.0
    no_number: list[object] = [None, 7, {"metrics": 3}, {"metrics": {}, "stage": 2}]
    other_stage = [{"metrics": {"x": 1.0}, "stage": 1}, {"metrics": {"x": 1.0}, "stage": "2"}]
    for bad in [*no_number, *other_stage, {"metrics": {"combined_score": float("nan")}, "stage": 2}]:
        with pytest.raises(InvalidAnswer):
            task.draws(sample, bad)


def test_a_trial_takes_the_evaluator_along_and_the_program_does_not_hold_it(quality: Quality) -> None:
    (sample, *_) = quality.task.samples("explore", 1, 2)
    assert {"original/evaluator.py", "original/least.txt", "support/openevolve/evaluation_result.py"} <= set(
        sample.value["files"]
    )
    assert values.encode(sample.value)
    assert not any("evaluator" in path for path in quality.life.files())


def test_export_writes_what_each_tool_would_have_left(lived: Path, tmp_path: Path, typed: Any) -> None:
    for kind in ("openevolve", "shinka", "gepa"):
        assert typed("export", "--to", kind, tmp_path / kind, "--at", lived).code == 0
    best = (tmp_path / "openevolve" / "best" / "best_program.py").read_text()
    assert best != (DATA / "openevolve" / "initial_program.py").read_text() and "EVOLVE-BLOCK-START" in best
    assert (tmp_path / "shinka" / "best" / "main.py").read_text() == best
    info = json.loads((tmp_path / "openevolve" / "best" / "best_program_info.json").read_text())
    assert info["metrics"]["combined_score"] > 0.52 and info["language"] == "python"
    assert json.loads((tmp_path / "shinka" / "best" / "results" / "correct.json").read_text())["correct"] is True
    assert json.loads((tmp_path / "gepa" / "best_candidate.json").read_text()) == {"evolved/initial_program.py": best}
    again = typed("export", "--to", "shinka", tmp_path / "shinka", "--at", lived)
    assert again.code == 2 and "is there already" in again.err
    both = typed("export", "--to", "shinka", tmp_path / "x", "--pull-request", "--at", lived)
    assert both.code == 2 and not (tmp_path / "x").exists()


def test_the_change_comes_back_as_a_patch_of_the_users_own_file(lived: Path, typed: Any) -> None:
    patch = typed("export", "--at", lived).out
    assert "--- a/initial_program.py" in patch and "evolved/" not in patch


def test_a_pull_request_says_what_is_claimed_and_what_is_not(lived: Path, typed: Any) -> None:
    found = typed("export", "--pull-request", "--json", "--at", lived).json
    assert found["title"] == "1 certified change to openevolve"
    body = found["body"]
    for part in (
        "**Claim**: on all 2 samples",
        "touched its own score",
        "selfproof verify",
        "| 1 | certified |",
        "exact",
    ):
        assert part in body, part
    shown = typed("export", "--pull-request", "--at", lived).out
    assert shown.splitlines()[0] == found["title"]


def test_words_of_machines_do_nothing_in_a_pull_request() -> None:
    assert (
        code("fixes #12 for @everyone `x` [a](http://b)\n## Evil\x1b[31m")
        == "`fixes #12 for @everyone x [a](http://b) ## Evil [31m`"
    )
    assert code("\n") == "`untitled`" and len(code("x" * 500)) < 80


def test_components_of_gepa_come_back_under_their_names(imported: Bring, tmp_path: Path, typed: Any) -> None:
    made, _ = imported(DATA / "gepa" / "main.py")
    assert typed("export", "--to", "gepa", tmp_path / "out", "--at", made.folder).code == 0
    assert json.loads((tmp_path / "out" / "best_candidate.json").read_text()) == "plus: 0.5\ntimes: 0.2\n"
    nothing = typed("export", "--pull-request", "--at", made.folder)
    assert nothing.code == 2 and "nothing was adopted" in nothing.err


def test_import_tells_its_errors_in_two_lines_and_json_is_one_object(tmp_path: Path, jailed: None, typed: Any) -> None:
    bad = typed("import", tmp_path, tmp_path / "living")
    assert bad.code == 2 and len(bad.err.splitlines()) == 2 and "Known: openevolve" in bad.err
    good = typed("import", DATA / "shinka", tmp_path / "living", "--json")
    assert good.code == 0 and good.json["kind"] == "shinka" and good.json["told"]
