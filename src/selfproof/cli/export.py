"""``selfproof export``: the certified changes as a patch, in the project's files, or as a commit on a branch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from selfproof.cli import handing
from selfproof.cli.common import Seen, at_option, dump, json_option, unified
from selfproof.nouns import UsageError
from selfproof.viewing.rows import effect_words, rows_of

if TYPE_CHECKING:
    from selfproof.projects.origin import Change, Origin

EPILOG = """\b
Examples:
  selfproof export > better.patch
  selfproof export --apply               into your project's files
  selfproof export --branch faster       as a commit; your work tree stays as it is
  selfproof export -o better.patch 0 3
  selfproof export --pull-request        title and text, with the evidence
  selfproof export --to openevolve DIR   the best program in that tool's layout"""


@click.command(epilog=EPILOG)
@click.argument("a", default="start")
@click.argument("b", default="now")
@click.option("-o", "target", type=click.Path(path_type=Path, dir_okay=False), help="Write the patch to this file.")
@click.option(
    "--apply", "into", is_flag=True, help="Write the change into your project's files, if they are unchanged."
)
@click.option("--branch", metavar="NAME", help="Commit it on a new branch of your repository, on top of HEAD.")
@handing.options
@at_option
@json_option
def command(a: str, b: str, folder: Path, as_json: bool, **how: Any) -> None:
    """The change from version A to version B: as a patch for `git apply`, or handed over as you say."""
    target, into, branch = how["target"], how["into"], how["branch"]
    if sum(map(bool, (target, into, branch))) > 1:
        raise UsageError("-o, --apply and --branch exclude each other", advice="Give one of them.")
    seen = Seen(folder)
    one, two = seen.version(a), seen.version(b)
    if handing.handled(seen, (one, two), how, as_json):
        return
    from selfproof.projects import delivery, origin

    came_from = origin.load(folder)
    proposes = seen.charter.autonomy.level == "propose"
    if into and proposes:
        raise UsageError(
            'the charter\'s autonomy is "propose": nothing is written into your files',
            advice="Read the patch, then apply it yourself: selfproof export -o better.patch; git apply better.patch",
        )
    if came_from is None:
        if into or branch:
            raise UsageError(f"{folder.resolve()} was made from no project", advice="Its patch: selfproof export")
        changes: list[Change] = []
        patch = unified(seen.files(one), seen.files(two), (a, b))
    else:
        known = {path: {files.get(path, "") for files in map(seen.files, range(len(seen.state.versions)))}
                 for path in came_from.files}  # fmt: skip
        changes = origin.changes(came_from, seen.files(one), seen.files(two), known)
        patch = delivery.patch(changes)
        if patch and proposes:
            patch = commented(message(seen, one, two)) + patch
    told = (
        _handed(seen, (one, two), came_from, changes, patch, how)
        if patch
        else "nothing to change: no difference, or your files hold it already"
    )
    if as_json:
        dump({"a": one, "b": two, "patch": patch, "file": str(target) if target else None, "told": told})
    elif patch and not (target or into or branch):
        click.echo(patch, nl=False)
    else:
        click.echo(told, err=not patch)


def _handed(
    seen: Seen, versions: tuple[int, int], origin: Origin | None, changes: list[Change], patch: str, how: dict[str, Any]
) -> str:
    """Do what was asked for; returns what was done, in one line."""
    from selfproof.projects import delivery

    if how["target"] is not None:
        how["target"].write_text(patch, encoding="utf-8")
        return f"wrote {how['target']}"
    if origin is not None and how["into"]:
        written = delivery.apply(origin.project, changes)
        return "changed " + ", ".join(str(path) for path in written)
    if origin is not None and how["branch"]:
        commit = delivery.branch(origin.project, changes, how["branch"], message(seen, *versions))
        return f"branch {how['branch']} is at {commit[:12]}; your work tree is as it was"
    return ""


def commented(words: str) -> str:
    """Words in front of a patch, which `git apply` and `patch` pass over."""
    return "".join(f"# {line}".rstrip() + "\n" for line in words.splitlines())


def message(seen: Seen, one: int, two: int) -> str:
    """A commit's message: what was certified between two versions, and how anybody can check it."""
    rows = [row for row in rows_of(seen.state) if row["version"] is not None and one < row["version"] <= two]
    rows = [row for row in reversed(rows) if row["verdict"] != "rolled back"]
    heading = (
        rows[0]["title"] if len(rows) == 1 else f"{len(rows)} changes to {rows[0]['objective']}" if rows else "Back"
    )
    lines = [heading[:72], ""]
    for row in rows:
        alpha = f"alpha {row['alpha_k']:.3g}" if row["verdict"] == "certified" else "NOT certified"
        lines.append(f"- {row['title']}: {effect_words(row)}, {row['pairs']} pairs, {alpha}, isolation {row['tier']}")
    state = seen.state
    proved = all(row["verdict"] == "certified" for row in rows)
    word = "Certified" if proved else "Adopted WITHOUT a certificate"
    lines += ["", f"{word} by selfproof: program {state.genesis['program']}, versions {one} to {two},"]
    lines += [f"error budget {state.spent():.3g} of {state.charter['alpha']:.3g} spent, ledger root"]
    lines += [seen.reader.root.hex()]
    return "\n".join(lines) + "\n"
