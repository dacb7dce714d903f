"""A run as an OpenTelemetry trace: one span for the run, below it one for each confirmation and each call of a model.

Only numbers and names that a person chose (objectives, models) are in it: no prompt, no reply, no code, no title, no
reason. Needs the extra ``otel``; what is imported here is imported when somebody asked for traces. Nothing is
registered globally, and headers (keys of a collector) come from the usual OTEL_EXPORTER_OTLP_HEADERS.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from selfproof import __version__
from selfproof.monitoring import names
from selfproof.nouns import Event, UsageError
from selfproof.viewing.words import at, finite

TIMEOUT_S = 5
LOGGERS = ("opentelemetry.exporter", "opentelemetry.sdk")
WANTED = {"selfproof.k": "k", "selfproof.alpha_k": "alpha_k", "selfproof.pairs": "pairs", "selfproof.tier": "tier",
          "selfproof.log_wealth": "log_wealth", "selfproof.log_line": "log_threshold",
          "selfproof.control": "control", "selfproof.answer": "answer", "selfproof.objective": "objective"}  # fmt: skip
MOST_OPEN = 100


def exporter(endpoint: str) -> Any:
    """What sends spans to a collector over HTTP.

    Raises:
        UsageError: the extra is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise UsageError("traces need the extra otel: pip install 'selfproof[otel]'") from None
    return OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces", timeout=TIMEOUT_S)


class _Kept(logging.Handler):
    """What the SDK would print on the terminal of the run, kept to be raised where it is told as one line."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        if len(self.said) < MOST_OPEN:
            self.said.append(record.getMessage().splitlines()[0][:200])


class Traces:
    """The sink; ``export`` is an exporter of the SDK, tests use the one in memory."""

    def __init__(self, export: Any) -> None:
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            raise UsageError("traces need the extra otel: pip install 'selfproof[otel]'") from None
        self._kept = _Kept()
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self._kept)
            logging.getLogger(name).propagate = False
        resource = Resource.create({"service.name": "selfproof", "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(export, schedule_delay_millis=2000))
        self._tracer = self._provider.get_tracer("selfproof", __version__, schema_url=names.SCHEMA)
        self._run: Any = None
        self._open: dict[Any, Any] = {}

    def take(self, event: Event) -> None:
        """Begin or end the spans that an event tells of.

        Raises:
            ConnectionError: the collector did not take what was sent before.
        """
        match event["event"]:
            case "start":
                self._begin(event)
            case "confirm" | "verdict":
                self._confirming(event)
            case "decision":
                self._decided(event)
            case "proposer":
                self._called(event)
            case "summary" | "failed":
                self._end(event)
        self._check()

    def close(self) -> None:
        """End what is open, and send the rest."""
        self._end({"event": "failed"})
        self._provider.shutdown()
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(self._kept)
            logging.getLogger(name).propagate = True
        self._check()

    def _check(self) -> None:
        if self._kept.said:
            said, self._kept.said = self._kept.said[0], []
            raise ConnectionError(said)

    def _begin(self, event: Event) -> None:
        told = {names.PREFIX + key: event.get(key) for key in ("program", "version", "tier", "strategy", "seeds")}
        self._run = self._tracer.start_span(names.RUN, attributes=_plain(told))

    def _below(self) -> Any:
        from opentelemetry.trace import set_span_in_context

        return None if self._run is None else set_span_in_context(self._run)

    def _confirming(self, event: Event) -> None:
        key = event.get("id")
        if key not in self._open and len(self._open) < MOST_OPEN:
            self._open[key] = self._tracer.start_span(names.CONFIRMATION, context=self._below())
        if key not in self._open:
            return
        self._open[key].set_attributes(_plain({name: event.get(field) for name, field in WANTED.items()}))
        if event["event"] == "verdict" and (event.get("control") or event.get("answer") == "refused"):
            self._open.pop(key).end()

    def _decided(self, event: Event) -> None:
        span = self._open.pop(event.get("id"), None)
        if span is not None:
            told = {"selfproof.decision": event.get("verdict"), "selfproof.version": event.get("version"),
                    "selfproof.effect": at(event, "effect", "value")}  # fmt: skip
            span.set_attributes(_plain(told))
            span.end()

    def _called(self, event: Event) -> None:
        """A call that is over: its span is made afterwards, with the times that it had."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        call = event.get("call")
        if not isinstance(call, dict):
            return
        name = str(event.get("name", ""))
        model = names.model_of(name)
        told: dict[str, Any] = {"selfproof.objective": event.get("objective"), "selfproof.dollars": call.get("dollars")}
        title = names.PROPOSAL
        if model is not None:
            title = f"{names.CHAT} {model[1]}"
            told |= {names.OPERATION: names.CHAT, names.PROVIDER: model[0], names.REQUEST_MODEL: model[1]}
            told |= {names.INPUT_TOKENS: call.get("tokens_in"), names.OUTPUT_TOKENS: call.get("tokens_out")}
        ended = time.time_ns() - int(1e9 * (finite(call.get("ago")) or 0.0))
        began = ended - int(1e9 * (finite(call.get("seconds")) or 0.0))
        span = self._tracer.start_span(title, context=self._below(), kind=SpanKind.CLIENT, start_time=began)
        span.set_attributes(_plain(told))
        if event.get("status") == "failed":
            span.set_attribute(names.ERROR_TYPE, names.OTHER)
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)

    def _end(self, event: Event) -> None:
        from opentelemetry.trace import Status, StatusCode

        for span in self._open.values():
            span.end()
        self._open.clear()
        if self._run is None:
            return
        told = {names.PREFIX + key: event.get(key)
                for key in ("trials", "certified", "refused", "cpu_seconds", "ended", "version")}  # fmt: skip
        self._run.set_attributes(_plain(told))
        if event["event"] == "failed":
            self._run.set_status(Status(StatusCode.ERROR))
        self._run.end()
        self._run = None


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """What a span takes: short texts, finite numbers, no blanks."""
    found = {key: value[:200] if isinstance(value, str) else value for key, value in told.items()}
    return {key: value for key, value in found.items() if isinstance(value, (str, bool)) or finite(value) is not None}
