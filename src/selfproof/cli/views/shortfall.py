"""What a run did not achieve, in words, from its summary alone. Pure; an interval that touches "no difference" is
a shortfall, never a success.
"""

from __future__ import annotations

from pathlib import Path

from selfproof.cli.common import invocation
from selfproof.nouns import Event
from selfproof.viewing.story import CONTROLS
from selfproof.viewing.words import at, bounds, clean, count, finite, items, mapping

ENDS = {
    "time": "the time was used up",
    "enough": "as many changes were certified as were asked for",
    "interrupted": "it was interrupted; everything is saved",
    "stop file": "a person stopped it; `selfproof resume` allows it to go on",
    "ceiling cpu_hours": "the charter's CPU for one run was used up",
    "ceiling disk_mb": "the charter's room on disk was used up",
    "drained": "a person had it finish what was open and end",
    "its watcher ended": "its stop watcher ended, and without one nothing runs; the next run starts another",
}


def ended(summary: Event) -> str:
    """How the run ended."""
    reason = clean(summary.get("ended", "?"), 80)
    return ENDS.get(reason, reason)


def shortfalls(summary: Event) -> list[str]:
    """Everything that a reader might hope for and this run does not show."""
    found = [] if summary.get("objectives") else ["the closing table was not measured"]
    for row in items(summary, "objectives"):
        name = clean(at(row, "name") or "?", 24)
        told = _speed(row) if at(row, "ratio") else _quality(row)
        found += [f"{name}: {sentence}" for sentence in told]
    controls = mapping(summary, "controls")
    missing = [CONTROLS[name] for name in CONTROLS if controls.get(name, "not_run") in (None, "not_run")]
    timed = [bool(at(row, "ratio")) for row in items(summary, "objectives")]
    if missing and not (timed and all(timed)):  # timed objectives have placebos and small planted gains instead
        found.append(f"control not run: {', '.join(missing)}")
    if still := summary.get("open"):
        found.append(f"{count(still, 'confirmation')} still open: the next run goes on with it")
    if not summary.get("certified"):
        found.append("no change was certified")
    if not at(summary, "ledger", "verified"):
        found.append("the ledger was not verified")
    return found


def _quality(row: Event) -> list[str]:
    found = []
    gain = bounds(row, "gain", "interval")
    if gain is None or gain[0] <= 0:
        if at(row, "evaluations") == 0:
            return ["not searched: the time went to other objectives"]
        found.append("no gain over the start is shown")
    found += _against_people(row)
    if at(row, "constants_only") is None:
        found.append("the constants-only control was not run")
    elif (ahead := bounds(row, "constants_only", "now_is_better_by", "interval")) is None or ahead[0] <= 0:
        found.append("not shown to be better than changing constants only")
    tried, wanted = at(row, "constants_only", "evaluations"), at(row, "evaluations")
    if tried is not None and wanted is not None and tried < wanted:
        found.append(f"the constants-only control had time for {tried:,} of {wanted:,} candidates")
    found += _elsewhere(row)
    return found


def _against_people(row: Event) -> list[str]:
    best = at(row, "best_human")
    if not best:
        return ["not compared with any human rule"]
    rule, ratio = clean(at(best, "name") or "?", 48), bounds(best, "ratio_interval")
    if ratio is None:
        return [f"no interval for the comparison with the best human rule ({rule})"]
    low, high = ratio
    behind, ahead = (high < 1, low > 1) if at(row, "better") == "higher" else (low > 1, high < 1)
    if behind:
        times = finite(at(best, "ratio")) or (low + high) / 2
        return [f"still worse than the best human rule ({rule}): {times:.2f} times its {clean(at(row, 'metric'), 24)}"]
    return [] if ahead else [f"no difference from the best human rule ({rule}) is shown"]


def _elsewhere(row: Event) -> list[str]:
    """Whether the gain carries over, judged by the lower ends of the intervals."""
    others = items(row, "transfer")
    if not others:
        return ["no other corpus was tried"]
    gains = [bounds(other, "gain", "interval") for other in others]
    half = 0.5 * (finite(at(row, "gain", "value")) or 0.0)
    if any(gain is None or gain[0] <= 0 for gain in gains):
        return ["a gain is not shown on every other corpus"]
    if any(gain is not None and gain[0] < half for gain in gains):
        return ["the gain does not carry over by at least half to every other corpus"]
    return []


def _speed(row: Event) -> list[str]:
    found = []
    functions = items(row, "functions")
    if not functions:
        found.append("no function was certified faster")
    for function in functions:
        if (ratio := bounds(function, "interval")) is None or ratio[0] <= 1:
            found.append(f"{clean(at(function, 'function') or '?', 60)}: not shown to be faster on fresh inputs")
    whole = bounds(row, "ratio", "interval")
    if whole is None or (whole[0] <= 1 <= whole[1]):
        found.append("no difference in the time of the whole workload is shown (the interval includes 1)")
    elif whole[1] < 1:
        found.append("the whole workload is slower than at the start")
    return found


def next_commands(summary: Event) -> list[tuple[str, str]]:
    """Three commands to try, each with what it is for; they name the folder unless one is in it."""
    folder = Path(str(summary.get("folder") or "."))
    if summary.get("waiting"):
        return [
            (invocation("review", folder), "what is certified and waits for approval"),
            (invocation("log", folder), "every change that was certified or refused"),
            (invocation("verify", folder), "recompute every decision from the ledger"),
        ]
    if summary.get("form"):
        more = (invocation("export --apply", folder), "put the change into your own files")
        if summary.get("autonomy") == "propose":
            more = (
                invocation("export -o better.patch", folder),
                "the change as a patch, with its certificate, to review",
            )
        if not summary.get("version"):
            more = (invocation("run --model NAME", folder), "ask a model for ideas too; --agent for a coding agent")
        return [
            (invocation("log", folder), "every change that was certified or refused"),
            more,
            (invocation("verify", folder), "recompute every decision from the ledger"),
        ]
    return [
        (invocation("log", folder), "every change that was certified or refused"),
        (invocation("compare start now --on FILE", folder), "the two versions on a text of your own"),
        (invocation("verify", folder), "recompute every decision from the ledger"),
    ]
