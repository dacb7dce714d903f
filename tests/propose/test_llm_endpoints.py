"""Names of models, and what they cost."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.nouns import UsageError
from selfproof.propose.llm import prices
from selfproof.propose.llm.attempt import body_of
from selfproof.propose.llm.endpoints import LOCAL, VENDORS, in_the_clear, parse
from selfproof.propose.llm.wire import Ask

ASK = Ask(1, "m", "s", "u", 500, 1.0, 1.0, 1, 1.0)


@pytest.mark.parametrize("name", VENDORS)
def test_vendors_are_asked_over_https_with_a_key_of_their_own(name: str) -> None:
    model = parse(f"{name}/some/model-1")
    assert model.url.startswith("https://") and model.model == "some/model-1" and not model.local
    assert model.key_needed and model.keys == (f"SELFPROOF_KEY_{name.upper()}", VENDORS[name].key)


def test_no_two_vendors_share_a_key() -> None:
    assert len({vendor.key for vendor in VENDORS.values()}) == len(VENDORS)


def test_local_servers_are_on_this_machine_and_free() -> None:
    table = prices.load(None)
    for name, port in {"ollama": 11434, "vllm": 8000, "llamacpp": 8080, "lmstudio": 1234}.items():
        model = parse(f"{name}/qwen3:8b")
        assert (model.url, model.local, model.key_needed) == (f"http://127.0.0.1:{port}/v1", True, False)
        assert LOCAL[name] == port and table.of(model) == prices.FREE


def test_addresses() -> None:
    here = parse("http://127.0.0.1:8000/v1#org/name")
    assert (here.url, here.model, here.local) == ("http://127.0.0.1:8000/v1", "org/name", True)
    assert here.keys == ("SELFPROOF_KEY_127_0_0_1",)
    for far in (
        "http://10.0.0.7:8000/v1#m",
        "http://localhost.evil.example/v1#m",
        "http://127.0.0.1.evil.example/v1#m",
    ):
        assert not parse(far).local and in_the_clear(parse(far))
        assert prices.load(None).of(parse(far)) is None
    assert not in_the_clear(parse("https://models.example/v1#m"))


def test_options() -> None:
    model = parse("ollama/qwen3:8b?prompt_kb=16&reply_tokens=4000&temperature=0.5&effort=low")
    assert (model.name, model.model) == ("ollama/qwen3:8b", "qwen3:8b")
    assert (model.prompt_bytes, model.reply_tokens, model.temperature, model.effort) == (16_000, 4000, 0.5, "low")


@pytest.mark.parametrize(
    "text",
    [
        "", "gpt-5", "opnai/gpt-5", "openai/", "/x", "http://127.0.0.1:8000/v1", "http://u:p@host/v1#m",
        "http://#m", "http://host:99999/v1#m", "ollama/a b", "any:bedrock", "any:x y/z", "ollama/m?prompt_kb=1",
        "ollama/m?color=red", "ollama/m?temperature=nan", "ollama/m\x1b[2J", "http://[::1/v1#m",
    ],
)  # fmt: skip
def test_what_names_no_model_says_so(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


def test_a_slip_of_the_pen_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        parse("opnai/gpt-5")
    assert "Did you mean openai/gpt-5?" in caught.value.advice()


@given(st.text(max_size=60))
def test_any_text_is_a_model_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse(text).name


def test_the_table_is_dated_and_says_what_a_call_costs() -> None:
    table = prices.load(None)
    assert table.date >= "2026-11-01"
    price = table.of(parse("openai/gpt-5-mini"))
    assert price is not None and price.of(1_000_000, 1_000_000) == int(2.25 * prices.PICO)
    assert table.of(parse("openai/gpt-5-mini-2025-08-07")) == price, "a dated name costs what the model costs"
    assert table.of(parse("openai/gpt-99")) is None
    assert all(price.read >= 0 and price.written > 0 for price in table.rows.values())


def test_long_prompts_cost_what_long_prompts_cost() -> None:
    price = prices.load(None).of(parse("anthropic/claude-haiku-5-5"))
    assert price is not None
    assert price.of(100_000, 10) == 100_000 * 100_000 + 10 * 500_000
    assert price.of(100_001, 10) == 100_001 * 500_000 + 10 * 2_500_000


def test_a_users_rows_come_first(tmp_path: Path) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(
        '[dollars_per_million_tokens]\n"openai/gpt-5-mini" = { input = 1, output = 3 }\n'
        '"http://127.0.0.1:4000/v1#paid" = { input = 0.5, output = 1.5 }\n'
    )
    table = prices.load(own)
    assert table.of(parse("openai/gpt-5-mini")) == prices.Price(1_000_000, 3_000_000)
    assert table.of(parse("http://127.0.0.1:4000/v1#paid")) == prices.Price(500_000, 1_500_000), "a proxy is not free"
    assert table.of(parse("openai/gpt-5-nano")) == prices.load(None).of(parse("openai/gpt-5-nano"))


@pytest.mark.parametrize(
    "row",
    [
        "1.0", "{ input = 1 }", "{ input = -1, output = 1 }", "{ input = nan, output = 1 }",
        "{ input = 1, output = 2, x = 3 }", "{ input = true, output = 1 }",
        "{ input = 1, output = 2, above = 5, input_above = 0.5, output_above = 3 }",
    ],
)  # fmt: skip
def test_a_price_that_is_none_is_an_error(tmp_path: Path, row: str) -> None:
    own = tmp_path / "prices.toml"
    own.write_text(f'[dollars_per_million_tokens]\n"a/b" = {row}\n')
    with pytest.raises(UsageError, match=r"prices\.toml"):
        prices.load(own)
    own.write_text("[dollars]\n")
    with pytest.raises(UsageError):
        prices.load(own)


def test_what_is_sent_bounds_the_reply_in_the_vendors_words() -> None:
    openai = body_of(parse("openai/gpt-5"), ASK, None)
    assert openai["max_completion_tokens"] == 500 and "max_tokens" not in openai and "temperature" not in openai
    mistral = body_of(parse("mistral/codestral-2508"), ASK, None)
    assert mistral["max_tokens"] == 500 and "stream_options" not in mistral
    without = body_of(parse("ollama/m"), ASK, None, frozenset({"stream_options", "max_tokens"}))
    assert without["max_completion_tokens"] == 500, "whatever a server does not know, the bound stays"
    assert "stream_options" not in without
    neither = body_of(parse("ollama/m"), ASK, None, frozenset({"max_tokens", "max_completion_tokens"}))
    assert 500 in neither.values()


def test_a_router_may_go_no_dearer_way_than_the_table() -> None:
    price = prices.load(None).of(parse("openrouter/z-ai/glm-5.3"))
    body = body_of(parse("openrouter/z-ai/glm-5.3"), ASK, price)
    assert body["provider"] == {"max_price": {"prompt": 1.4, "completion": 4.4}}
