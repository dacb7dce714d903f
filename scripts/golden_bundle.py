"""Make a golden bundle: of a short real life and what people wrote, which both verifiers must accept forever.

Only for a new version of the format; what is there stays as it was written. Run it as

    python scripts/golden_bundle.py tests/golden/ledger-v3
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MINUTES = 0.12


def main(out: Path) -> None:
    """Let the hand-made program of the tests live for some seconds, and bundle its ledger with its tasks."""
    sys.path.insert(0, str(ROOT / "tests"))
    from finite_program import made  # type: ignore[import-not-found]

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "program"
        made(folder, lifetime=1)
        _selfproof("run", "--minutes", MINUTES, "--seed", 1, "--until-certified", 2, "--at", folder)
        for words in ("a first note", "a name that leaves"):
            noted = json.loads(_selfproof("note", words, "--by", "ann", "--json", "--at", folder))["entry"]
        _selfproof("ledger", "redact", f"{noted}.words", "--reason", "a name", "--by", "bob", "--at", folder)
        _selfproof("incident", "open", "a drill", "--severity", "internal", "--by", "ann", "--at", folder)
        for turn in ("--new", "--end"):
            _selfproof("ledger", "key", turn, "--at", folder)
            _selfproof("note", f"after key {turn}", "--by", "ann", "--at", folder)
        _selfproof("ledger", "bundle", out, "--with-tasks", "--at", folder)
        said = json.loads(_selfproof("verify", "--bundle", out, "--json"))
        kinds = [row["verdict"] for row in json.loads(_selfproof("log", "--json", "--at", folder))]
    expected = {key: said[key] for key in ("entries", "root")} | {"verdicts": kinds}
    out.with_suffix(".json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")


def _selfproof(*words: object) -> str:
    command = [sys.executable, "-m", "selfproof", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
