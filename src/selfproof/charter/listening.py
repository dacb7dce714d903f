"""The charter's [monitoring]: who is told of a run while it goes on. Values, and the form that they must have."""

from __future__ import annotations

import re
from dataclasses import dataclass

TOLD = ("certified", "waiting", "rollback", "halted", "tripwire", "budget", "incident", "ended", "failed")


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """Who is told of a run while it goes on (docs/monitoring.md). They only listen: none can change, slow or end it."""

    otlp: str = ""
    """An OpenTelemetry collector that takes OTLP over HTTP: "http://127.0.0.1:4318"; needs the extra `otel`."""
    tracker: str = ""
    """A Python module with `init`, `log` and `finish`: "wandb", "trackio", or one of yours that is installed."""
    webhooks: tuple[str, ...] = ()
    """Addresses that are sent a JSON POST; "env:NAME" takes one from the environment, as this charter is public."""
    on: tuple[str, ...] = TOLD
    """Of what webhooks are told: "certified", "waiting" (for approval), "rollback", "halted", "tripwire", "budget",
    "incident", "ended", "failed"."""
    secret: str = ""
    """NAME of the environment variable whose value signs webhooks (HMAC-SHA256); "": they are not signed."""


def fault(told: Monitoring) -> str | None:
    """What is wrong with it, or None: addresses are plain http or https, without a password, which would be in the
    ledger for ever."""
    for place in filter(None, [told.otlp, *told.webhooks]):
        named = place in told.webhooks and re.fullmatch(r"env:[A-Za-z_]\w*", place)
        if not named and re.fullmatch(r"https?://[^/@\s?#]+(/[^@\s]*)?", place) is None:
            return f'{place!r} is no address: write "https://HOST/PATH", for webhooks also "env:NAME"'
    if strange := [word for word in told.on if word not in TOLD]:
        return f"on = {strange[0]!r} is unknown; known here: {', '.join(TOLD)}"
    for key, form in (("tracker", r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"), ("secret", r"[A-Za-z_]\w*")):
        if (value := getattr(told, key)) and re.fullmatch(form, value) is None:
            return f"{key} = {value!r} is not a name"
    return None
