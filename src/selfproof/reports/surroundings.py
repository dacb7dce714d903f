"""What a life was made with: spending, isolation, the engine, witnesses; and what nothing here covers."""

from __future__ import annotations

from typing import Any

from selfproof.reports.facts import Facts
from selfproof.reports.form import Column, Section


def spend(facts: Facts) -> Section:
    """Trials, processor time and money, as far as entries say."""
    columns = (
        Column("objective", "Objective"), Column("confirmations", "Confirmations", "number"),
        Column("trials", "Trials", "number"), Column("cpu_seconds", "CPU, s", "number"),
        Column("dollars", "Dollars", "number"),
    )  # fmt: skip
    state, rows = facts.state, list[dict[str, Any]]()
    for name in state.weights:
        own = [c for c in state.confirmations.values() if c.body["objective"] == name]
        if own:
            rows.append({"objective": name, "confirmations": len(own), "trials": sum(c.trials for c in own),
                         "cpu_seconds": float(sum(c.cpu_seconds for c in own)),
                         "dollars": float(sum(c.body.get("dollars", 0.0) for c in own)),
                         "entries": [c.leaf for c in own]})  # fmt: skip
    rows.append({"objective": "all, races included", "confirmations": len(state.confirmations), "trials": state.trials,
                 "cpu_seconds": None, "dollars": None, "entries": []})  # fmt: skip
    words = (
        "What confirming took. Processor time of races is not in the ledger. Dollars are what the suggestions cost "
        "that reached the gate; what all calls of models cost, and their tokens, is in the broker's own journal, "
        "outside the ledger, which enforces the ceilings of [budget].",
    )
    return Section("spend", "What it has spent", words, columns, rows)


def isolation(facts: Facts) -> Section:
    """How strongly trials were isolated, epoch by epoch, who could choose the seeds, who held the key."""
    columns = (
        Column("epoch", "Epoch", "number"),
        Column("time", "From (UTC)", "time"),
        Column("tier", "Tier"),
        Column("layers", "Layers", "list"),
        Column("granted", "Granted to trials", "foreigns"),
        Column("seeds", "Seeds"),
        Column("revealed", "Key revealed", "yes"),
        Column("signer", "The log's key was held by"),
    )
    revealed = {leaf.body["epoch"]: leaf.index for leaf in facts.of("seed-reveal")}
    rows = []
    for leaf in facts.of("seed-commit"):
        body, granted = leaf.body, sorted({line for lines in leaf.body["granted"].values() for line in lines})
        told = revealed.get(body["epoch"])
        rows.append({"epoch": body["epoch"], "time": leaf.time, "tier": body["tier"], "layers": list(body["layers"]),
                     "granted": granted, "seeds": body["seeds"], "revealed": told is not None,
                     "signer": body.get("signer", "same account"),
                     "entries": [leaf.index] + ([told] if told is not None else [])})  # fmt: skip
    words = (
        "Candidates run in a jail. Layers are probed in every worker, not believed. A key that seeds follow from is "
        'committed to before use and revealed later; "operator-chosen" means that the owner could have picked it.',
    )
    return Section("isolation", "Isolation, seeds and signer", words, columns, rows, "It was never run.")


def engines(facts: Facts) -> Section:
    """Which engine and packages each run was made with."""
    columns = (
        Column("time", "From (UTC)", "time"), Column("version", "selfproof"),
        Column("package", "Its files (SHA-256)", "code"), Column("python", "Python"), Column("platform", "Machine"),
        Column("packages", "Packages", "list"),
    )  # fmt: skip
    rows = [{"time": leaf.time, **{key: leaf.body.get(key) for key in ("version", "package", "python", "platform")},
             "packages": [f"{name} {version}" for name, version in sorted(leaf.body.get("packages", {}).items())],
             "entries": [leaf.index]} for leaf in facts.of("engine")]  # fmt: skip
    words = (
        "A run says what it is made with before it begins. It is the engine's own word: compare the hash with that "
        "of a package that you installed yourself.",
    )
    return Section("engines", "The engine", words, columns, rows, "This ledger is older than such entries.")


def witnesses(facts: Facts) -> Section:
    """Who else remembers the log."""
    columns = (Column("name", "Witness", "foreign"), Column("said", "Its part"))
    rows: list[dict[str, Any]] = [
        {"name": line.split()[0], "said": "the charter names it", "entries": []}
        for line in facts.charter.ledger.witnesses
    ]
    note = facts.shared.cosigned.decode("utf-8", "replace").partition("\n\n")[2]
    names = [line.split(" ")[1] for line in note.splitlines() if line.startswith("— ") and len(line.split(" ")) == 3]
    rows += [{"name": name, "said": "a cosignature lies beside the ledger", "entries": []}
             for name in names if name != facts.shared.log.name]  # fmt: skip
    words = ("An owner could sign two histories; a witness that others trust is what speaks against that. Names below "
             "are not checked here: selfproof verify --witness KEY does.",)  # fmt: skip
    return Section("witnesses", "Witnesses", words, columns, rows,
                   "None: only a checkpoint that somebody kept shows that history was not rewritten.")  # fmt: skip


STANDING = (
    "results that were false when they were recorded: selfproof verify --rerun samples them",
    "a second history under the same key, unless a witness or a kept checkpoint speaks against it",
    "whether the tasks measure what users care about",
    "what no task and no guard asks for",
    "how the program is used, by whom, and what happens there: entries end at the program's own tests",
)


def open_points(facts: Facts) -> Section:
    """What is not covered, and what is assumed: from certificates, from the state, and always."""
    columns = (Column("kind", "Kind"), Column("point", "What", "foreign"))
    found: dict[tuple[str, str], list[int]] = {}
    for leaf in facts.of("certificate"):
        for kind, key in (("not covered", "not_covered"), ("assumed", "assumes")):
            for point in leaf.body[key]:
                found.setdefault((kind, point), []).append(leaf.index)
    state = facts.state
    seen = {leaf.body["name"] for leaf in facts.of("control")}
    open_now = [f"control {name} was never run" for name in ("aa", "planted_gain", "fake_gain") if name not in seen]
    open_now += [
        f"{name}: no change was certified" for name in state.weights if not state.adoptions(name, certified=True)
    ]
    open_now += [f"change {c.leaf} is not decided" for c in state.confirmations.values() if c.decision is None]
    if any(leaf.body["seeds"] == "operator-chosen" for leaf in facts.of("seed-commit")):
        open_now.append("seeds were chosen by the operator in some epoch")
    if any(leaf.body.get("signer", "same account") == "same account" for leaf in facts.of("seed-commit")):
        open_now.append("the log's key lay in the account that the engine ran as")
    rows: list[dict[str, Any]] = [{"kind": "open", "point": point, "entries": []} for point in open_now]
    rows += [{"kind": kind, "point": point, "entries": sorted(from_)} for (kind, point), from_ in sorted(found.items())]
    rows += [{"kind": "never covered", "point": point, "entries": []} for point in STANDING]
    words = ("What is below limits everything above.",)
    return Section("open", "Open risks, and what is not covered", words, columns, rows)
