"""Models as other tools name them, as the charter names them. Keys are never copied."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec

from selfproof.nouns import UsageError
from selfproof.propose.llm import endpoints

_LOCAL = re.compile(r"local/(?P<name>[^@]+)@(?P<url>https?://[^?\s]+)|local-(?P<old>.+)-(?P<its>https?://[^?\s]+)")
_STARTS = {"gpt-": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "claude-": "anthropic",
           "gemini-": "google", "deepseek-": "deepseek"}  # fmt: skip
OPENAI = endpoints.VENDORS["openai"].url


def at(base: str, name: str) -> str:
    """A model of that name at an OpenAI-compatible address; "" if it is no name that can be reached."""
    address = base.rstrip("/")
    vendor = next((vendor for vendor, known in endpoints.VENDORS.items() if known.url == address), None)
    return _sound(f"{vendor}/{name}" if vendor else f"{address}#{name}")


def bare(name: str) -> str:
    """A model that is named without its vendor, as ShinkaEvolve does; "" where no counterpart is known."""
    if match := _LOCAL.fullmatch(name):
        return _sound(f"{match['url'] or match['its']}#{match['name'] or match['old']}")
    return next((_sound(f"{vendor}/{name}") for start, vendor in _STARTS.items() if name.startswith(start)), "")


def free(names: Iterable[str]) -> list[str]:
    """Those that cost nothing and can be asked at once: they run on this machine, and the library is there."""
    return [name for name in names if endpoints.parse(name).local and find_spec("httpx") is not None]


def _sound(name: str) -> str:
    try:
        endpoints.parse(name)
    except UsageError:
        return ""
    return name
