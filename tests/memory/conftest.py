"""The apprentice's memory task as it is shipped, and its program with another ``merge``."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from importlib import resources

import numpy as np
import pytest
from numpy.typing import NDArray

from selfproof.templates.apprentice.tasks.language import Language

Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]

WITTEN_BELL = "(c + 3.0 * d * q) / (t + 3.0 * d)"


def program(rule: str | None = None, after: str = "") -> str:
    """The template's memory.py, with ``merge`` returning ``rule`` and more code at its end."""
    source = (resources.files("selfproof") / "templates/apprentice/program/memory.py").read_text(encoding="utf-8")
    if rule is not None:
        source, found = re.subn(r"(?m)^    return \(c \+ 1\.0\).*$", lambda _: f"    return {rule}", source)
        assert found == 1
    return source + after


def predict_of(source: str) -> Predict:
    """``predict`` of a memory.py, in this process."""
    module = types.ModuleType("memory")
    exec(compile(source, "memory.py", "exec"), module.__dict__)
    predict: Predict = module.__dict__["predict"]
    return predict


@pytest.fixture(scope="session")
def task() -> Language:
    return Language()


@pytest.fixture(scope="session")
def source() -> Callable[..., str]:
    return program


@pytest.fixture(scope="session")
def witten_bell() -> Predict:
    return predict_of(program(WITTEN_BELL))


@pytest.fixture(scope="session")
def add_one() -> Predict:
    return predict_of(program())
