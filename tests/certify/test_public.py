"""What others may build on: the names, the example, and nothing heavy behind an import."""

from __future__ import annotations

import doctest
import subprocess
import sys

from selfproof import certify

NAMES = {
    "Confirmation", "Estimate", "GuardResult", "Pair", "Pairing", "Rule", "Verdict", "Wealth", "blind_spot", "gamma",
    "holdout_level", "judge", "judge_guard", "level", "log_wealth", "mean_interval", "mean_sequence",
    "median_interval", "median_sequence", "pairing", "quality_pair", "robust_scale", "speed_pair",
}  # fmt: skip


def test_the_names_are_those_that_were_promised() -> None:
    """Adding one is fine, here too; a name that is missing breaks somebody's script."""
    assert set(certify.__all__) == NAMES and len(certify.__all__) == len(NAMES)
    assert all(getattr(certify, name).__doc__ for name in NAMES)


def test_the_example_gives_what_it_says() -> None:
    found = doctest.testmod(certify)
    assert found.attempted >= 10 and found.failed == 0


def test_importing_it_loads_the_standard_library_alone() -> None:
    script = "import sys, selfproof.certify; print(*sorted(sys.modules), sep='\\n')"
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=True, env=_env())
    ours = {name for name in done.stdout.split() if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in ours if not name.startswith("__")} == {
        name for name in ours if name == "selfproof" or name.startswith("selfproof.certify")
    }
    assert "selfproof.certify.gate" in ours and "selfproof.certify.seeds" not in ours


def _env() -> dict[str, str]:
    """Without site-packages (-S) the package is found by its path only."""
    from pathlib import Path

    return {"PYTHONPATH": str(Path(certify.__file__).resolve().parents[2]), "PATH": ""}
