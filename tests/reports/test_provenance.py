"""What a run is made with is on the record before it begins."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import selfproof
from selfproof.ledger import read
from selfproof.reports import provenance


def test_a_run_says_what_it_is_made_with(finite_life: Any, typed: Any) -> None:
    leaves = list(read(finite_life.folder / ".selfproof" / "ledger").leaves())
    kinds = [leaf.kind for leaf in leaves]
    told = leaves[kinds.index("engine")].body
    assert kinds.index("engine") < kinds.index("propose") and kinds.count("engine") == 1
    assert told["version"] == selfproof.__version__ and "numpy" in told["packages"]
    epoch = leaves[kinds.index("seed-commit")].body
    start = leaves[kinds.index("confirm-start")].body
    assert {"seeds", "tier", "layers", "strategy"} <= set(epoch) and {"charter", "tasks", "files", "rule"} <= set(start)
    said = typed("verify", "--at", finite_life.folder)
    assert said.code == 0 and f"engine: {selfproof.__version__}" in said.out


def test_another_file_is_another_hash(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.py").write_text("1")
    (tmp_path / "b.py").write_text("2")
    listed = subprocess.run(
        "find . -type f | sed 's|^\\./||' | LC_ALL=C sort | xargs sha256sum", shell=True, cwd=tmp_path,
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    before = provenance.package_hash(tmp_path)
    assert before == hashlib.sha256(listed).hexdigest(), "anybody can compute it with sha256sum"
    provenance.package_hash.cache_clear()
    (tmp_path / "a" / "__pycache__").mkdir()
    (tmp_path / "a" / "__pycache__" / "x.pyc").write_text("3")
    assert provenance.package_hash(tmp_path) == before
    provenance.package_hash.cache_clear()
    (tmp_path / "a" / "x.py").write_text("4")
    assert provenance.package_hash(tmp_path) != before
