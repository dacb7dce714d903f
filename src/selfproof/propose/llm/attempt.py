"""One attempt to get an answer: over HTTP in the OpenAI form, or through the any-llm library.

No redirect is followed and no compression accepted: a key stays where it belongs, and two megabytes are two megabytes.
Runs in the broker's process, on its event loop.
"""

from __future__ import annotations

import asyncio
import email.utils
import importlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from selfproof import __version__
from selfproof.propose.llm.endpoints import Model
from selfproof.propose.llm.prices import PICO, Price
from selfproof.propose.llm.stream import Answer, Assembly, Fault, plain, told, usage_of
from selfproof.propose.llm.wire import Ask

LONGEST_WAIT_S = 60.0
_CONNECT_S = 10.0
_LARGEST_ERROR = 64 * 1024
_LOST = (429, 500, 503, 529)  # nothing was written, so nothing is charged; behind other 5xx a reply may have been
Wrote = Callable[[int], None]
"""Takes an estimate of the tokens written so far."""


def body_of(model: Model, ask: Ask, price: Price | None, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The request's JSON; ``without`` are fields that the server turned out not to know."""
    limit = model.limit
    if limit in without:
        limit = "max_tokens" if limit == "max_completion_tokens" else "max_completion_tokens"
    body: dict[str, Any] = {
        "model": model.model,
        "messages": [{"role": "system", "content": ask.system}, {"role": "user", "content": ask.user}],
        "stream": True,
        limit: ask.reply_tokens,
    }
    if model.usage:
        body["stream_options"] = {"include_usage": True}
    if model.temperature is not None:
        body["temperature"] = model.temperature
    if model.effort:
        body["reasoning_effort"] = model.effort
    if price is not None and model.name.startswith("openrouter/"):  # a router: it may go no dearer way than the table's
        dearest = {"prompt": price.read * 1e6 / PICO, "completion": price.written * 1e6 / PICO}
        body["provider"] = {"max_price": dearest}
    return {key: value for key, value in body.items() if key not in without or key == limit}


async def over_http(client: Any, model: Model, ask: Ask, key: str, body: Mapping[str, Any], wrote: Wrote) -> Answer:
    """Ask once. ``client`` is an ``httpx.AsyncClient``. Raises Fault."""
    import httpx

    headers = {
        "Accept": "text/event-stream, application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"selfproof/{__version__}",
        **({"Authorization": f"Bearer {key}"} if key else {}),
    }
    timeout = httpx.Timeout(ask.gap_s, connect=min(_CONNECT_S, ask.deadline_s))
    url = f"{model.url}/chat/completions"
    try:
        async with asyncio.timeout(ask.deadline_s):
            async with client.stream("POST", url, json=body, headers=headers, timeout=timeout) as response:
                if response.status_code != 200:
                    raise refusal(response.status_code, response.headers, await _beginning(response))
                if response.headers.get("content-encoding", "identity") not in {"identity", ""}:
                    raise Fault("the reply is compressed although that was not asked for")
                return await _read(response, wrote)
    except TimeoutError:
        raise Fault(f"no complete reply within {ask.deadline_s:g} s") from None
    except (httpx.ConnectError, httpx.ConnectTimeout):
        hint = " (is the server running?)" if model.local else ""
        raise Fault(f"{model.url} cannot be reached{hint}", again=True, cost="free") from None
    except httpx.TimeoutException:
        raise Fault(f"nothing came for {ask.gap_s:g} s", again=True) from None
    except httpx.UnsupportedProtocol:
        raise Fault(f"{model.url} is no address", fatal=True, cost="free") from None
    except httpx.HTTPError as error:
        raise Fault(f"the connection broke: {type(error).__name__}", again=True) from None


async def _read(response: Any, wrote: Wrote) -> Answer:
    assembly = Assembly()
    async for data in response.aiter_raw():
        if assembly.feed(data):
            break
        wrote(assembly.tokens)
    return assembly.finished()


async def _beginning(response: Any) -> bytes:
    """The start of an error's body; a server that drips it is cut off by the deadline."""
    body = bytearray()
    async for data in response.aiter_raw():
        body += data
        if len(body) > _LARGEST_ERROR:
            break
    return bytes(body[:_LARGEST_ERROR])


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """What an HTTP status other than 200 means."""
    try:
        said = told(json.loads(body))
    except (ValueError, RecursionError):
        said = plain(body[:400].decode("utf-8", "replace"))
    line = f"{status}: {said}" if said else f"status {status}"
    low = said.lower()
    if status in {401, 403}:
        return Fault(f"the key was refused ({line})", fatal=True, cost="free")
    if status == 402 or "insufficient_quota" in low or "insufficient quota" in low or "billing" in low:
        return Fault(f"the vendor's account has no money left ({line})", fatal=True, cost="free")
    if status == 404:
        return Fault(f"there is no such model there ({line})", fatal=True, cost="free")
    if 300 <= status < 400:
        return Fault(f"the server redirects elsewhere ({status}), which is not followed", fatal=True, cost="free")
    if status == 413 or (status in {400, 422} and _too_long(low)):
        return Fault(f"the prompt is too long for it ({line})", cost="free", kind="too long")
    if status in {400, 422}:
        return Fault(f"the request was refused ({line})", cost="free", kind="refused")
    if status in {408, 409, 425, 429} or status >= 500:
        words = "too many requests" if status == 429 else "the server failed" if status >= 500 else "try again"
        free = status < 500 or status in _LOST
        wait = retry_after(headers.get("retry-after", ""))
        return Fault(f"{words} ({line})", again=True, cost="free" if free else "bound", wait_s=wait)
    return Fault(f"unexpected answer ({line})", cost="free" if 400 <= status < 500 else "bound")


def _too_long(said: str) -> bool:
    words = ("context length", "context_length", "context window", "maximum context", "too long", "too large")
    return any(word in said for word in words)


def unknown_field(fault: Fault, body: Mapping[str, Any]) -> str | None:
    """The optional field that a refused request was refused for, if it says so: it can be asked again without."""
    if fault.kind != "refused":
        return None
    optional = ("stream_options", "max_completion_tokens", "max_tokens", "temperature", "reasoning_effort", "provider")
    return next((name for name in optional if name in body and name in str(fault)), None)


def retry_after(value: str) -> float:
    """Seconds that a Retry-After header asks for, 0 for none or nonsense, at most LONGEST_WAIT_S."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, IndexError, OverflowError):
            return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT_S) if math.isfinite(seconds) else LONGEST_WAIT_S


async def by_library(model: Model, ask: Ask, key: str, wrote: Wrote) -> Answer:
    """Ask once through any-llm. Raises Fault; the library's own errors are told apart by their names alone."""
    messages = [{"role": "system", "content": ask.system}, {"role": "user", "content": ask.user}]
    options: dict[str, Any] = {"temperature": model.temperature} if model.temperature is not None else {}
    if model.effort:
        options["reasoning_effort"] = model.effort
    assembly = Assembly()
    usage: tuple[int, int] | None = None
    try:
        async with asyncio.timeout(ask.deadline_s):
            chunks = await _library_for(model, key).acompletion(
                model=model.model, messages=messages, stream=True, max_tokens=ask.reply_tokens, **options
            )
            async for chunk in chunks:
                event = chunk.model_dump(mode="json")
                usage = usage_of(event.get("usage")) or usage
                if event.get("choices"):
                    assembly.feed(b"data: " + json.dumps(event).encode() + b"\n")
                    wrote(assembly.tokens)
    except TimeoutError:
        raise Fault(f"no complete reply within {ask.deadline_s:g} s", usage=usage) from None
    except Fault:
        raise
    except Exception as error:  # noqa: BLE001  the library has dozens of vendors' errors: each becomes one line
        raise _of_library(error, usage) from None
    assembly.feed(b"data: [DONE]\n")
    answer = assembly.finished()
    return Answer(answer.text, answer.ended, usage or answer.usage)


def _library_for(model: Model, key: str) -> Any:
    """The library's client, which is to try once only: what it tried by itself would be spent beside the budget.

    Where a vendor's own library has no switch for that, it stays as it is.
    """
    os.environ["AWS_MAX_ATTEMPTS"] = "1"
    create = importlib.import_module("any_llm").AnyLLM.create
    given = {"api_key": key or None, "unified_exceptions": True}
    try:
        return create(model.url, max_retries=0, **given)
    except Exception as error:
        if type(error).__name__ != "UnsupportedParameterError":
            raise
        return create(model.url, **given)


def _of_library(error: Exception, usage: tuple[int, int] | None) -> Fault:
    name, line = type(error).__name__, f"{type(error).__name__}: {error}"
    fatal = name in {
        "AuthenticationError", "MissingApiKeyError", "ModelNotFoundError", "UnsupportedProviderError",
        "InsufficientFundsError", "ImportError", "ModuleNotFoundError",
    }  # fmt: skip
    again = name in {"RateLimitError", "UpstreamProviderError", "GatewayTimeoutError", "ProviderError"}
    kind = "too long" if name == "ContextLengthExceededError" else ""
    free = fatal or bool(kind) or name in {"RateLimitError", "InvalidRequestError"}
    return Fault(line, again=again, fatal=fatal, cost="free" if free else "bound", kind=kind, usage=usage)
