"""What was adopted with which effect, what was refused and why, what the controls said, what is left of the budget."""

from __future__ import annotations

from collections import Counter
from typing import Any

from selfproof.archive.state import EXPECTED, Confirming
from selfproof.reports.facts import Facts
from selfproof.reports.form import Column, Section, effect

STEPS = {
    "gate": "not shown to be better by the gate",
    "check": "failed the last deterministic check",
    "guard": "could have made something worse that is guarded",
    "charter": "the charter does not allow it",
    "class": "of a class that the charter does not allow",
    "policy": "a rule of the charter's denied it",
    "approval": "people did not agree",
    "overtaken": "another change came first",
    "expired": "nobody signed in time",
    "abandoned": "cut off, and not gone on with",
    "control": "a control experiment, never adopted",
}


ADOPTED = (
    Column("version", "Version", "number"),
    Column("time", "When (UTC)", "time"),
    Column("objective", "Objective"),
    Column("title", "Change, in its proposer's words", "foreign"),
    Column("proposer", "Proposed by", "foreign"),
    Column("effect", "Effect, with 95% interval"),
    Column("answer", "Test said"),
    Column("pairs", "Pairs", "number"),
    Column("k", "k", "number"),
    Column("alpha_k", "alpha_k", "number"),
    Column("log_wealth", "ln W", "number"),
    Column("log_threshold", "of ln 1/alpha_k", "number"),
    Column("tier", "Isolation"),
    Column("signed_by", "Approved by", "foreigns"),
    Column("stands", "Stands", "yes"),
)


def _own(facts: Facts) -> list[Confirming]:
    return [one for one in facts.state.confirmations.values() if not one.counter.startswith("control-")]


def _proof(facts: Facts, one: Confirming, *more: str) -> list[int]:
    return sorted({one.leaf, *facts.entries(one.leaf, "verdict", "certificate", *more)})


def adopted(facts: Facts) -> Section:
    """Every adoption with effect and interval."""
    rows = []
    for one in _own(facts):
        if one.version is None:
            continue
        version, verdict = facts.state.versions[one.version], one.verdict or {}
        signed = [letter["by"] for letter in one.approvals if letter["decision"] == "approve"]
        rows.append(
            {
                "version": version.number,
                "time": version.time,
                "objective": version.objective,
                "title": version.title,
                "proposer": f"{one.body.get('proposer', '')} {one.body['operator']}".strip(),
                "effect": effect(version.effect, facts.metric(version.objective)),
                "measured": dict(version.effect),
                "answer": verdict.get("answer"),
                "claim": verdict.get("claim"),
                "pairs": verdict.get("pairs"),
                "k": one.body["k"],
                "alpha_k": float(one.body["alpha_k"]),
                "log_wealth": verdict.get("log_wealth"),
                "log_threshold": verdict.get("log_threshold"),
                "tier": verdict.get("tier"),
                "signed_by": list(dict.fromkeys(signed)),
                "stands": not version.rolled_back,
                "entries": sorted(
                    {*_proof(facts, one, "adopt", "approval"), *facts.entries(version.number, "adopt", "canary")}
                ),
            }
        )
    rows.sort(key=lambda row: row["version"])
    words = (
        "A change is adopted when its evidence on fresh pairs reaches 1/alpha_k, every guard and check passed, and "
        "whoever the charter names has agreed. The effect is measured afterwards, on pairs that no decision has seen.",
    )
    return Section("changes", "Every change that was adopted", words, ADOPTED, rows, "Nothing was adopted yet.")


