"""``init --command``: what goes along, what is refused and why, and what the baseline says."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from selfproof import charter, life
from selfproof.jail import Pool
from selfproof.nouns import SelfproofError, UsageError
from selfproof.projects import choices, command, origin, runs, texts, trusted
from selfproof.projects.command import Options
from selfproof.projects.settings import assigned

NOISY = """
import os, random
LR = 0.5
noise = random.Random(int(os.environ["SEED"])).gauss(0, 0.1)
print("val_loss:", (LR - 0.1) ** 2 + 1 + noise)
"""
EXACT = "LR = 0.5\nprint('val_loss:', (LR - 0.1) ** 2 + 1)\n"


def project(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        path = folder / (name if "." in name else f"{name.replace('__', '/')}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def made(home: Path, pool: Pool, **options: Any) -> tuple[Path, str, dict[str, Any]]:
    """The folder, what was told, and its charter."""
    del pool  # which skips where there is no jail to run in
    done = command.make(
        home, home / "living", Options(**{"command": "python train.py", "metric": "val_loss"} | options)
    )
    return done.folder, "\n".join(done.told), tomllib.loads((done.folder / "charter.toml").read_text())


def test_runs_that_differ_are_fresh_samples_and_their_noise_is_shown(tmp_path: Path, pool: Pool) -> None:
    home = project(tmp_path / "ml", train=NOISY, **{"notes.md": "words"})
    folder, told, written = made(home, pool)
    objective = written["objective"][0]
    assert objective["task"] == "tasks/command.py:Fresh" and objective["joint"] is True
    assert (objective["better"], objective["focus"]) == ("lower", ["train.py:"])
    assert written["program"]["editable"] == ["train.py"]
    assert "with two seeds" in told and "apart" in told and "pairs of runs" in told and "(joint)" in told
    assert (folder / "program" / "notes.md").read_text() == "words"
    with life.viewed(folder) as living:
        task: Any = living.tasks["command"]
        assert task.seconds > 0 and task.samples("explore", 1, 1)[0].value["command"] == "python train.py"
    come_from = origin.load(folder)
    assert come_from is not None and set(come_from.files) == {"train.py", "notes.md"}
    assert (home / "train.py").read_text() == NOISY


def test_runs_that_are_all_the_same_are_one_whole_population(tmp_path: Path, pool: Pool) -> None:
    folder, told, written = made(project(tmp_path / "ml", train=EXACT), pool)
    assert written["objective"][0]["task"] == "tasks/command.py:Exact"
    assert "3 times exactly" in told and "spends no alpha" in told and "another seed inside your code" in told
    with life.viewed(folder) as living:
        assert living.state.charter["pools"]["command"] == living.tasks["command"].population  # type: ignore[union-attr]
        assert living.state.charter["pools"]["command"]["lifetime"] is None


@pytest.mark.parametrize(
    ("script", "said", "advice"),
    [
        ("raise ValueError('no data')", "exit code 1: ValueError: no data", ""),
        ("import nothing_like_this", "No module named", "Install selfproof into the environment"),
        ("open('data.bin')", "No such file", "--allow data:/FOLDER"),
        ("print('loss 3')", "no `val_loss: value`", "--metric-file"),
        ("print('val_loss: nan')", "val_loss is nan", ""),
        ("import time; time.sleep(60)", "not done within 1.2 s", "--minutes-each"),
    ],
)
def test_a_command_without_a_metric_leaves_nothing_behind_and_says_what_to_do(
    tmp_path: Path, pool: Pool, script: str, said: str, advice: str
) -> None:
    with pytest.raises(SelfproofError) as error:
        made(project(tmp_path / "ml", train=script), pool, minutes_each=0.02)
    assert said in str(error.value) and advice in error.value.advice()
    assert not (tmp_path / "ml" / "living").exists()


def test_a_scorer_and_what_it_reads_stay_outside_and_nothing_is_joint(tmp_path: Path, pool: Pool) -> None:
    home = project(
        tmp_path / "ml",
        train="open('out.csv', 'w').write('1,2,3')\nprint('val_loss: 0')\n",
        judge="from pathlib import Path\nimport shared\nTRUTH = Path(__file__).with_name('truth.csv').read_text()\n"
        "def score(files):\n    return shared.distance(files['out.csv'].decode(), TRUTH)\n",
        shared="def distance(a, b): return float(sum(x != y for x, y in zip(a.split(','), b.split(','))))\n",
        **{"truth.csv": "1,2,9"},
    )
    folder, told, written = made(home, pool, rescore="judge.py:score", artefacts=("out.csv",))
    assert written["objective"][0]["joint"] is False and written["objective"][0]["task"] == "tasks/rescored.py:Exact"
    assert "val_loss 1," in told and "must not unpickle" in told
    assert {path.name for path in (folder / "program").glob("*.*") if path.is_file()} == {
        "train.py", "selfproof_runner.py", "selfproof_improver.py"
    }  # fmt: skip
    assert {"judge.py", "shared.py", "truth.csv", "scoring.py"} <= {path.name for path in (folder / "tasks").iterdir()}
    with pytest.raises(UsageError, match="--artefact"):
        made(project(tmp_path / "other", train=EXACT), pool, rescore="judge.py:score")


def test_a_script_that_could_read_what_its_scorer_knows_is_refused(tmp_path: Path) -> None:
    judge = "import shared\nTRUTH = open('truth.csv').read()\ndef score(files): return 1.0\n"
    for train, why in (("import judge", "imports judge.py"), ("open('truth.csv')", "truth.csv is named by")):
        home = project(tmp_path / why, train=train, judge=judge, shared="A = 1", **{"truth.csv": "1"})
        options = Options("python train.py", "loss", rescore="judge.py:score", artefacts=("a",))
        with pytest.raises(UsageError, match=why):
            command.planned(home, home / "living", options)
    home = project(tmp_path / "apart", train="import shared", judge=judge, shared="A = 1", **{"truth.csv": "1"})
    plan = command.planned(home, home / "living", options)
    assert set(plan.found.files) == {"train.py", "shared.py"} and "truth.csv" in plan.tasks


def test_files_that_are_no_text_or_lie_in_the_living_folder_do_not_go_along(tmp_path: Path) -> None:
    home = project(tmp_path, train=EXACT, pkg__mod="A = 1\n", living__program__train="old", **{".env": "KEY=1"})
    (home / "data.npy").write_bytes(b"\x93NUMPY\x00\x01")
    (home / "big.txt").write_text("x" * (1 << 20) + "x")
    (home / "link.txt").symlink_to("/etc/passwd")
    found = texts.of(home, home / "living")
    assert set(found.files) == {"train.py", "pkg/mod.py"}
    assert found.left_out == {"data.npy": "no text", "big.txt": "larger than 1 MB"}
    assert "data.npy (no text)" in choices.left_out(found.left_out)[0]
    assert set(texts.of(home, home / "living", ["pkg/*"]).files) == {"pkg/mod.py"}
    with pytest.raises(UsageError, match="no text file matches"):
        texts.of(home, home / "living", ["*.rs"])


def test_what_git_ignores_does_not_go_along(tmp_path: Path) -> None:
    import subprocess

    home = project(tmp_path, train=EXACT, out="left by a run", **{".gitignore": "out.py\n"})
    subprocess.run(["git", "init", "-q", str(home)], check=True)
    assert set(texts.of(home, home / "living").files) == {"train.py"}


@pytest.mark.parametrize(
    ("line", "script"),
    [
        ("python train.py --lr 1", "train.py"),
        ("python ./train.py", "train.py"),
        ("python -m pkg.go", "src/pkg/go.py"),
        ("python -m pkg", "src/pkg/__main__.py"),
        ("bash run.sh", "run.sh"),
        ("make all", None),
    ],
)
def test_the_script_that_a_command_names(line: str, script: str | None) -> None:
    files = dict.fromkeys(("train.py", "src/pkg/go.py", "src/pkg/__main__.py", "run.sh"), "")
    assert choices.script_of(line, files) == script


def test_wishes_that_cannot_be_met_are_refused_with_what_to_do(tmp_path: Path) -> None:
    home = project(tmp_path / "ml", train=EXACT)

    def refused(**options: Any) -> str:
        values = {"command": "python train.py", "metric": "val_loss"} | options
        with pytest.raises(UsageError) as error:
            command.planned(home, home / "living", Options(**values))
        return f"{error.value} {error.value.advice()}"

    assert "--lower or --higher" in refused(metric="magic")
    assert "--lower or --higher" in refused(metric="loss_of_accuracy")
    assert "needs a metric" in refused(metric=" ")
    assert "nothing is named that could change" in refused(command="make all")
    assert "no file matches --edit" in refused(edit=("model.py",))
    assert "--allow" in refused(allow=("everything",))
    assert "Check its quotes" in refused(command="python 'train.py")
    (home / "selfproof_own.py").write_text("")
    assert "has a name that selfproof needs" in refused()


def test_a_persons_own_scratch_goes_before_ours() -> None:
    assert choices.granted(["scratch:9", "gpu"], command.ALWAYS) == ["subprocesses", "scratch:9", "gpu"]
    assert (
        choices.better_of("tokens_per_sec", "") == "higher" and choices.better_of("tokens_per_sec", "lower") == "lower"
    )


def test_the_words_of_a_confirmations_price() -> None:
    seen = runs.Seen((1.0, 1.2), (60.0, 90.0), 100.0, "loss", 2)
    told = "\n".join(seen.told())
    assert "1 and 1.2 with two seeds: 0.2 apart, 18.2%" in told
    assert "at least 10 pairs of runs (15 min with 2 at a time)" in told


def test_settings_keep_their_comments_and_the_rest_of_the_text() -> None:
    assert assigned("A = 1  # one\nB: int = 2\nA = 3\n", {"A": "x", "B": 5}) == "A = 'x'  # one\nB: int = 5\nA = 3\n"


def test_files_that_code_names_by_name_path_or_folder() -> None:
    import ast

    tree = ast.parse("open('a.txt'); p = 'conf/b.yaml'; q = Path('prompts') / name; r = 'train.py'")
    files = dict.fromkeys(("x/a.txt", "conf/b.yaml", "prompts/deep/c.md", "train.py", "d.txt"), "")
    assert trusted.named_in([tree], files) == ["x/a.txt", "conf/b.yaml", "prompts/deep/c.md"]


def test_every_template_has_a_charter_that_holds(tmp_path: Path) -> None:
    from selfproof.projects import writing

    for form in ("command", "solver"):
        assert charter.parse(writing.template(form)["charter.toml"]).objectives
