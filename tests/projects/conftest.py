"""What tests of the forms share: a user's project and the living program of one function of it; a pool for runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from projects_helpers import written

from selfproof.jail import Grants, JailUnavailable, Pool

RUNS = Grants.parse(["subprocesses", "scratch:64"])


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    try:
        found = Pool(2, grants=RUNS)
    except JailUnavailable as missing:
        pytest.skip(f"runs of a command need the jail with a control group: {missing}; {missing.advice()}")
    with found:
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own for each test."""
    return written(tmp_path / "project")


@dataclass(frozen=True)
class Improved:
    """A project whose living program has certified a change, and what `init` said; only reads are allowed on it."""

    project: Path
    folder: Path
    told: list[str]


@pytest.fixture(scope="session")
def improved(tmp_path_factory: pytest.TempPathFactory, cli: Any) -> Improved:
    home = written(tmp_path_factory.mktemp("shop") / "project")
    done = cli.run("init", "--function", "shop.orders:unknown_items", "--seed", 1, "--json", cwd=home)
    assert done.code == 0, done.err
    cli.until("decision", home / "living", "--seed", 1)
    return Improved(home, home / "living", done.json["told"])


@pytest.fixture
def copied(improved: Improved, tmp_path: Path) -> Improved:
    """A copy of it, to change."""
    import shutil

    home = Path(shutil.copytree(improved.project, tmp_path / "copy", symlinks=True))
    return Improved(home, home / "living", improved.told)


@pytest.fixture
def init(project: Path, cli: Any) -> Callable[..., str]:
    """`selfproof init` in a project of its own; returns what it said, all of it."""

    def run(*words: object, code: int = 0) -> str:
        done = cli.run("init", *words, cwd=project)
        assert done.code == code, done.err + done.out
        return done.out + done.err

    return run
