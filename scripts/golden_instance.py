"""Make a golden instance: a whole small living program as this version leaves it, which later versions must take up.

Once at the end of an issue; what is there stays as it was written. Run it as

    python scripts/golden_instance.py tests/golden/instance-2.selfproof

It is a backup with its key (a key of no worth), in the middle of its life: certified versions, controls, an objective
whose hold-out is used up, people's notes, one of them taken out, an incident, a second key.
Beside it a JSON file says what must still be true of it. ``tests/keeping/test_golden_instances.py`` finds both by name.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MINUTES = 0.15


def main(out: Path) -> None:
    """Let the hand-made program of the tests live for some seconds, let people write, and back it up."""
    sys.path.insert(0, str(ROOT / "tests"))
    from finite_program import made  # type: ignore[import-not-found]
    from selfproof import audit
    from selfproof.keeping import backup

    with tempfile.TemporaryDirectory(prefix="golden-") as scratch:
        folder = Path(scratch) / "program"
        made(folder, lifetime=1)
        _selfproof("run", "--minutes", MINUTES, "--seed", 1, "--until-certified", 1, "--at", folder)
        for words in ("a first note", "a name that leaves"):
            noted = json.loads(_selfproof("note", words, "--by", "ann", "--json", "--at", folder))["entry"]
        _selfproof("ledger", "redact", f"{noted}.words", "--reason", "a name", "--by", "bob", "--at", folder)
        _selfproof("incident", "open", "a drill", "--severity", "internal", "--by", "ann", "--at", folder)
        _selfproof("ledger", "key", "--new", "--at", folder)
        backup.socket.gethostname = lambda: "golden.example"  # nothing of the machine that made it
        told = backup.write(folder, out, with_key=True)
        said = audit.audit(folder / ".selfproof" / "ledger")
        assert said["ok"], said
        rows = json.loads(_selfproof("log", "--json", "--at", folder))
    expected = {
        "made": datetime.datetime.now(datetime.UTC).date().isoformat(), "entries": told["entries"],
        "root": told["root"], "version": told["version"],
        "verdicts": [row["verdict"] for row in rows],
    }  # fmt: skip
    out.with_suffix(".json").write_text(json.dumps(expected, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{out}: {out.stat().st_size} bytes, {expected}\n")


def _selfproof(*words: object) -> str:
    command = [sys.executable, "-m", "selfproof", *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
