"""What could hold no promise is refused before it is written down: at a birth and when a charter changes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from finite_program import CHARTER, made
from selfproof import birth
from selfproof import life as lives
from selfproof.domains.base import admitted
from selfproof.drill import rolling_back as drill
from selfproof.nouns import Edit, UsageError

RANDOM = "random, committed before use"
GUARD = """
[[guard]]
name = "watched"
objective = "holdout"
task = "tasks/finite.py:Doubles"
margin = 0.5
"""
A, B = 'files = ["suite.py"]', 'files = ["holdout.py"]'
APART = CHARTER.replace(A, 'files = ["suite.py", "new_a*.py"]').replace(B, 'files = ["holdout.py", "*_b.py"]')


def refusal(folder: Path, charter: str, *, born: bool) -> UsageError:
    """What a birth, or the next opening of a program that was born before, says of this charter."""
    if not folder.exists():
        made(folder)
    if born:
        birth.begin(folder, 1)
    (folder / "charter.toml").write_text(charter)
    with pytest.raises(UsageError) as caught:
        if born:
            with lives.opened(folder, seed=1):
                pass
        else:
            birth.begin(folder, 1)
    assert caught.value.advice() and "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("born", [False, True])
def test_one_hold_out_is_not_asked_under_two_names(tmp_path: Path, born: bool) -> None:
    error = refusal(tmp_path / "p", CHARTER + GUARD, born=born)
    assert "holdout and watched use the same finite hold-out" in str(error)


@pytest.mark.parametrize("born", [False, True])
def test_a_file_that_two_globs_match_has_no_owner(tmp_path: Path, born: bool) -> None:
    """Neither glob matches the other's text; the file is there."""
    folder = made(tmp_path / "p")
    (folder / "program" / "new_a_b.py").write_text("x = 1\n")
    assert "suite and holdout share files: new_a_b.py" in str(refusal(folder, APART, born=born))


def test_nor_may_an_edit_make_such_a_file(tmp_path: Path) -> None:
    folder = made(tmp_path / "p")
    (folder / "charter.toml").write_text(APART.replace("editable = [", 'editable = ["new*.py", '))
    birth.begin(folder, 1)
    with lives.opened(folder, seed=1) as life:
        edits = [Edit("suite", {f"new_a{end}.py": "x = 1\n"}, end, "edit", "") for end in ("", "_b")]
        found, turned_away = admitted(life, life.charter.objective("suite"), edits, lambda parent: None)
    assert [c.edit.title for c in found if c.edit] == [""]
    assert [(edit.title, "share files" in why.reason) for edit, why in turned_away] == [("_b", True)]


@pytest.mark.parametrize("born", [False, True])
@pytest.mark.parametrize(("rate", "fine"), [(0.001, False), (0.03, False), (0.1, True)])
def test_a_loss_rate_that_no_confirmation_could_show_is_refused(
    tmp_path: Path, born: bool, rate: float, fine: bool
) -> None:
    """ln(2 * 40 / .02) = 8.3 nats in some 200 items: each without a loss is worth ln(1 + .9 q / (1 - q))."""
    text = CHARTER.replace(B, f"{B}\nloss = 5.0\nloss_rate = {rate}")
    if fine:
        folder = made(tmp_path / "p")
        (folder / "charter.toml").write_text(text)
        assert birth.begin(folder, 1)
        return
    error = refusal(tmp_path / "p", text, born=born)
    assert f"loss_rate of {rate}" in str(error) and "Above 0.04" in str(error.advice())


def epoch(folder: Path, seed: int | None, *, forget: bool) -> dict[str, Any]:
    """Begin an epoch and be killed; its entry. With ``forget`` its key is lost as well."""
    with lives.opened(folder, seed=seed) as life:
        life.pool = SimpleNamespace(tier="jail", layers=(), close=lambda: None)  # type: ignore[assignment]
        life.begin_epoch()
        opened = life.state.open_epoch
        if forget:
            life.paths.epoch_key.unlink()
    assert opened is not None
    return opened


def test_who_chose_a_new_keys_seeds_is_not_read_from_an_epoch_whose_key_is_lost(tmp_path: Path) -> None:
    folder = made(tmp_path / "p")
    birth.begin(folder, 1)
    assert epoch(folder, None, forget=True)["seeds"] == RANDOM
    assert epoch(folder, 1, forget=False)["seeds"] == "operator-chosen", "a chosen seed called random"
    assert epoch(folder, None, forget=True)["epoch"] == 2, "its key is there: it goes on, under its own name"
    assert epoch(folder, None, forget=True)["seeds"] == RANDOM


def test_a_drill_leaves_finite_pools_alone(tmp_path: Path) -> None:
    folder = made(tmp_path / "p")
    tasks = folder / "tasks" / "finite.py"
    worse = "\n    def damaged(self, source, function, strength=0.95):\n        return source + '# worse\\n'\n"
    tasks.write_text(tasks.read_text() + worse)
    birth.begin(folder, 1)
    with pytest.raises(UsageError, match="no objective of this program can be drilled") as caught:
        drill.drill(folder)
    assert "finite pool" in str(caught.value.advice())
