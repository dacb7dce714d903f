"""``selfproof init``: make a new living program, of a project's function, command or solver, or from a template.

Each form is one module of ``selfproof.projects``: its ``Options`` say which flags it knows, its ``make`` does the work.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from selfproof.cli.common import LIVING, dump, invocation, json_option
from selfproof.nouns import UsageError

if TYPE_CHECKING:
    from selfproof.projects.writing import Made

FORMS = ("function", "command", "solver", "benchmark")
TEMPLATES = ("apprentice", "stream", "mixed", "training", "training-adam", "puzzles", "godel", "improver")
EPILOG = """\b
Examples:
  selfproof init                                      asks what to improve
  selfproof init --function mypkg.mod:func            faster, with the same answers
  selfproof init --function mod:func --record bench.py
  selfproof init --command "python train.py" --metric val_loss --lower
  selfproof init --solver agent.py:solve --task evals.py:Support
  selfproof init --benchmark tests/bench_parser.py --tests "python -m pytest -q tests"
  selfproof init my-program --template apprentice
  selfproof init my-program --template puzzles
  selfproof init my-program --template training
  selfproof init my-program --template godel
  selfproof init my-program --template improver"""


@click.command(epilog=EPILOG)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--function", metavar="PKG.MOD:FUNC", help="Make this function of your project faster.")
@click.option("--record", metavar="COMMAND", help="What to run while its calls are recorded.  [default: your tests]")
@click.option("--generate", is_flag=True, help="Make its calls from the type hints instead.")
@click.option(
    "--benchmark", metavar="FILE", help="Make a pytest-benchmark suite faster; with --function: record calls from it."
)
@click.option("--command", metavar="COMMAND", help="Make the number better that this command prints.")
@click.option("--metric", metavar="NAME", help="The number's name, as the command prints it: NAME: value.")
@click.option("--lower/--higher", "lower", default=None, help="Which is better.")
@click.option("--metric-file", "read", metavar="FILE[:KEY]", help="Read the number from this file instead.")
@click.option("--rescore", metavar="FILE.py:FUNC", help="Score what a run leaves by this function of yours, outside.")
@click.option("--artefact", "artefacts", multiple=True, metavar="FILE", help="A file that --rescore is given.")
@click.option("--minutes-each", type=click.FloatRange(min=0, min_open=True), help="Deadline of one run.")
@click.option("--memory", "memory_mb", type=click.IntRange(64), help="Memory of one run in MB.")
@click.option("--allow", multiple=True, metavar="LINE", help="What a run may use: subprocesses, scratch:MB, data:DIR.")
@click.option("--solver", metavar="FILE.py:FUNC", help="Make the answers of this function better.")
@click.option("--task", metavar="FILE.py:CLASS", help="The task that scores its answers.")
@click.option("--files", multiple=True, metavar="GLOB", help="Files of your project that go along.")
@click.option("--edit", multiple=True, metavar="GLOB", help="Files that may be changed.")
@click.option("--tests", metavar="COMMAND", help="Tests that must pass as before after every change.")
@click.option("--project", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Your project's folder.")
@click.option("--template", type=click.Choice(TEMPLATES), help="Start from a template.")
@click.option("--seed", type=click.IntRange(0), help="Make runs repeatable; certificates then say so.")
@json_option
def command(folder: Path | None, as_json: bool, **flags: Any) -> None:
    """Make a living program: of your project (into ./living or FOLDER), or from a template (into FOLDER).

    Your own files stay as they are. Without a form it asks what to improve, if a terminal is there.
    """
    given = {name: value for name, value in flags.items() if value not in (None, (), False) or name == "lower"}
    forms = forms_of(given)
    if not forms and not given.get("template") and folder is None and not as_json and at_a_terminal():
        from selfproof.cli.asking import asked

        given |= asked(given.get("project") or Path())
        forms = forms_of(given)
    if len(forms) + bool(given.get("template")) > 1:
        raise UsageError("one program has one form", advice=f"Give one of --{', --'.join(FORMS)}, --template.")
    if forms:
        _told(made(forms[0], folder, given), as_json)
    else:
        _from_template(folder or Path(), given, as_json)


def at_a_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def forms_of(given: dict[str, Any]) -> list[str]:
    """The forms that flags name; with a function, a suite of benchmarks says which of its calls to record."""
    forms = [name for name in FORMS if given.get(name)]
    return [name for name in forms if name != "benchmark" or "function" not in forms]


def made(form: str, folder: Path | None, given: dict[str, Any]) -> Made:
    """Make a program of a project by one form; what it knows of the flags it gets.

    Raises:
        UsageError: a flag that this form does not know, and whatever the form refuses.
    """
    from selfproof.projects import closure

    module: Any = importlib.import_module(f"selfproof.projects.{form}")
    project = (given.get("project") or closure.project_of(Path())).resolve()
    values = {name: value for name, value in given.items() if name not in {"project", "lower", "template"}}
    if given.get("lower") is not None:
        values["better"] = "lower" if given["lower"] else "higher"
    known = {field.name for field in dataclasses.fields(module.Options)}
    if strange := sorted(set(values) - known):
        flag = {"better": "lower/--higher", "read": "metric-file", "artefacts": "artefact", "memory_mb": "memory"}
        name = flag.get(strange[0], strange[0]).replace("_", "-")
        raise UsageError(f"--{name} does not go with --{form}", advice="`selfproof init -h` lists the flags.")
    home: Path = folder or project / LIVING
    found: Made = module.make(project, home, module.Options(**values), lambda line: click.echo(line, err=True))
    return found


def _told(made: Made, as_json: bool) -> None:
    """Say what was made."""
    if as_json:
        dump({"event": "init", "program": made.program_id, "folder": str(made.folder), "told": made.told})
        return
    for line in made.told:
        click.echo(f"  {line}")
    click.echo(f"made the living program {made.program_id} in {made.folder}")
    click.echo("  charter.toml  what you allow it to do: read it, it is yours")
    click.echo("  tasks/        what it is measured on: yours too")
    click.echo(f"  next: {invocation('run', made.folder)}")


def _from_template(folder: Path, given: dict[str, Any], as_json: bool) -> None:
    from selfproof.birth import make

    if strange := sorted(set(given) - {"template", "seed", "lower", "project"}):
        raise UsageError(f"--{strange[0].replace('_', '-')} needs a form", advice=f"Add one of --{', --'.join(FORMS)}.")
    template = given.get("template") or "apprentice"
    program = make(folder, template, given.get("seed"))
    if as_json:
        dump({"event": "init", "program": program, "folder": str(folder)})
        return
    click.echo(f"{template} {program} is ready in {folder.resolve()}")
    click.echo("  charter.toml  what you allow it to do: read it, it is yours")
    click.echo("  next: selfproof run" + ("" if folder == Path() else f" --at {folder}"))
