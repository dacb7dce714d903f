"""Where a run's events go beside the person who watches: the one place that hands them out.

    session.run -> watched -> feed (always), and what the charter's [monitoring] names -> whoever called

A listener cannot change an event, slow the loop (what may take long has a thread and a queue of its own), or end the
run. Each kind of failure costs one "monitoring" event; one that comes after a run's last event is logged, which is a
line on stderr where nobody set up logging. Only at the end of a run it is waited for them, a few seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from functools import partial

from selfproof.charter import Charter
from selfproof.life import Life
from selfproof.monitoring.feed import Feed
from selfproof.monitoring.listening import Listener, Sink
from selfproof.nouns import Event
from selfproof.oversight.stop import Stop
from selfproof.viewing.words import clean

LOG = logging.getLogger("selfproof.monitoring")
BEAT_S = 1.0
LAST_S = 8.0
"""How long a run waits at its end for all who listen."""


def watched(events: Generator[Event, None, None], life: Life, stop: Stop) -> Iterator[Event]:
    """The same events, handed to the feed and to whoever the charter names before they are passed on."""
    feed, over = Feed(life.paths.live), threading.Event()
    pulse = threading.Thread(target=_beat, args=(feed, life, stop, over), name="selfproof-beat", daemon=True)
    handed, told = told_to(events, listeners_of(life.charter)), False
    try:
        for event in handed:
            problem = feed.take(event)
            if event["event"] == "start":
                pulse.start()
            yield event
            if problem is not None and not told:
                told = True
                yield {"event": "monitoring", "sink": "feed", "problem": f"{life.paths.live}: {problem.strerror}"}
    except Exception as error:
        feed.take({"event": "failed", "problem": str(error)})
        raise
    finally:
        handed.close()
        events.close()
        over.set()
        if pulse.is_alive():
            pulse.join()
        feed.close()


def told_to(events: Iterator[Event], listeners: Sequence[Listener]) -> Generator[Event, None, None]:
    """The same events, handed to listeners; between them what went wrong with those, and in the log what did later."""
    try:
        for event in events:
            for listener in listeners:
                listener.put(event)
            if event["event"] == "summary":
                until = time.monotonic() + LAST_S / 2
                for listener in listeners:
                    listener.drain(until)
            for listener in listeners:
                yield from listener.problems()
            yield event
    except Exception as error:
        for listener in listeners:
            listener.put({"event": "failed", "problem": str(error)})
        raise
    finally:
        until = time.monotonic() + LAST_S / 2
        for listener in listeners:
            listener.close(until)
        for late in (problem for listener in listeners for problem in listener.problems()):
            LOG.warning("selfproof: %s, after the end of the run: %s", clean(late["sink"], 40), clean(late["problem"]))


def listeners_of(charter: Charter) -> list[Listener]:
    """Those that a charter names; their libraries are imported only then, each in its own thread."""
    named, found = charter.monitoring, list[Listener]()
    if named.otlp:
        found.append(Listener("otlp", partial(_traces, named.otlp)))
    if named.tracker:
        found.append(Listener("tracker", partial(_tracker, named.tracker)))
    for number, place in enumerate(named.webhooks, 1):
        name = "webhook" if len(named.webhooks) == 1 else f"webhook {number}"
        found.append(Listener(name, partial(_webhook, place, named.on, named.secret)))
    return found


def traces_to(endpoint: str) -> Listener:
    """One that sends traces to an OpenTelemetry collector, for a command that was asked to."""
    return Listener("otlp", partial(_traces, endpoint))


def _traces(endpoint: str, hurry: threading.Event) -> Sink:
    from selfproof.monitoring.traces import Traces, exporter

    del hurry
    return Traces(exporter(endpoint))


def _tracker(module: str, hurry: threading.Event) -> Sink:
    from selfproof.monitoring.tracker import Tracker

    return Tracker(module, hurry)


def _webhook(place: str, on: Sequence[str], secret: str, hurry: threading.Event) -> Sink:
    from selfproof.monitoring.webhook import Webhook, of_environment

    return Webhook(*of_environment(place, secret), on, hurry)


def _beat(feed: Feed, life: Life, stop: Stop, over: threading.Event) -> None:
    """Say once a second, to the feed alone, that the run lives and what it uses: a single trial may take minutes."""
    while not over.wait(BEAT_S):
        feed.take(beat(life, stop))


def beat(life: Life, stop: Stop) -> Event:
    """What moves between two events of the loop."""
    pool = life.pool
    return {
        "event": "beat", "left": round(stop.left, 1), "stopping": stop.reason, "trials": life.trials,
        "cpu_seconds": round(life.cpu_seconds, 2), "entries": life.ledger.size,
        "workers": {"busy": pool.busy if pool is not None else 0, "total": life.charter.sandbox.workers},
    }  # fmt: skip
