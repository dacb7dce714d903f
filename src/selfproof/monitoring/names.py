"""Every name that traces use, in one place. What begins with ``gen_ai.`` is from OpenTelemetry's semantic conventions,
pinned, as those are still in development; the rest is ours.

Nothing here names a field for a prompt, a reply, a title or code: such text is never sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

SEMCONV: Final = "1.37.0"
"""The version of the conventions in which these names are as they are here."""
SCHEMA: Final = f"https://opentelemetry.io/schemas/{SEMCONV}"

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CHAT: Final = "chat"
ERROR_TYPE: Final = "error.type"
OTHER: Final = "_OTHER"

RUN: Final = "selfproof.run"
CONFIRMATION: Final = "selfproof.confirmation"
PROPOSAL: Final = "selfproof.proposal"
PREFIX: Final = "selfproof."

PROVIDERS: Final[Mapping[str, str]] = {
    "google": "gcp.gemini", "mistral": "mistral_ai", "xai": "x_ai",
}  # fmt: skip
"""Vendors whose name in the conventions is another than in a charter."""


def model_of(name: str) -> tuple[str, str] | None:
    """(provider, model) of a proposer's name in a charter, or None for one that is no model."""
    for word in ("cassette:", "any:"):
        name = name.removeprefix(word)
    if name.startswith(("http://", "https://")):
        url = urlsplit(name)
        return (url.hostname or OTHER, url.fragment) if url.fragment else None
    if name == "local" or name.startswith("hf:"):
        return "selfproof.local", name.removeprefix("hf:").rpartition("/")[2]
    provider, mark, model = name.partition("/")
    if not mark or not model or not provider.replace("-", "").isalnum():
        return None
    return PROVIDERS.get(provider, provider), model.partition("?")[0]
