"""What the program is, and what may change: the charter in force, as a pre-determined change plan."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from selfproof.reports.facts import Facts
from selfproof.reports.form import ITEMS, Column, Section, item

PLANNED = ("program", "autonomy", "certify", "budget", "sandbox", "proposers", "search", "ledger")
UNTOLD = frozenset({"guidance", "prompt"})


def what(facts: Facts) -> Section:
    """The program and its log."""
    state, signed = facts.state, facts.shared.signed
    genesis, now = state.genesis, state.now
    first, last = facts.named[0][1], facts.as_of
    rows = [
        item("program", genesis["program"], 0),
        item("log", signed.origin),
        item("entries, and their root", f"{signed.size}, {signed.root.hex()}"),
        item("first and last entry", f"{first} to {last}", 0, max(facts.named)),
        item("charter in force (SHA-256)", state.charter["charter"], _charter_entry(facts)),
        item("version that runs now", f"{now.number}, tree {now.tree}", now.leaf),
        item("files of that version", sorted(now.files), now.leaf),
        item("versions adopted over its life", len(state.versions) - 1, *[v.leaf for v in state.versions[1:]]),
        item("tasks that judge it (SHA-256)", dict(state.charter["tasks"]), _charter_entry(facts)),
    ]
    words = (
        "A program that changes its own code. Each change below was certified by a test at a level that was fixed "
        "before, or refused; every statement is from the entries that stand beside it.",
    )
    return Section("what", "What this is", words, ITEMS, rows)


def _charter_entry(facts: Facts) -> int:
    changed = facts.of("charter")
    return changed[-1].index if changed else 0


def may_change(facts: Facts) -> Section:
    """The charter's rules, field by field: those that differ from the default, and all that limit or ask somebody."""
    rows = []
    for name in PLANNED:
        section = getattr(facts.charter, name, None)
        if section is None or not is_dataclass(section):
            continue
        for one in fields(section):
            value = getattr(section, one.name)
            if one.name not in UNTOLD and value not in ("", (), None):
                rows.append(item(f"[{name}] {one.name}", _plain(value), _charter_entry(facts)))
    rows += [item(f"[{name}]", _plain(getattr(facts.charter, name)), _charter_entry(facts)) for name in _later(facts)]
    approvers = facts.state.charter.get("approvers")
    rows.append(item("list of approvers (SHA-256)", approvers["$blob"] if approvers else "nobody is named"))
    words = (
        "The charter in force says what may change, how it is tested, who must agree and how much may be spent. It was "
        "written by a person before the changes were made, and the program cannot alter it: it is the pre-determined "
        "change plan (EU AI Act Art. 43(4) and Annex IV 2(f); a predetermined change control plan in the FDA's words). "
        "What it does not allow is refused before it is tested.",
    )
    return Section("may-change", "What may change, and who must agree", words, ITEMS, rows)


def _later(facts: Facts) -> list[str]:
    """Sections of a charter that are not named above: they are shown whole."""
    known = {*PLANNED, "objectives", "guards", "digest", "text", "experience"}
    return [one.name for one in fields(facts.charter) if one.name not in known and getattr(facts.charter, one.name)]


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple | list | frozenset | set):
        return [_plain(one) for one in value]
    return value


def objectives(facts: Facts) -> Section:
    """What better means."""
    columns = (
        Column("name", "Name"), Column("kind", "Kind"), Column("metric", "Metric"), Column("better", "Better is"),
        Column("entry", "What is run", "foreign"), Column("files", "Files", "foreigns"),
        Column("least", "Least gain", "number"), Column("margin", "Margin of loss", "number"),
        Column("share", "Share of alpha", "number"), Column("tests", "Tests begun", "number"),
    )  # fmt: skip
    state, source = facts.state, _charter_entry(facts)
    rows = [
        {"name": one.name, "kind": one.kind, "metric": one.metric, "better": one.better, "entry": one.entry,
         "files": list(one.files), "least": one.min_gain, "margin": one.margin if one.kind == "quality" else None,
         "share": state.weights.get(one.name), "tests": state.counters.get(one.name, 0), "entries": [source]}
        for one in facts.charter.objectives
    ]  # fmt: skip
    rows += [
        {"name": one.name, "kind": f"guard of {one.objective}", "metric": None, "better": None, "entry": one.task,
         "files": [], "least": None, "margin": one.margin, "share": None,
         "tests": state.counters.get(f"guard-{one.name}", 0), "entries": [source]}
        for one in facts.charter.guards
    ]  # fmt: skip
    words = ("Objectives should get better; a guard is a veto, not a weight: what loses more than its margin against "
             "the anchor or the best version so far is refused, whatever it gains elsewhere.",)  # fmt: skip
    return Section("objectives", "What better means, and what must not get worse", words, columns, rows)
