"""``selfproof sandbox``: what isolates programs on this machine, and running one program in it."""

from __future__ import annotations

import itertools
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from selfproof.cli.common import dump, json_option
from selfproof.nouns import UsageError

if TYPE_CHECKING:
    from selfproof.jail import Outcome

CHECK_EPILOG = """\b
Examples:
  selfproof sandbox check
  selfproof sandbox check --quick --json"""

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


@command.command(epilog=CHECK_EPILOG)
@click.option("--quick", is_flag=True, help="Only the probes, no attacks.")
@json_option
def check(quick: bool, as_json: bool) -> None:
    """Say what holds and what is missing; attack the tier that `auto` takes. Exit code 1 if anything gets through."""
    rows = [_standing(tier) for tier in MEANING]
    best = next((row for row in rows if row["holds"]), None)
    if not as_json:
        _show(rows, best)
    attacks = None if quick or best is None else _attacked(best["tier"], show=not as_json)
    if as_json:
        missing = [
            {"layer": row["tier"], "how": row["advice"], "why": row["missing"]} for row in rows if not row["holds"]
        ]
        missing += [{"layer": "cgroup", "how": why, "why": "control groups are not there"} for why in _lacking(best)]
        layers = best["layers"] if best else []
        dump({"tier": best and best["tier"], "layers": layers, "missing": missing, "tiers": rows, "attacks": attacks})
    if best is None or (attacks and attacks["through"]):
        raise click.exceptions.Exit(1)


def _standing(tier: str) -> dict[str, Any]:
    """Whether a tier holds here, with its layers, or what it lacks."""
    from selfproof.jail import JailUnavailable, Pool

    row = {"tier": tier, "holds": True, "layers": [], "missing": None, "advice": None}
    try:
        with Pool(1, require=tier) as pool:
            return row | {"layers": list(pool.layers)}
    except JailUnavailable as problem:
        return row | {"holds": False, "missing": str(problem), "advice": problem.advice()}


def _lacking(best: dict[str, Any] | None) -> list[str]:
    """Why there is no control group, which no tier insists on: at most one line."""
    from selfproof.jail.cgroup import Cgroup, CgroupMissing

    if best is None or any(layer.startswith("cgroup") for layer in best["layers"]):
        return []
    try:
        Cgroup().close()
    except CgroupMissing as missing:
        return [str(missing)]
    return []


def _show(rows: list[dict[str, Any]], best: dict[str, Any] | None) -> None:
    for row in rows:
        mark = click.style("✓", "green") if row["holds"] else click.style("✗", "red")
        click.echo(f"{mark} {row['tier']:<9} {MEANING[row['tier']]}")
        if row["holds"]:
            click.echo(f"    held: {', '.join(row['layers'])}")
        else:
            click.echo(f"    missing: {row['missing']}\n    {row['advice']}")
    for why in _lacking(best):
        click.echo(f"  without control groups, trials cannot be granted subprocesses, scratch or gpu:\n    {why}")
    click.echo(f"`auto` takes {best['tier']}" if best else "no tier holds here: selfproof will not run programs")


def _attacked(tier: str, *, show: bool) -> dict[str, Any]:
    """Run the attack suite against a tier: how many were tried and stopped, and which got through."""
    from selfproof.attacks import suite

    every = len(suite.attacks())
    done = itertools.count(1)
    lively = show and sys.stderr.isatty()

    def progress(row: suite.Row) -> None:
        if lively:
            click.echo(f"\r\x1b[Kattack {next(done)} of {every}: {row.name}", nl=False, err=True)

    rows = suite.run(tier, progress=progress)
    if lively:
        click.echo("\r\x1b[K", nl=False, err=True)
    through = [row for row in rows if row.through]
    if show:
        for row in through:
            click.echo(f"{click.style('✗', 'red')} {row.name} got through: {'; '.join(row.evidence)}")
        told = f"{len(rows) - len(through)} of {len(rows)} attacks stopped"
        click.echo(f"{click.style('✗', 'red') if through else click.style('✓', 'green')} {told}")
    return {
        "tried": len(rows), "stopped": len(rows) - len(through),
        "through": [{"attack": row.name, "evidence": list(row.evidence)} for row in through],
    }  # fmt: skip


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
    if isinstance(value, int) and value.bit_length() > 10_000:  # Python refuses to write it out in decimal
        return hex(value)
    if isinstance(value, bool | int | str | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return repr(value)
