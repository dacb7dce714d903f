"""Traces, by the real SDK and over the wire: the pinned names, and nothing that a program or a model wrote."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from receivers import hanging, serving

from selfproof.monitoring import names
from selfproof.monitoring.listening import Listener
from selfproof.monitoring.sinks import traces_to

memory = pytest.importorskip(
    "opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="pip install 'selfproof[otel]'"
)
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as standard  # noqa: E402

from selfproof.monitoring.traces import Traces  # noqa: E402

SECRET = "def solve(x): return 'prompt'"
EVENTS: list[dict[str, Any]] = [
    {"event": "start", "program": "abc", "version": 2, "tier": "jail", "strategy": "default", "seeds": "random"},
    {"event": "observe", "objective": "memory", "focus": SECRET},
    {"event": "proposer", "name": "google/gemini-x", "objective": "memory", "status": "suggested", "title": SECRET,
     "call": {"seconds": 2.0, "ago": 1.0, "tokens_in": 100, "tokens_out": 20, "dollars": 0.25}},
    {"event": "proposer", "name": "claude -p {prompt}", "objective": "memory", "status": "failed", "reason": SECRET,
     "call": {"seconds": 1.0, "ago": 0.0, "tokens_in": 0, "tokens_out": 0, "dollars": 0.0}},
    {"event": "proposer", "name": "openai/x", "status": "working", "note": SECRET},
    {"event": "confirm", "id": 7, "objective": "memory", "title": SECRET, "k": 1, "alpha_k": 0.01, "pairs": 0,
     "log_wealth": 0.0, "log_threshold": 4.6, "answer": "undecided", "tier": "jail", "control": False},
    {"event": "confirm", "id": 7, "objective": "memory", "title": SECRET, "k": 1, "alpha_k": 0.01, "pairs": 30,
     "log_wealth": 5.0, "log_threshold": 4.6, "answer": "certified", "tier": "jail", "control": False},
    {"event": "verdict", "id": 7, "objective": "memory", "answer": "certified", "reason": SECRET, "pairs": 30,
     "title": SECRET, "control": False},
    {"event": "decision", "id": 7, "verdict": "adopted", "version": 3, "title": SECRET, "effect": {"value": 0.5}},
    {"event": "confirm", "id": 9, "objective": "memory", "title": SECRET, "pairs": 3, "answer": "undecided",
     "log_wealth": float("-inf"), "control": True},
    {"event": "summary", "trials": 99, "certified": 1, "refused": 0, "ended": "time", "version": 3},
]  # fmt: skip


def test_a_run_is_one_trace_with_names_of_the_conventions_and_no_content() -> None:
    export = memory.InMemorySpanExporter()
    traces = Traces(export)
    for event in EVENTS:
        traces.take(event)
    traces.close()
    spans = {span.name: span for span in export.get_finished_spans()}
    assert len(export.get_finished_spans()) == 5
    run, call = spans["selfproof.run"], spans["chat gemini-x"]
    assert all(span.context.trace_id == run.context.trace_id for span in spans.values())
    assert all(span.parent.span_id == run.context.span_id for name, span in spans.items() if name != "selfproof.run")
    assert dict(call.attributes) == {
        standard.GEN_AI_OPERATION_NAME: standard.GenAiOperationNameValues.CHAT.value,
        standard.GEN_AI_PROVIDER_NAME: standard.GenAiProviderNameValues.GCP_GEMINI.value,
        standard.GEN_AI_REQUEST_MODEL: "gemini-x",
        standard.GEN_AI_USAGE_INPUT_TOKENS: 100, standard.GEN_AI_USAGE_OUTPUT_TOKENS: 20,
        "selfproof.objective": "memory", "selfproof.dollars": 0.25,
    }  # fmt: skip
    assert call.kind.name == "CLIENT" and call.end_time - call.start_time == 2_000_000_000
    assert 0.9e9 < time.time_ns() - call.end_time < 60e9
    agent = spans["selfproof.proposal"]
    assert agent.status.status_code.name == "ERROR" and agent.attributes["error.type"] == "_OTHER"
    assert not any(name.startswith("gen_ai") for name in agent.attributes)
    confirmations = [span for span in export.get_finished_spans() if span.name == "selfproof.confirmation"]
    adopted = next(span for span in confirmations if span.attributes.get("selfproof.decision") == "adopted")
    assert adopted.attributes["selfproof.pairs"] == 30 and adopted.attributes["selfproof.effect"] == 0.5
    assert run.attributes["selfproof.trials"] == 99 and run.attributes["selfproof.ended"] == "time"
    assert run.resource.attributes["service.name"] == "selfproof"
    assert run.instrumentation_scope.schema_url == f"https://opentelemetry.io/schemas/{names.SEMCONV}"
    everything = "".join(span.to_json() for span in export.get_finished_spans())
    assert "prompt" not in everything and "solve" not in everything


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("openai/gpt-5-mini", ("openai", "gpt-5-mini")), ("ollama/qwen3:8b?effort=low", ("ollama", "qwen3:8b")),
        ("openrouter/a/b", ("openrouter", "a/b")), ("xai/grok", ("x_ai", "grok")),
        ("http://user.example:8000/v1#name", ("user.example", "name")), ("any:bedrock/nova", ("bedrock", "nova")),
        ("hf:/models/secret/tiny", ("selfproof.local", "tiny")), ("cassette:openai/x", ("openai", "x")),
        ("claude", None), ("claude -p {prompt} a/b", None), ("my proposer", None), ("http://x/y", None),
    ],
)  # fmt: skip
def test_a_model_is_told_from_its_name(name: str, found: tuple[str, str] | None) -> None:
    assert names.model_of(name) == found


def test_a_collector_gets_it_over_the_wire() -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    with serving(lambda number: (200, {"Content-Type": "application/x-protobuf"})) as server:
        listener = traces_to(server.url + "/")
        for event in EVENTS:
            listener.put(event)
        listener.close(time.monotonic() + 30)
        assert not listener.problems()
    import gzip

    found = []
    for got in server.got:
        assert got.path == "/v1/traces"
        body = gzip.decompress(got.body) if got.headers.get("content-encoding") == "gzip" else got.body
        request = ExportTraceServiceRequest.FromString(body)
        found += [span.name for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]
    assert sorted(found) == ["chat gemini-x", "selfproof.confirmation", "selfproof.confirmation", "selfproof.proposal",
                             "selfproof.run"]  # fmt: skip


def test_a_collector_that_is_not_there_or_hangs_costs_a_line(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as gone:
        url = gone.url
    listener = traces_to(url)
    for event in EVENTS:
        listener.put(event)
    listener.close(time.monotonic() + 60)
    told = listener.problems()
    assert told and told[0]["sink"] == "otlp" and len(told) <= 5
    assert not caplog.records  # the SDK says nothing on the run's terminal
    assert logging.getLogger("opentelemetry.sdk").propagate

    with hanging() as place:
        stuck = Listener("otlp", lambda hurry: traces_to_place(place))
        began = time.monotonic()
        for event in EVENTS:
            stuck.put(event)
        stuck.close(time.monotonic() + 0.2)
        assert time.monotonic() - began < 30  # and not as long as the collector likes


def traces_to_place(place: str) -> Traces:
    from selfproof.monitoring.traces import exporter

    return Traces(exporter(place))
