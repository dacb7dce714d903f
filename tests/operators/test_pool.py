"""The operator that pools guesses, functions that take turns, and the template that they were made for."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from selfproof import birth
from selfproof.domains.shape import functions_of
from selfproof.operators import edit_function

SOURCE = "def mix(p, q):\n    return q\n\n\ndef other(x):\n    return x\n"


def test_two_guesses_are_pooled_by_weights_that_add_up_to_one() -> None:
    found = set()
    for seed in range(60):
        source, _ = edit_function(SOURCE, "mix", "pool", random.Random(seed))
        names: dict[str, Any] = {}
        exec(source, names)
        assert names["mix"](4.0, 9.0) > 0.0
        if pair := re.search(r"return q \*\* ([\d.]+) \* ([pq]) \*\* ([\d.]+)$", source, re.MULTILINE):
            assert float(pair[1]) + float(pair[3]) == pytest.approx(1.0)
            found.add(pair[2])
        else:
            assert re.search(r"return q \*\* [\d.]+$", source, re.MULTILINE), source
            found.add("power")
    assert found == {"p", "q", "power"}


@pytest.mark.parametrize(
    ("focus", "functions"),
    [
        (("a.py:mix", "a.py:other"), ("mix", "other")),
        (("a.py:mix", "b.py:f", "a.py:none", "a.py:"), ("mix",)),
        (("a.py:", "a.py:mix"), ("",)),
        (("a.py:none", "a.py:mix"), ("",)),
    ],
)
def test_functions_of_one_file_take_turns(focus: tuple[str, ...], functions: tuple[str, ...]) -> None:
    assert functions_of({"a.py": SOURCE, "b.py": "def f(x):\n    return x\n"}, focus) == ("a.py", functions)


def test_a_template_on_another_ones_files_has_both(tmp_path: Path) -> None:
    birth.make(tmp_path / "life", "stream", 1)
    program = tmp_path / "life" / "program"
    assert (program / "stream.py").exists() and (program / "improver.py").exists()
    assert 'name = "stream"' in (tmp_path / "life" / "charter.toml").read_text()
    assert not (tmp_path / "life" / birth.ASIDE).exists()
