"""What a charter lets trials use, or asks of their isolation, is what they get, and what the record says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from selfproof.jail.cgroup import Cgroup, CgroupMissing
from selfproof.ledger import read

OBJECTIVES = ("memory", "operations", "training", "puzzles", "improver")


def program(cli: Any, folder: Path, line: str) -> Path:
    """A new program whose charter has one more line under [sandbox]."""
    assert cli.run("init", folder).code == 0
    charter = folder / "charter.toml"
    text = charter.read_text().replace('require = "auto"\n', "" if line.startswith("require") else 'require = "auto"\n')
    charter.write_text(text.replace("[sandbox]\n", f"[sandbox]\n{line}\n"))
    return folder


def leaves(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [dict(leaf.body) for leaf in read(folder / ".selfproof" / "ledger").leaves() if leaf.kind == kind]


def test_what_was_granted_is_on_the_record(cli: Any, tmp_path: Path) -> None:
    try:
        Cgroup().close()
    except CgroupMissing as missing:
        pytest.skip(str(missing))
    data = tmp_path / "data"
    data.mkdir()
    folder = program(cli, tmp_path / "p", f'allow = ["scratch:8", "data:{data}"]')
    cli.until("verdict", folder, "--seed", 1)
    lines = ["scratch:8", f"data:{data}"]
    assert leaves(folder, "seed-commit")[0]["granted"] == dict.fromkeys(OBJECTIVES, lines)
    assert leaves(folder, "verdict")[0]["granted"] == lines
    assert cli.run("verify", "--at", folder).code == 0


def test_no_isolation_is_said_loudly_and_in_every_certificate(cli: Any, tmp_path: Path) -> None:
    folder = program(cli, tmp_path / "p", 'require = "none"')
    done = cli.until("verdict", folder, "--seed", 1)
    assert "WARNING: no isolation" in done.err
    (verdict, *_) = leaves(folder, "verdict")
    assert verdict["tier"] == "none" and verdict["layers"] == []
    assert any("its own scores" in loss for loss in verdict["not_covered"])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('require = "docker"', ["docker", "auto, jail, confined, none"]),
        ('require = "confined"\nallow = ["subprocesses"]', ["subprocesses", "process namespace", "Grant less"]),
        ('allow = ["data:{folder}/tasks"]', ["overlaps", "keys and answers"]),
        ('allow = ["data:{folder}"]', ["overlaps"]),
    ],
)
def test_what_cannot_be_given_ends_a_run(cli: Any, tmp_path: Path, line: str, words: list[str]) -> None:
    folder = program(cli, tmp_path / "p", line.format(folder=tmp_path / "p"))
    done = cli.run("run", "--minutes", "0.2", "--at", folder)
    assert done.code in (1, 2) and all(word in done.err for word in words), done.err
    assert "Traceback" not in done.err and cli.run("verify", "--at", folder).code == 0
