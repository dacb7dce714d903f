"""The command line: one file per command, loaded when it is used."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from selfproof import __version__
from selfproof.nouns import SelfproofError

COMMANDS = {
    "init": "Make a new living program from a template.",
    "import": "Make a living program of another tool's task.",
    "run": "Let the program improve itself.",
    "status": "Where the program stands.",
    "watch": "Look over a run's shoulder, from another terminal.",
    "metrics": "Where it stands as numbers, for Prometheus.",
    "log": "Certified and refused changes, newest first.",
    "show": "One change: its diff and its evidence.",
    "diff": "What changed between two versions.",
    "compare": "Two versions on the same samples, with an interval.",
    "gate": "Judge pairs of your own experiment.",
    "export": "The program's changes as a patch.",
    "rollback": "Make an earlier version the program again.",
    "drill": "Try the rollback, the stops and the tripwires, in scratch copies.",
    "tripwires": "What is watched beside the certificates, and what was found.",
    "stop": "Stop a running program, and keep it stopped.",
    "pause": "Hold a run after its current step.",
    "drain": "End a run when what is open is done.",
    "resume": "Allow a stopped program to run again, a paused one to go on.",
    "review": "What waits for people's approval.",
    "approve": "Sign a change, or another charter.",
    "note": "Write something into the ledger, for the record.",
    "controls": "What the gate said to changes whose true effect is known.",
    "web": "The dashboard: watch, review, stop.",
    "archive": "The database that several programs and engines share.",
    "token": "Let others use the dashboard and its API.",
    "versions": "Every version and how it stands.",
    "retire": "Never let a version run again.",
    "report": "The system card: what changed, why, who agreed, with proofs.",
    "audit": "A folder for someone who has nothing else.",
    "publish": "Show that it improved, without the program.",
    "incident": "What went wrong, with clocks from awareness.",
    "verify": "Recompute every decision from the ledger alone.",
    "rebuild": "The program's folder from its ledger alone.",
    "backup": "One file with all of it, made while it runs.",
    "restore": "A program from a backup, verified first.",
    "move": "Take it to another machine, so that it lives once.",
    "disk": "What of it takes how much room.",
    "ledger": "The log for others: static files, bundles, proofs.",
    "witness": "Remember what logs showed; have one's own cosigned.",
    "simulate": "What the gate adopts in a world whose truth is known.",
    "bench": "Search strategies against each other, where the truth is known.",
    "train": "Tune a local model on the program's own edits.",
    "experience": "What is known from all runs on this machine.",
    "charter": "Check and explain the charter.",
    "sandbox": "What isolates programs here; run one in it.",
    "propose": "Leave a suggestion for the next run.",
    "mcp": "Serve coding agents (Model Context Protocol).",
    "skill": "What a coding agent should know of selfproof.",
    "completion": "Shell completion for bash, zsh or fish.",
}


class Lazy(click.Group):
    """A group that imports a command's module only when the command is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Commands in the order in which people meet them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"selfproof.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


EPILOG = """\b
Examples:
  selfproof run                     start in this folder, or go on where it stopped
  selfproof compare start now --on my.txt
  selfproof verify

Exit codes: 0 done, 1 error, 2 usage or charter, 3 nothing certified (with --fail-if-none),
4 ledger or self-check failed, 5 a ceiling came before the charter's
until_certified, 130 interrupted with state saved."""


@click.group(cls=Lazy, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="selfproof")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def group(ctx: click.Context, debug: bool) -> None:
    """A living program that rewrites its own code, and proves every step."""
    ctx.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code; errors are one line and a piece of advice."""
    words = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        code: Any = group.main(args=words, prog_name="selfproof", standalone_mode=False)
    except click.exceptions.Abort:  # a second Ctrl-C, or a question that was not answered
        click.echo("interrupted at once; nothing certified is lost, and the same command goes on", err=True)
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except Exception as error:
        if debug:
            raise
        code = told(error)
    raise SystemExit(code if isinstance(code, int) else 0)


def told(error: Exception) -> int:
    """Say what went wrong in one line, then what to do; returns the exit code."""
    error = _of_disk(error)
    known = isinstance(error, SelfproofError) or hasattr(error, "exit_code")
    text = str(error) if known or isinstance(error, OSError) else f"{type(error).__name__}: {error}"
    click.echo(f"selfproof: {text}", err=True)
    advice = getattr(error, "advice", None)
    if callable(advice) and (line := advice()):
        click.echo(f"  {line}", err=True)
    elif isinstance(error, OSError):
        click.echo(f"  {_about_disk(error)}", err=True)
    elif not known:
        click.echo("  This is a fault in selfproof. Run again with --debug to see where.", err=True)
    return int(getattr(error, "exit_code", 1))


def _of_disk(error: Exception) -> Exception:
    """What SQLite calls a full or read-only disk, as the operating system calls it."""
    import errno
    import os

    numbers = {"SQLITE_FULL": errno.ENOSPC, "SQLITE_READONLY": errno.EROFS, "SQLITE_CANTOPEN": errno.EACCES}
    name = "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
    return OSError(numbers[name], os.strerror(numbers[name]), "archive") if name in numbers else error


def _about_disk(error: OSError) -> str:
    import errno

    if error.errno == errno.ENOSPC:
        return "The disk is full. Nothing certified was lost: make room, then run the same command again."
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return "The folder cannot be written. Nothing was lost: make it writable, or copy it elsewhere."
    return "Nothing certified was lost: the ledger holds it."
