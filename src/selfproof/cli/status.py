"""``selfproof status``: where a program stands."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import Seen, at_option, dump, json_option


@click.command(epilog="\b\nExample:\n  selfproof status --json")
@at_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Where the program stands: version, counts, error budget, whether it may run."""
    from selfproof.levels import retired

    seen = Seen(folder)
    state = seen.state
    answers = [c.verdict["answer"] for c in state.confirmations.values()
               if c.verdict and c.version is not None and not state.versions[c.version].rolled_back]  # fmt: skip
    verdicts = [c for c in state.confirmations.values() if not c.counter.startswith("control-")]
    row = {
        "program": state.genesis["program"], "version": state.current, "tree": state.now.tree,
        "certified": answers.count("certified"), "uncertified": answers.count("uncertified"),
        "refused": sum(1 for c in verdicts if c.decision is not None and c.decision["verdict"] == "refused"),
        "open": [c.id for c in verdicts if c.decision is None],
        "alpha": {"total": state.charter["alpha"], "spent": state.spent()},
        "confirmations": {name: state.counters.get(name, 0) for name in state.weights},
        "candidates": sum(state.batches.values()), "trials": state.trials, "entries": state.entries,
        "controls": {name: body["answer"] for name, body in state.controls.items()},
        "retired": {name: reason for name in state.weights if (reason := retired(state, name))},
        "stopped": seen.paths.stop.exists(),
    }  # fmt: skip
    if as_json:
        dump(row)
        return
    click.echo(f"program {row['program']}, version {row['version']} (tree {state.now.tree[:12]})")
    click.echo(f"  {row['certified']} certified, {row['refused']} refused, {state.trials} trials logged")
    if row["uncertified"]:
        click.echo(f"  {row['uncertified']} adopted without a certificate")
    alpha = row["alpha"]
    click.echo(f"  error budget spent: {alpha['spent']:.4f} of {alpha['total']}")
    for name, reason in row["retired"].items():
        click.echo(f"  {name} is retired: {reason}; an objective of a new name needs new samples")
    click.echo(f"  ledger: {state.entries} entries, root {seen.reader.root.hex()[:16]}")
    if row["stopped"]:
        click.echo(f"  stopped: {seen.paths.stop} is there; `selfproof resume` removes it")
