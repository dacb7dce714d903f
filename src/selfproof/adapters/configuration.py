"""Read other tools' YAML: data that a stranger wrote, decoded by a safe loader, never believed to have a type."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from selfproof.adapters.base import NotUnderstood
from selfproof.adapters.folders import text_of

LARGEST = 1 << 18  # characters


def load(path: Path) -> dict[str, Any]:
    """A YAML file that holds a mapping; {} where there is none or it is empty.

    Raises:
        NotUnderstood: PyYAML is not installed, the file is no YAML, or holds something else.
    """
    if not path.exists():
        return {}
    text = text_of(path)
    if len(text) > LARGEST:
        raise NotUnderstood(f"{path} is larger than a configuration should be")
    try:
        found = msgspec.yaml.decode(text)
    except ImportError:
        raise NotUnderstood(
            f"{path} is YAML, and PyYAML is not installed", advice="pip install 'selfproof[adapters]'"
        ) from None
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise NotUnderstood(f"{path} is no YAML: {' '.join(str(error).split())[:200]}") from None
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise NotUnderstood(f"{path} holds no mapping of names to values")
    return found


class Section:
    """A mapping whose values are asked for by type; remembers which of them were."""

    def __init__(self, values: object, where: str = "") -> None:
        self._values: Mapping[str, Any] = values if isinstance(values, dict) else {}
        self._where = where
        self._seen: set[str] = set()
        self._sections: dict[str, Section] = {}

    def section(self, key: str) -> Section:
        """The mapping below a key; an empty one where there is none."""
        self._seen.add(key)
        return self._sections.setdefault(key, Section(self._values.get(key), f"{self._where}{key}."))

    def number(self, key: str, low: float, high: float) -> float | None:
        """A finite number, None where there is none; kept between the bounds."""
        value = self._values.get(key)
        self._seen.add(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return min(high, max(low, float(value)))

    def text(self, key: str) -> str:
        """A text, "" where there is none."""
        value = self._values.get(key)
        self._seen.add(key)
        return value if isinstance(value, str) else ""

    def flag(self, key: str, usual: bool) -> bool:
        """A truth value."""
        value = self._values.get(key)
        self._seen.add(key)
        return value if isinstance(value, bool) else usual

    def rows(self, key: str) -> list[Any]:
        """A list, empty where there is none."""
        value = self._values.get(key)
        self._seen.add(key)
        return value if isinstance(value, list) else []

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return key in self._values

    def unseen(self) -> Iterator[str]:
        """Names of what was never asked for, the sections below included."""
        yield from (f"{self._where}{key}" for key in self._values if key not in self._seen)
        for one in self._sections.values():
            yield from one.unseen()
