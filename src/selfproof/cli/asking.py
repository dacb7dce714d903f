"""What ``selfproof init`` asks where a terminal is there and nothing was said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

KINDS = (
    ("function", "a function of this project: faster, with the same answers"),
    ("command", "a number that a command prints: a training script, a benchmark"),
    ("solver", "the answers of a solver, an agent or a prompt, scored by a task"),
    ("template", "nothing of mine yet: show me a program that improves itself"),
)


def asked(folder: Path) -> dict[str, Any]:
    """Ask what to improve, offering what is found in the project; returns flags as the command takes them."""
    from selfproof.projects import inspect

    found = inspect.project(folder)
    click.echo(f"in {found.project}: {_seen(found)}")
    click.echo("What should get better?")
    for number, (_, words) in enumerate(KINDS, 1):
        click.echo(f"  {number}  {words}")
    kind = KINDS[click.prompt("number", type=click.IntRange(1, len(KINDS)), default=1) - 1][0]
    if kind == "function":
        return _function(found)
    if kind == "command":
        return _command(found)
    if kind == "solver":
        solver = click.prompt("the solver, FILE.py:function")
        return {"solver": solver, "task": click.prompt("the task that scores it, FILE.py:Class")}
    return {"template": "apprentice"}


def _seen(found: Any) -> str:
    parts = [f"{len(found.functions)} functions with loops" if found.functions else "no function with loops"]
    parts.append(f"tests ({found.tests})" if found.tests else "no tests")
    parts.append(f"scripts ({', '.join(found.scripts[:3])})" if found.scripts else "no scripts")
    return ", ".join(parts)


def _function(found: Any) -> dict[str, Any]:
    for number, name in enumerate(found.functions, 1):
        click.echo(f"  {number}  {name}")
    answer = str(click.prompt("which function? a number, or package.module:function", default="1"))
    if answer.isdecimal() and 0 < int(answer) <= len(found.functions):
        answer = found.functions[int(answer) - 1]
    flags: dict[str, Any] = {"function": answer}
    offered = found.tests or next(iter(found.scripts), "")
    record = click.prompt("record its calls while this runs (- for none: type hints)", default=offered or "-")
    return flags | ({"generate": True} if record.strip() in {"", "-"} else {"record": record})


def _command(found: Any) -> dict[str, Any]:
    script = next(iter(found.scripts), None)
    line = click.prompt("the command", default=f"python {script}" if script else None)
    metric = click.prompt("the name of its number, as it prints it (NAME: value)")
    lower = click.prompt("better is", type=click.Choice(["lower", "higher"]), default="lower") == "lower"
    return {"command": line, "metric": metric, "lower": lower}
