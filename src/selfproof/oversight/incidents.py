"""Incidents: how bad, since when known, by when which rule wants to hear of it. Pure; it describes, and halts nothing.

The clock of every regime runs from awareness. The hours are as of mid 2026, from secondary sources: check the primary
text before you rely on one. Which regime applies to a system is for a person to say, so all of them are shown.

Does not protect against: an incident that nobody recorded, or one that was recorded as less than it is.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

DAY = 24
SEVERITIES: Mapping[str, str] = {
    "internal": "nobody and nothing outside was harmed: no clock runs",
    "serious": "serious harm to health, property, the environment or fundamental rights",
    "security": "a serious breach of security, such as weights or keys that were taken",
    "death": "somebody died, or may have died of it",
    "infrastructure": "critical infrastructure was disrupted, or many people's rights were infringed",
    "imminent": "somebody may be about to die or be gravely hurt",
}


@dataclass(frozen=True)
class Regime:
    """Whoever wants to be told, and within how many hours of awareness, by severity."""

    id: str
    name: str
    hours: Mapping[str, int]


REGIMES = (
    Regime("eu-ai-act-73", "EU AI Act, Art. 73 (providers of high-risk systems)",
           {"serious": 15 * DAY, "security": 15 * DAY, "death": 10 * DAY, "infrastructure": 2 * DAY,
            "imminent": 15 * DAY}),
    Regime("eu-gpai-code", "EU code of practice for general-purpose models (systemic risk)",
           {"serious": 15 * DAY, "security": 5 * DAY, "death": 10 * DAY, "infrastructure": 2 * DAY,
            "imminent": 15 * DAY}),
    Regime("us-ca-sb53", "California SB 53 (frontier developers)",
           {"serious": 15 * DAY, "security": 15 * DAY, "death": 15 * DAY, "infrastructure": 15 * DAY, "imminent": DAY}),
    Regime("us-ny-raise", "New York RAISE Act (frontier developers, from 2027)",
           {"serious": 3 * DAY, "security": 3 * DAY, "death": 3 * DAY, "infrastructure": 3 * DAY, "imminent": DAY}),
)  # fmt: skip

CORRECTIVE = re.compile(r"(guard|test|rule):[A-Za-z0-9_./:\-\[\]]{1,200}")
"""What closes an incident: the id of a guard, a test or a rule that would see the next one."""


def due(aware_at: str, severity: str) -> dict[str, str]:
    """By when each regime wants to be told; {} where no clock runs.

    Raises:
        ValueError: no such severity, or no such time.
    """
    if severity not in SEVERITIES:
        raise ValueError(f"no severity is called {severity!r}")
    aware = at(aware_at)
    return {one.id: stamp(aware + datetime.timedelta(hours=one.hours[severity]))
            for one in REGIMES if severity in one.hours}  # fmt: skip


def at(text: str) -> datetime.datetime:
    """A time with its zone.

    Raises:
        ValueError: it is none.
    """
    found = datetime.datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no time zone: write 2026-06-30T14:00:00Z")
    return found.astimezone(datetime.UTC)


def stamp(time: datetime.datetime) -> str:
    """A time in UTC, to the second."""
    return time.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def overdue(due_at: Mapping[str, str], now: datetime.datetime) -> list[str]:
    """The regimes whose time is over."""
    return [name for name, time in due_at.items() if at(time) < now]