def behaviour(facts: Facts) -> Section:
    """What the program does differently since, one line for each effect that was measured: a changelog of behaviour."""
    columns = (
        Column("version", "Version", "number"),
        Column("measure", "Measured on"),
        Column("effect", "Against the version before"),
        Column("answer", "So"),
        Column("lost", "Loses less than", "number"),
        Column("against", "Against versions", "list"),
    )
    rows: list[dict[str, Any]] = []
    for version in facts.state.versions[1:]:
        one = next(c for c in facts.state.confirmations.values() if c.version == version.number)
        canary = (one.canary or {}).get("answer", "not watched yet")
        rows.append(
            {
                "version": version.number,
                "measure": version.objective,
                "effect": effect(version.effect, facts.metric(version.objective)),
                "answer": canary if not version.rolled_back else f"{canary}, taken back",
                "lost": None,
                "against": [],
                "entries": facts.entries(version.number, "canary"),
            }
        )
        for guard in one.guards:
            rows.append({"version": version.number, "measure": f"guard {guard['guard']}",
                         "effect": "better" if guard["is_better"] else "not worse",
                         "answer": "passed" if guard["passed"] else "NOT passed", "lost": guard["margin"],
                         "against": sorted(map(int, guard["references"])),
                         "entries": [leaf.index for leaf in facts.of("guard") if leaf.body["confirmation"] == one.leaf
                                     and leaf.body["guard"] == guard["guard"]]})  # fmt: skip
    for back in facts.of("rollback"):
        rows.append({"version": back.body["to"], "measure": "all", "effect": f"as version {back.body['to']} did",
                     "answer": f"versions {', '.join(map(str, back.body['undone']))} taken back", "lost": None,
                     "against": [], "entries": [back.index]})  # fmt: skip
    words = (
        "What is different for whoever uses the program, version by version; the command selfproof diff has the code.",
    )
    return Section("behaviour", "Changelog of behaviour", words, columns, rows, "It behaves as it did at the start.")


def guards(facts: Facts) -> Section:
    """Every test of a guard, passed or not."""
    columns = (
        Column("guard", "Guard"), Column("number", "Test", "number"), Column("confirmation", "Change", "number"),
        Column("passed", "Passed", "yes"), Column("margin", "Margin", "number"), Column("level", "Level", "number"),
        Column("against", "Against versions", "list"), Column("broken", "Gave no answer because", "foreign"),
    )  # fmt: skip
    rows = [
        {"guard": leaf.body["guard"], "number": leaf.body["number"], "confirmation": leaf.body["confirmation"],
         "passed": leaf.body["passed"], "margin": leaf.body["margin"], "level": leaf.body["level"],
         "against": sorted(map(int, leaf.body["references"])), "broken": leaf.body.get("broken"),
         "entries": [leaf.index]}
        for leaf in facts.of("guard")
    ]  # fmt: skip
    words = ("Each test has a level by its number, .05 over the whole life; one that is cut off counts as failed.",)
    return Section("guards", "Guards", words, columns, rows, "No guard was tested yet.")


def refused_classes(facts: Facts) -> Section:
    """Refusals in classes, and what never came so far."""
    columns = (Column("stage", "At"), Column("why", "Because"), Column("count", "How many", "number"))
    steps: Counter[str] = Counter()
    found: dict[str, list[int]] = {}
    for one in _own(facts):
        if one.decision is not None and one.decision["verdict"] == "refused":
            steps[one.decision["step"]] += 1
            found.setdefault(one.decision["step"], []).extend(facts.entries(one.leaf, "decision"))
    rows = [{"stage": step, "why": STEPS.get(step, step), "count": count, "entries": found[step]}
            for step, count in sorted(steps.items())]  # fmt: skip
    turned: Counter[str] = Counter()
    for _, _, rules in facts.state.overseen.screened:
        turned.update(rules)
    rows += [{"stage": "screen", "why": f"turned away before it was run, by rule {name}", "count": count,
              "entries": [leaf.index for leaf in facts.of("screened") if name in leaf.body["rules"]]}
             for name, count in sorted(turned.items())]  # fmt: skip
    told = {"raced": "kept for further search", "worse": "trailed in the race", "equal": "does nothing new",
            "invalid": "gave no valid answer", "slow": "took too long"}  # fmt: skip
    rows += [{"stage": "race", "why": told.get(name, name), "count": count, "entries": []}
             for name, count in sorted(facts.outcomes.items())]  # fmt: skip
    rows += [{"stage": "proposed", "why": f"for {name}, after the screen", "count": count, "entries": []}
             for name, count in sorted(facts.proposed.items())]  # fmt: skip
    words = ("A proposer is never told why. Races are search and decide nothing; their entries are too many to list: "
             "selfproof ledger export has them.",)  # fmt: skip
    return Section("refused-classes", "Refused, in classes", words, columns, rows, "Nothing was proposed yet.")


