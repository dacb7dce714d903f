"""The settings at the top of a template's module: ``NAME = value`` lines that a form fills in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def assigned(source: str, values: Mapping[str, Any]) -> str:
    """A module's text with other values in its first lines ``NAME = ...``, comments and annotations kept."""
    for name, value in values.items():
        found = re.search(rf"(?m)^({name}(?:: [^=\n]+)?) = [^#\n]*?(  #.*)?$", source)
        assert found is not None, f"the template has no line for {name}"
        source = f"{source[: found.start()]}{found[1]} = {value!r}{found[2] or ''}{source[found.end() :]}"
    return source
