"""selfproof from Python: improve a function, or let a living program go on, and get the result as a value.

    import selfproof

    result = selfproof.improve(slow, inputs=[(rows,) for rows in samples], minutes=2)
    print(result)                                   # in a notebook: result

    for event in selfproof.live("living"):          # the same, event by event
        print(event)

The run has a thread of its own, so this works in notebooks, in threads and beside an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from selfproof.improving.events import Ended, Happened, typed
from selfproof.improving.result import Result, result_of
from selfproof.improving.running import Background
from selfproof.improving.subject import Inputs, prepared
from selfproof.nouns import Event, SelfproofError
from selfproof.oversight.stop import Stop
from selfproof.propose.brief import Proposer

__all__ = ["Ended", "Happened", "Inputs", "Result", "improve", "live"]


def improve(  # noqa: PLR0913  all but the first by name
    func_or_charter: object, *, inputs: Inputs | None = None, folder: str | Path | None = None, minutes: float = 2.0,
    seed: int | None = None, models: Sequence[str] = (), proposer: Proposer | Sequence[Proposer] | None = None,
    events: Callable[[Happened], object] | None = None, until_certified: int | None = None,
) -> Result:  # fmt: skip
    """Improve a function's speed with equal answers, or whatever a living program's charter says.

    ``func_or_charter`` is a function that is written in Python, or the folder (or charter.toml) of a living program. A
    function becomes one in ``folder`` ("living/NAME" without it); the function itself and its file stay as they are,
    and a second call goes on where the first ended. ``inputs`` are argument lists, or a callable that makes them:
    without, calls are recorded while the project's tests run, or made from the type hints. ``minutes`` of wall clock;
    ``seed`` makes decisions on quality repeatable. ``models`` and ``proposer`` suggest edits beside the built-in
    operators and what the charter names; what they may spend is in the charter. ``events`` is called with each event.
    ``until_certified`` ends the run early, once it certified that many changes.

    Ctrl-C ends the run in order, and the result so far is returned.

    Raises:
        SelfproofError: with what is wrong and, by ``advice()``, what to do.
    """
    run = _begun(func_or_charter, inputs, folder, minutes, seed, models, proposer, until_certified)
    home, summary = Path(), None
    try:
        while summary is None:
            try:
                event = typed(next(run))
                if events is not None:
                    events(event)
            except KeyboardInterrupt:
                if run.interrupted:
                    raise
                run.interrupt()
                continue
            if event.kind == "start":
                home = Path(event["folder"])
            summary = event.raw if event.kind == "summary" else None
    except StopIteration:
        raise SelfproofError("the run ended without a summary") from None
    finally:
        run.close()
    return result_of(home, summary)


def live(
    func_or_charter: object, *, inputs: Inputs | None = None, folder: str | Path | None = None, minutes: float = 2.0,
    seed: int | None = None, models: Sequence[str] = (), proposer: Proposer | Sequence[Proposer] | None = None,
    until_certified: int | None = None,
) -> Iterator[Happened]:  # fmt: skip
    """The same as `improve`, event by event; the last one is an `Ended`. Leaving the loop ends the run in order.

    Raises:
        SelfproofError: with what is wrong and, by ``advice()``, what to do.
    """
    run = _begun(func_or_charter, inputs, folder, minutes, seed, models, proposer, until_certified)
    try:
        yield from map(typed, run)
    finally:
        run.close()


def _begun(
    what: object, inputs: Inputs | None, folder: str | Path | None, minutes: float, seed: int | None,
    models: Sequence[str], proposer: Proposer | Sequence[Proposer] | None, certified: int | None,
) -> Background:  # fmt: skip
    """A run in its thread."""
    from selfproof import session
    from selfproof.proposers import Asked

    more = () if proposer is None else tuple(proposer) if isinstance(proposer, Sequence) else (proposer,)
    asked = Asked(models=tuple(models), more=more, keep_keys=True)

    def start(hold: Callable[[Stop], None], tell: Callable[[Event], None]) -> Iterator[Event]:
        home = prepared(what, inputs, None if folder is None else Path(folder), seed, tell)
        yield from session.run(home, minutes, seed, asked, certified=certified, on_stop=hold)

    return Background(start)
