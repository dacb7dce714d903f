"""A life as numbers for Prometheus: from its ledger, and from the live feed while a run goes on.

    metrics(view)    the text; `selfproof metrics` prints it, the dashboard answers /metrics with it

What counts up does so over the whole life, from the ledger, so that it never goes back when a run ends. What is of the
run that goes on (``selfproof_run_...``) is there only while one does.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from selfproof import __version__
from selfproof.archive.state import EXPECTED, State
from selfproof.holding import lasting
from selfproof.monitoring.exposition import CONTENT_TYPE, Family, text_of
from selfproof.monitoring.feed import Follower
from selfproof.nouns import Event, SelfproofError
from selfproof.oversight.budgets import ceilings
from selfproof.viewing.seen import View
from selfproof.viewing.words import at, finite

__all__ = ["CONTENT_TYPE", "metrics"]


def metrics(view: View) -> str:
    """Everything there is to measure of a life, as text; ``CONTENT_TYPE`` is its type."""
    follower = Follower(view.paths)
    events = {event["event"]: event for event in follower.read()}
    follower.close()
    going = bool(follower.running)
    moving = events if going else {}
    families = _standing(view, going) + _decided(view.state) + _watched(view.state) + _budgets(view, moving)
    return text_of(families + (_run(view, events) if going else []))


def _one(name: str, kind: str, told: str, value: object, **labels: str) -> Family:
    family = Family(f"selfproof_{name}", kind, told)
    family.add(value, **labels)
    return family


def _standing(view: View, going: bool) -> list[Family]:
    state, paths = view.state, view.paths
    stopped = state.overseen.halted is not None or paths.stop.exists()
    try:
        written: float | None = (paths.ledger / "log").stat().st_mtime
    except OSError:
        written = None
    return [
        _one("info", "gauge", "The program and the selfproof that reads it; always 1.", 1,
             program=str(state.genesis.get("program", "")), selfproof=__version__),
        _one("running", "gauge", "1 while a run is going on.", going),
        _one("halted", "gauge", "1 while a person or a tripwire keeps the program stopped.", stopped),
        _one("paused", "gauge", "1 while a run is paused.", state.overseen.paused is not None),
        _one("version", "gauge", "Number of the version that runs as the program.", state.current),
        _one("ledger_entries_total", "counter", "Entries in the ledger.", state.entries),
        _one("last_entry_timestamp_seconds", "gauge", "When the ledger's file was last written to.", written),
        _one("waiting_approvals", "gauge", "Certified changes that wait for people to sign.", len(state.waiting)),
    ]  # fmt: skip


def _decided(state: State) -> list[Family]:
    confirmations = Family("selfproof_confirmations_total", "counter",
                           "Confirmations with a verdict, by objective and answer; without controls.")  # fmt: skip
    adoptions = Family("selfproof_adoptions_total", "counter", "Changes that were adopted, by objective.")
    batches = Family("selfproof_race_batches_total", "counter", "Batches of candidates that were raced, by stream.")
    turned = Family("selfproof_screened_edits_total", "counter", "Edits that the screen turned away, by rule.")
    controls = Family("selfproof_control_as_expected", "gauge",
                      "Whether the newest control of that name came out as it must: 1 or 0.")  # fmt: skip
    judged = [c for c in state.confirmations.values() if not c.counter.startswith("control-")]
    answers = Counter((c.body["objective"], c.verdict["answer"]) for c in judged if c.verdict is not None)
    for (objective, answer), many in sorted(answers.items()):
        confirmations.add(many, objective=objective, answer=answer)
    for objective, many in sorted(Counter(v.objective for v in state.versions[1:]).items()):
        adoptions.add(many, objective=objective)
    for stream, many in sorted(state.batches.items()):
        batches.add(many, stream=stream)
    rules: Counter[str] = Counter()
    for _, _, found in state.overseen.screened:
        rules.update(found)
    for rule, many in sorted(rules.items()):
        turned.add(many, rule=rule)
    for name, body in sorted(state.controls.items()):
        if EXPECTED.get(name) is not None:
            controls.add(body["answer"] == EXPECTED[name], control=name)
    opened = sum(c.decision is None for c in state.confirmations.values())
    cpu = sum(c.cpu_seconds for c in state.confirmations.values())
    return [
        confirmations, adoptions, batches, turned, controls,
        _one("open_confirmations", "gauge", "Confirmations that are not decided.", opened),
        _one("rollbacks_total", "counter", "Adoptions that were taken back, by a person or by the canary.",
             len(state.rollbacks)),
        _one("trials_total", "counter", "Trials that the ledger tells of.", state.trials),
        _one("confirmation_cpu_seconds_total", "counter",
             "CPU of the trials of all confirmations, guards and canaries.", cpu),
    ]  # fmt: skip


def _watched(state: State) -> list[Family]:
    """What oversight has noticed."""
    overseen = state.overseen
    findings = Family("selfproof_tripwire_findings_total", "counter", "Findings of tripwires, by name and answer.")
    for (name, answer), many in sorted(Counter((str(f["name"]), str(f["answer"])) for f in overseen.findings).items()):
        findings.add(many, tripwire=name, answer=answer)
    opened = sum(one.closed is None for one in overseen.incidents.values())
    return [
        findings,
        _one("incidents_total", "counter", "Incidents on record.", len(overseen.incidents)),
        _one("incidents_open", "gauge", "Incidents that nobody has closed.", opened),
    ]


def _budgets(view: View, events: dict[str, Event]) -> list[Family]:
    state, budget = view.state, view.charter.budget
    used: dict[str, float] = {}
    try:
        used |= lasting(view.paths, state)
    except (SelfproofError, OSError):  # damaged or not ours to read: then it is not known, and not told
        used |= {}
    if (cpu := finite(at(events.get("beat"), "cpu_seconds"))) is not None:
        used["cpu_hours"] = cpu / 3600
    share = Family("selfproof_budget_used_ratio", "gauge", "Part of each of the charter's ceilings that is used.")
    for one in ceilings(budget, used):
        share.add(one.share, ceiling=one.name)
    return [
        share,
        _one("alpha_spent", "gauge", "Error budget that all confirmations so far have used up.", state.spent()),
        _one("alpha_limit", "gauge", "Error budget of the whole life.", state.charter.get("alpha")),
        # A call under way counts with the most it may cost: these may fall.
        _one("model_tokens", "gauge", "Tokens that models read and wrote over the life, or may still.",
             used.get("tokens")),
        _one("model_dollars", "gauge", "What models have cost over the life, or may still, in US dollars.",
             used.get("dollars")),
        _one("disk_bytes", "gauge", "What the program's private folder takes on disk.",
             used["disk_mb"] * 1e6 if "disk_mb" in used else None),
        _one("budget_dollars", "gauge", "Most that models may cost over the life; 0: only free ones.", budget.dollars),
        _one("budget_tokens", "gauge", "Most tokens over the life; 0: no ceiling.", budget.tokens),
        _one("budget_run_cpu_seconds", "gauge", "Most CPU of jailed trials in one run.", budget.cpu_hours * 3600),
        _one("adoptions_last_day", "gauge", "Adoptions within the last 24 hours.", used.get("adoptions_per_day")),
        _one("budget_adoptions_per_day", "gauge", "Most adoptions in 24 hours.", budget.adoptions_per_day),
    ]  # fmt: skip


def _run(view: View, events: dict[str, Event]) -> list[Family]:
    beat: dict[str, Any] = events.get("beat", {})
    workers = beat.get("workers") or {}
    confirm: dict[str, Any] = events.get("confirm", {})
    found = [
        _one("run_left_seconds", "gauge", "Wall clock that is left to the run.", beat.get("left")),
        _one("run_trials", "gauge", "Trials of the run.", beat.get("trials")),
        _one("run_cpu_seconds", "gauge", "CPU of the run's jailed trials.", beat.get("cpu_seconds")),
        _one("run_workers", "gauge", "Workers of the run.", workers.get("total")),
        _one("run_workers_busy", "gauge", "Workers that had a trial when it was last told.", workers.get("busy")),
    ]
    if confirm.get("answer") != "undecided" or confirm.get("id") not in view.state.confirmations:
        return found
    labels = {"objective": str(confirm.get("objective")), "confirmation": str(confirm.get("id"))}
    moving = {
        "pairs": ("pairs", "Fresh pairs of the open confirmation."),
        "log_wealth": ("log_wealth", "Natural logarithm of its wealth."),
        "log_line": ("log_threshold", "Natural logarithm of the line that its wealth must reach."),
    }
    return found + [_one(f"open_confirmation_{name}", "gauge", told, confirm.get(field), **labels)
                    for name, (field, told) in moving.items()]  # fmt: skip
