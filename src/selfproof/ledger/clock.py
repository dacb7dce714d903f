"""The time written into entries: RFC 3339 in UTC, from a clock that a test can replace."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the wall clock's time, in UTC."""
    return datetime.now(UTC)


def rfc3339(time: datetime) -> str:
    """Return a time in UTC with microseconds; such texts sort as the times do."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
