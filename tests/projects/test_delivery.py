"""A change on its way home: exactly the user's files, byte for byte what they were elsewhere, or not at all."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from projects_helpers import git, written
from test_recording import MODULE

from selfproof.nouns import UsageError
from selfproof.projects import delivery, origin
from selfproof.projects.origin import Change, Origin, Original, carried, changes, taken

OLD = "one\ntwo\nthree\n"
NEW = "one\n2\nthree\nfour\n"


def origin_of(project: Path, **files: str) -> Origin:
    found = {inside: Original(path, taken(project / path)[1]) for inside, path in files.items()}
    return Origin("function", project, found)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return written(tmp_path / "home", {"src/a.py": OLD, "b.py": MODULE})


def change(home: Path, text: str = NEW) -> list[Change]:
    one = {"a.py": OLD, "runner.py": "1"}
    return changes(origin_of(home, **{"a.py": "src/a.py"}), one, {"a.py": text, "runner.py": "2"})


def test_only_the_users_files_and_only_what_changed(home: Path) -> None:
    assert change(home) == [Change("src/a.py", OLD, NEW)]
    assert change(home, OLD) == []


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("last", [True, False])
def test_a_patch_that_git_takes_keeps_line_ends(home: Path, ending: str, mark: str, last: bool) -> None:
    before = (mark + OLD.replace("\n", ending))[: None if last else -len(ending)]
    (home / "src/a.py").write_bytes(before.encode())
    plain, _ = taken(home / "src/a.py")
    assert "\r" not in plain and not plain.startswith("\ufeff")
    wanted = plain.replace("two", "2")
    (found,) = changes(origin_of(home, **{"a.py": "src/a.py"}), {"a.py": plain}, {"a.py": wanted})
    subprocess.run(["git", "-C", str(home), "apply", "-"], input=delivery.patch([found]).encode(), check=True)
    assert (home / "src/a.py").read_bytes() == before.replace("two", "2").encode()


def test_a_file_that_changed_meanwhile_is_left_alone(home: Path) -> None:
    found = origin_of(home, **{"a.py": "src/a.py"})
    (home / "src/a.py").write_text("mine\n")
    with pytest.raises(UsageError, match="has changed since"):
        changes(found, {"a.py": OLD}, {"a.py": NEW})
    (home / "src/a.py").unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        changes(found, {"a.py": OLD}, {"a.py": NEW})


def test_a_file_that_holds_the_change_already_needs_none(home: Path) -> None:
    found = origin_of(home, **{"a.py": "src/a.py"})
    (home / "src/a.py").write_text(NEW)
    assert changes(found, {"a.py": OLD}, {"a.py": NEW}) == []
    (home / "src/a.py").write_text("in between\n")
    known = {"a.py": ["in between\n"]}
    assert changes(found, {"a.py": OLD}, {"a.py": NEW}, known) == [Change("src/a.py", "in between\n", NEW)]


def test_what_is_no_text_or_mixes_line_ends_is_refused(tmp_path: Path) -> None:
    for data in (b"\xff\xfe", b"a\r\nb\n", b"a\rb\n"):
        (tmp_path / "a.py").write_bytes(data)
        with pytest.raises(UsageError):
            taken(tmp_path / "a.py")


def test_apply_writes_and_keeps_the_mode(home: Path) -> None:
    (home / "src/a.py").chmod(0o755)
    delivery.apply(home, [*change(home), Change("src/new.py", None, "new\n")])
    assert (home / "src/a.py").read_text() == NEW and (home / "src/a.py").stat().st_mode & 0o777 == 0o755
    assert (home / "src/new.py").read_text() == "new\n"
    with pytest.raises(UsageError, match="there already"):
        delivery.apply(home, [Change("src/new.py", None, "other\n")])


def test_a_branch_leaves_work_tree_index_and_head_as_they_are(home: Path) -> None:
    (home / "b.py").write_text("work in progress\n")
    (home / "staged.py").write_text("staged\n")
    git(home, "add", "staged.py")
    before = git(home, "status", "--porcelain"), git(home, "rev-parse", "HEAD")
    commit = delivery.branch(home, change(home), "faster", "Faster\n\nbecause\n")
    assert (git(home, "status", "--porcelain"), git(home, "rev-parse", "HEAD")) == before
    assert (home / "src/a.py").read_text() == OLD
    assert git(home, "rev-parse", "faster").strip() == commit
    assert git(home, "show", "faster:src/a.py") == NEW
    assert git(home, "diff", "--name-only", "HEAD", "faster").split() == ["src/a.py"]
    assert git(home, "log", "-1", "--format=%B", "faster").strip() == "Faster\n\nbecause"


@pytest.mark.parametrize(
    ("name", "said"), [("main", "already"), ("no good", "cannot be a branch"), ("-x", "cannot be")]
)
def test_a_branch_that_cannot_be(home: Path, name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        delivery.branch(home, change(home), name, "x")


def test_a_branch_wants_the_file_in_head_as_it_was_copied(home: Path) -> None:
    (home / "src/a.py").write_text("uncommitted\n")
    found = changes(origin_of(home, **{"a.py": "src/a.py"}), {"a.py": "uncommitted\n"}, {"a.py": NEW})
    with pytest.raises(UsageError, match="not in HEAD as it was copied"):
        delivery.branch(home, found, "faster", "x")


def test_a_project_without_git_gets_a_patch_only(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(OLD)
    with pytest.raises(UsageError, match="no git repository"):
        delivery.branch(tmp_path, [Change("a.py", OLD, NEW)], "faster", "x")


def test_a_patch_and_a_branch_from_below_the_top_of_a_repository(tmp_path: Path) -> None:
    written(tmp_path, {"packages/shop/a.py": OLD, "other.py": "1\n"})
    home = tmp_path / "packages" / "shop"
    found = [Change("a.py", OLD, NEW)]
    delivery.branch(home, found, "faster", "x")
    assert git(home, "show", "faster:packages/shop/a.py") == NEW
    subprocess.run(["git", "-C", str(home), "apply", "-"], input=delivery.patch(found).encode(), check=True)
    assert (home / "a.py").read_text() == NEW


def test_a_copy_with_other_imports_gives_its_change_back(tmp_path: Path) -> None:
    original = "from . import x\n\n\ndef f():\n    return x.a\n"
    copy = original.replace("from . import", "from shop import")
    changed = copy.replace("def f", "HELP = 1\n\n\ndef f").replace("x.a", "x.b")
    assert carried(original, copy, changed) == changed.replace("from shop import", "from . import")
    with pytest.raises(UsageError, match="numbers of lines"):
        carried(original, copy + "\n", changed)


def test_a_package_of_others_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "lib.py").write_text(OLD)
    theirs = Original("lib.py", taken(tmp_path / "site" / "lib.py")[1], str(tmp_path / "site"), True)
    found = changes(
        Origin("function", tmp_path, {"copied_lib.py": theirs}), {"copied_lib.py": OLD}, {"copied_lib.py": NEW}
    )
    text = delivery.patch(found)
    assert text.startswith("lib.py is of an installed package") and str(tmp_path / "site") in text.splitlines()[0]
    done = subprocess.run(["patch", "-p1", "-d", str(tmp_path / "site")], input=text.encode(), check=False)
    assert done.returncode == 0 and (tmp_path / "site" / "lib.py").read_text() == NEW
    for way in (delivery.apply, lambda *a: delivery.branch(*a, "faster", "x")):
        with pytest.raises(UsageError, match="installed package"):
            way(tmp_path, found)


def test_the_way_back_survives_a_move_of_the_project(tmp_path: Path) -> None:
    home = tmp_path / "one"
    (home / "living").mkdir(parents=True)
    (home / "a.py").write_text(OLD)
    (home / "living" / origin.NAME).write_text(origin_of(home, **{"a.py": "a.py"}).dumped(home / "living"))
    home.rename(tmp_path / "two")
    found = origin.load(tmp_path / "two" / "living")
    assert found is not None and changes(found, {"a.py": OLD}, {"a.py": NEW}) == [Change("a.py", OLD, NEW)]
    (tmp_path / "two" / "living" / origin.NAME).write_text("{}")
    with pytest.raises(UsageError, match="cannot be used"):
        origin.load(tmp_path / "two" / "living")
    assert origin.load(tmp_path) is None
