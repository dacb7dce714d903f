"""Write docs/cli.md from the commands themselves: ``make docs``. A test compares the file with what this gives."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli import COMMANDS, group

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
HEAD = """# Commands

Written by `make docs` from the commands themselves; a test keeps it so. Every command takes `-h`. Commands act on the
program in the current folder, or in the one that `--at` names.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, section("selfproof", group)]
    context = click.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        parts.append(section(f"selfproof {name}", command))
        if isinstance(command, click.Group):
            parts += [section(f"selfproof {name} {n}", c) for n, c in command.commands.items()]
    return "\n".join(parts)


def section(name: str, command: click.Command) -> str:
    """One command: usage, meaning, options, examples."""
    rows = [row for parameter in command.params if (row := option(parameter)) is not None]
    text = f"## {name}\n\n    {usage(name, command)}\n\n{words(command.help)}\n"
    if rows:
        text += "\n| option | meaning |\n| --- | --- |\n" + "\n".join(rows) + "\n"
    if command.epilog:
        text += "\n```\n" + command.epilog.replace("\b\n", "").strip() + "\n```\n"
    return text


def words(text: str | None) -> str:
    """A help text on one line."""
    return " ".join((text or "").split())


def usage(name: str, command: click.Command) -> str:
    """The line after "Usage:"."""
    parts = [name]
    if any(isinstance(p, click.Option) for p in command.params):
        parts.append("[OPTIONS]")
    for argument in command.params:
        if isinstance(argument, click.Argument):
            word = kind(argument) if isinstance(argument.type, click.Choice) else str(argument.name).upper()
            parts.append(word if argument.required else f"[{word}]")
    if isinstance(command, click.Group):
        parts.append("COMMAND [ARGS]...")
    return " ".join(parts)


def option(parameter: click.Parameter) -> str | None:
    """A table row; None for an argument."""
    if not isinstance(parameter, click.Option):
        return None
    value = "" if parameter.is_flag else f" {kind(parameter)}"
    meaning = words(parameter.help)
    default = parameter.show_default
    if isinstance(default, str):
        meaning += f" Default: {default}."
    elif default:
        meaning += f" Default: {parameter.default}."
    needed = " Required." if parameter.required else ""
    return f"| `{', '.join(parameter.opts)}{value}` | {(meaning + needed).strip()} |".replace("SPLIT|", "SPLIT\\|")


def kind(parameter: click.Parameter) -> str:
    """What a value looks like."""
    if parameter.metavar:
        return parameter.metavar
    if isinstance(parameter.type, click.Choice):
        return "|".join(map(str, parameter.type.choices)).replace("|", "/")
    names = {"integer range": "N", "float range": "X", "directory": "DIR", "file": "FILE", "path": "PATH"}
    return names.get(parameter.type.name, "TEXT")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