def refused(facts: Facts) -> Section:
    """Every refusal of a change that had reached the gate."""
    columns = (
        Column("id", "Change", "number"), Column("objective", "Objective"), Column("step", "At"),
        Column("reason", "Reason on record", "foreign"), Column("title", "Change, in its proposer's words", "foreign"),
        Column("pairs", "Pairs", "number"), Column("alpha_k", "alpha_k spent", "number"),
    )  # fmt: skip
    rows = [
        {"id": one.leaf, "objective": one.body["objective"], "step": one.decision["step"],
         "reason": one.decision["reason"], "title": one.body["title"], "pairs": (one.verdict or {}).get("pairs"),
         "alpha_k": float(one.body["alpha_k"]), "entries": _proof(facts, one, "decision", "guard", "approval")}
        for one in _own(facts)
        if one.decision is not None and one.decision["verdict"] == "refused"
    ]  # fmt: skip
    return Section("refused", "Refused by the gate or after it", (), columns, rows, "Nothing that reached the gate.")


def controls(facts: Facts) -> Section:
    """Real candidates whose answer is known, through the same gate."""
    columns = (
        Column("name", "Control"),
        Column("expected", "Must be"),
        Column("answer", "Was"),
        Column("right", "Right", "yes"),
        Column("why", "Seen", "foreign"),
    )
    rows = []
    for leaf in facts.of("control"):
        body, expected = leaf.body, EXPECTED.get(leaf.body["name"])
        rows.append({"name": body["name"], "expected": expected or "measured, either way", "answer": body["answer"],
                     "right": None if expected is None else body["answer"] == expected, "why": body["why"],
                     "entries": [leaf.index, *facts.entries(body["confirmation"], "verdict")]})  # fmt: skip
    words = ("The gate cannot tell them from other candidates. aa: no change at all. planted_gain: a known gain. "
             "fake_gain: better on most draws, worse on average. One that comes out wrong ends the run.",)  # fmt: skip
    return Section("controls", "Control experiments", words, columns, rows, "None was run yet.")


def budget(facts: Facts) -> Section:
    """The error budget, spent and left."""
    columns = (Column("item", "What"), Column("value", "Is", "number"))
    state = facts.state
    alpha = float(state.charter["alpha"])
    spent, last = state.spent(), [one.leaf for one in _own(facts)][-1:]
    rows: list[dict[str, Any]] = [
        {
            "item": "alpha: the chance, over the whole life, of even one false certificate"
            if state.charter.get("mode", "fwer") == "fwer"
            else "alpha: the expected share of false ones among all adopted",
            "value": alpha,
            "entries": [0],
        },
        {"item": "spent", "value": spent, "entries": last},
        {"item": "left", "value": alpha - spent, "entries": last},
        {"item": "confirmations begun, which is what spends it", "value": len(_own(facts)), "entries": last},
        {
            "item": "tests of guards begun (.05 over the life)",
            "value": facts.kinds["guard-start"],
            "entries": [leaf.index for leaf in facts.of("guard-start")][-1:],
        },
        {
            "item": "adoptions watched afterwards (.01 over the life)",
            "value": facts.kinds["canary"],
            "entries": [leaf.index for leaf in facts.of("canary")][-1:],
        },
    ]
    words = ("k counts every confirmation that was begun, and is never reset: failures cannot be hidden.",)
    return Section("budget", "Error budget", words, columns, rows)
