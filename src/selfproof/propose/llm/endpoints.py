"""Names of models, and where each is asked: vendors and local servers by name, any other endpoint by its address.

    openai/gpt-5-mini                    a vendor; the key comes from OPENAI_API_KEY or SELFPROOF_KEY_OPENAI
    ollama/qwen3:8b                      a server on this machine, at its usual port; no key
    http://127.0.0.1:8000/v1#name        anything that speaks the same protocol; key from SELFPROOF_KEY_127_0_0_1
    any:bedrock/amazon.nova-pro          through the any-llm library, for other protocols
    ...?prompt_kb=16&reply_tokens=4000   options, behind any of them

A key goes to its own endpoint only: a vendor's address is fixed here, and no key is sent over plain HTTP to another
machine.
"""

from __future__ import annotations

import difflib
import ipaddress
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from selfproof.nouns import UsageError

Number = TypeVar("Number", int, float)
FORMS = 'VENDOR/MODEL ("openai/gpt-5-mini"), SERVER/MODEL ("ollama/qwen3:8b"), URL#MODEL or any:PROVIDER/MODEL'


@dataclass(frozen=True)
class Vendor:
    """Where a vendor's OpenAI-compatible interface is and what is particular about it."""

    url: str
    key: str
    limit: str = "max_tokens"
    usage: bool = True


VENDORS: Mapping[str, Vendor] = {
    "openai": Vendor("https://api.openai.com/v1", "OPENAI_API_KEY", "max_completion_tokens"),
    "anthropic": Vendor("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "google": Vendor("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "mistral": Vendor("https://api.mistral.ai/v1", "MISTRAL_API_KEY", usage=False),
    "deepseek": Vendor("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "openrouter": Vendor("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "groq": Vendor("https://api.groq.com/openai/v1", "GROQ_API_KEY", "max_completion_tokens"),
    "together": Vendor("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "xai": Vendor("https://api.x.ai/v1", "XAI_API_KEY", "max_completion_tokens"),
    "fireworks": Vendor("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "cerebras": Vendor("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY", "max_completion_tokens"),
    "moonshot": Vendor("https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    "huggingface": Vendor("https://router.huggingface.co/v1", "HF_TOKEN"),
}
LOCAL: Mapping[str, int] = {"ollama": 11434, "vllm": 8000, "llamacpp": 8080, "lmstudio": 1234, "sglang": 30000}


@dataclass(frozen=True)
class Model:
    """A model and how it is asked.

    ``name`` is what is shown, logged and looked up among the prices; ``protocol`` "openai" or "any-llm"; ``keys`` the
    environment variables that may hold its key, the first that is set counts; ``local`` a server on this machine.
    ``limit`` is the field that bounds the reply, ``usage`` whether usage must be asked for.
    """

    name: str
    protocol: str
    url: str
    model: str
    keys: tuple[str, ...] = ()
    key_needed: bool = False
    local: bool = False
    limit: str = "max_tokens"
    usage: bool = True
    prompt_bytes: int = 96_000
    reply_tokens: int = 8_000
    temperature: float | None = None
    effort: str = ""


def parse(text: str) -> Model:
    """The model that a charter names.

    Raises:
        UsageError: the text is no such name; the message says what is wrong with it.
    """
    name, options = _options(text)
    if not name or not name.isprintable() or any(ch.isspace() for ch in name) or len(name) > 300:
        raise UsageError(f"{text!r} names no model", advice=f"Write {FORMS}.")
    if name.startswith(("http://", "https://")):
        model = _by_address(name)
    elif name.startswith("any:"):
        model = _by_library(name)
    else:
        model = _by_name(name)
    return replace(model, **options)


def _by_name(name: str) -> Model:
    where, slash, model = name.partition("/")
    if slash and model and where in VENDORS:
        vendor = VENDORS[where]
        names = (f"SELFPROOF_KEY_{where.upper()}", vendor.key)
        return Model(name, "openai", vendor.url, model, names, True, False, vendor.limit, vendor.usage)
    if slash and model and where in LOCAL:
        keys = (f"SELFPROOF_KEY_{where.upper()}",)
        return Model(name, "openai", f"http://127.0.0.1:{LOCAL[where]}/v1", model, keys, local=True)
    near = difflib.get_close_matches(where, [*VENDORS, *LOCAL], n=1)
    advice = f"Did you mean {near[0]}/{model or where}? " if near else ""
    known = ", ".join([*VENDORS, *LOCAL])
    raise UsageError(f"{name!r} names no model that can be reached", advice=f"{advice}Write {FORMS}. Known: {known}.")


def _by_address(name: str) -> Model:
    try:
        parts = urlsplit(name)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise UsageError(f"{name!r} is no address: {error}") from None
    if parts.username or parts.password:
        raise UsageError("a model's address may not hold a password", advice=f"Set SELFPROOF_KEY_{_variable(host)}.")
    if not host or not parts.fragment or parts.query:
        raise UsageError(f"{name!r} lacks the model's name", advice="Write URL#MODEL: http://127.0.0.1:8000/v1#name")
    url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return Model(name, "openai", url, parts.fragment, (f"SELFPROOF_KEY_{_variable(host)}",), local=_here(host))


def _by_library(name: str) -> Model:
    provider, slash, model = name.removeprefix("any:").partition("/")
    if not slash or not model or not re.fullmatch(r"[a-z][a-z0-9_]{1,40}", provider):
        raise UsageError(f"{name!r} names no model", advice="Write any:PROVIDER/MODEL, such as any:bedrock/nova-pro.")
    keys = (f"SELFPROOF_KEY_{provider.upper()}", f"{provider.upper()}_API_KEY")
    return Model(name, "any-llm", provider, model, keys)


def _here(host: str) -> bool:
    """Whether the host is this machine; names other than localhost could be anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _variable(host: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", host.upper())


def in_the_clear(model: Model) -> bool:
    """Whether what is sent to it can be read on the way: plain HTTP to another machine."""
    return model.url.startswith("http://") and not model.local


def _options(text: str) -> tuple[str, dict[str, Any]]:
    name, mark, tail = text.rpartition("?")
    if not mark or not re.fullmatch(r"[a-z_]{1,20}=[^=&]{1,40}(&[a-z_]{1,20}=[^=&]{1,40})*", tail):
        return text, {}
    found: dict[str, Any] = {}
    for key, value in parse_qsl(tail):
        try:
            if key == "prompt_kb":
                found["prompt_bytes"] = _within(int(value), 8, 4000) * 1000
            elif key == "reply_tokens":
                found["reply_tokens"] = _within(int(value), 100, 200_000)
            elif key == "temperature":
                found["temperature"] = _within(float(value), 0.0, 2.0)
            elif key == "effort" and value in {"minimal", "none", "low", "medium", "high"}:
                found["effort"] = value
            else:
                raise ValueError
        except ValueError:
            told = (
                "prompt_kb (8 to 4000), reply_tokens (100 to 200000), temperature (0 to 2), effort (low, medium, high)"
            )
            raise UsageError(f"{text!r}: {key}={value} is no option of a model", advice=f"Options: {told}.") from None
    return name, found


def _within(value: Number, low: Number, high: Number) -> Number:
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError
    return value
