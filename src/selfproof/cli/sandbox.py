"""``selfproof sandbox``: what isolates programs on this machine, and running one program in it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from selfproof.cli.common import dump, json_option
from selfproof.nouns import UsageError

if TYPE_CHECKING:
    from selfproof.jail import Outcome

RUN_EPILOG = """\b
Examples:
  selfproof sandbox run program.py --input 5 --json
  selfproof sandbox run program.py --input 5 --allow scratch:64 --allow data:/srv/corpus"""

MEANING = {
    "jail": "namespaces of its own, minimal read-only root, Landlock, seccomp, limits",
    "confined": "Landlock, seccomp, limits; the machine's processes stay visible",
}


@click.group(epilog="\b\nExamples:\n  selfproof sandbox check\n  selfproof sandbox run program.py --input '[3, 1, 2]'")
def command() -> None:
    """What isolates programs on this machine."""


@command.command(epilog="\b\nExamples:\n  selfproof sandbox check\n  selfproof sandbox check --json")
@json_option
def check(as_json: bool) -> None:
    """Start a worker of every tier, let a program try to get out, and say what held and what is missing."""
    from selfproof.jail import JailUnavailable, Pool

    rows: list[dict[str, Any]] = []
    for tier in MEANING:
        try:
            with Pool(1, require=tier) as pool:
                rows.append({"tier": tier, "holds": True, "layers": list(pool.layers), "missing": None, "advice": None})
        except JailUnavailable as problem:
            rows.append(
                {"tier": tier, "holds": False, "layers": [], "missing": str(problem), "advice": problem.advice()}
            )
    best = next((row for row in rows if row["holds"]), None)
    taken = best["tier"] if best else None
    if as_json:
        missing = [
            {"layer": row["tier"], "how": row["advice"], "why": row["missing"]} for row in rows if not row["holds"]
        ]
        dump({"tier": taken, "layers": best["layers"] if best else [], "missing": missing, "tiers": rows})
    else:
        for row in rows:
            mark = click.style("✓", "green") if row["holds"] else click.style("✗", "red")
            click.echo(f"{mark} {row['tier']:<9} {MEANING[row['tier']]}")
            if row["holds"]:
                click.echo(f"    held: {', '.join(row['layers'])}")
            else:
                click.echo(f"    missing: {row['missing']}\n    {row['advice']}")
        click.echo(f"`auto` takes {taken}" if taken else "no tier holds here: selfproof will not run programs")
    if taken is None:
        raise click.exceptions.Exit(1)


@command.command(epilog=RUN_EPILOG)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--input", "given", required=True, metavar="JSON", help="The value that `solve` gets.")
@click.option("--require", metavar="TIER", default="auto", show_default=True,
              help="The least isolation: auto, jail, confined, a provider's name, or none.")  # fmt: skip
@click.option(
    "--allow",
    multiple=True,
    metavar="GRANT",
    help="What it may use, once for each: subprocesses, scratch:MB, data:/FOLDER, gpu, network:HOST:PORT.",
)
@click.option("--seconds", type=click.FloatRange(0.01, 3600), default=10.0, show_default=True, help="Time for it all.")
@click.option("--memory", type=click.IntRange(256, 1 << 20), default=1024, show_default=True, metavar="MIB",
              help="Address space in MiB, the interpreter included.")  # fmt: skip
@json_option
def run(
    file: Path, given: str, require: str, allow: tuple[str, ...], seconds: float, memory: int, as_json: bool
) -> None:
    """Run `solve(x)` of FILE once in a fresh isolated process; exit code 1 unless it answers."""
    from selfproof.grants import Grants
    from selfproof.jail import Job, Limits, Pool, values

    try:
        value = values.encode(_value(given))
    except values.ValueInvalid as error:
        raise UsageError(f"--input cannot be sent: {error}", advice="Give a smaller or flatter value.") from None
    try:
        grants = Grants.parse(allow)
    except ValueError as error:
        raise UsageError(f"--allow: {error}", advice="For example: --allow scratch:64") from None
    limits = Limits(wall_s=seconds, cpu_s=max(1, math.ceil(seconds)), memory_mb=memory, grants=grants)
    job = Job({"program.py": _source(file)}, "program.py:solve", [value], limits=limits)
    warn_of(require)
    try:
        with Pool(1, require=require, grants=grants) as pool:
            outcome = pool.submit(job).result()
    except ValueError as error:  # there is no such tier and no such provider
        raise UsageError(f"--require: {error}", advice="selfproof sandbox check shows what holds here.") from None
    answer = plain(values.decode(outcome.outputs[0])) if outcome.outputs else None
    if as_json:
        dump(
            {
                "status": outcome.status, "output": answer, "message": outcome.message, "tier": outcome.tier,
                "layers": list(outcome.layers), "granted": list(outcome.granted), "seconds": sum(outcome.seconds),
                "cpu_seconds": outcome.cpu_seconds, "max_rss_mb": outcome.max_rss_mb, "log": outcome.log,
            }
        )  # fmt: skip
    else:
        _tell(outcome, answer)
    if outcome.status != "ok":
        raise click.exceptions.Exit(1)


def _tell(outcome: Outcome, answer: object) -> None:
    """The answer on standard output; all else, the program's own words first, on the other."""
    if outcome.log:
        click.echo(outcome.log, nl=not outcome.log.endswith("\n"), err=True)
    told = f"{outcome.status}: {outcome.message or 'no answer'}"
    click.echo(json.dumps(answer) if outcome.status == "ok" else told)
    held = [", ".join(outcome.layers) or "nothing held", *(f"granted {line}" for line in outcome.granted)]
    click.echo(
        f"{outcome.tier} ({'; '.join(held)}); {sum(outcome.seconds):.4f} s, "
        f"{outcome.cpu_seconds:.3f} s of CPU, {outcome.max_rss_mb:.0f} MiB",
        err=True,
    )


def warn_of(tier: str) -> None:
    """Say loudly that a tier is none."""
    if tier == "none":
        told = "WARNING: no isolation at all. The program can do to this machine whatever you can."
        click.secho(told, fg="red", bold=True, err=True)


def _source(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"there is no file {file}", advice="Give a Python file that defines solve(x).") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text", advice="Give a Python file that defines solve(x).") from None


def _value(text: str) -> object:
    def refuse(word: str) -> object:
        raise ValueError(f"{word} is not a value of JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--input is not JSON: {error}", advice="For example: --input '[3, 1, 2]'") from None


def plain(value: object) -> object:
    """A decoded value as JSON can hold it: arrays as lists, what JSON lacks as text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, bool | int | str | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return repr(value)
