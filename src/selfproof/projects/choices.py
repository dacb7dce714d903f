"""What a person asked for, checked against the project: which files, which direction, which rights."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from selfproof.archive.tree import matches
from selfproof.grants import Grants
from selfproof.nouns import UsageError
from selfproof.projects.texts import Texts

OWN = "selfproof_*.py"
LOWER = ("loss", "err", "bpb", "bpc", "perplexity", "ppl", "mse", "mae", "nll", "wer", "cer", "fid", "second", "time",
         "latency", "regret", "cost", "miss", "fail")  # fmt: skip
HIGHER = ("acc", "score", "reward", "return", "f1", "auc", "precision", "recall", "bleu", "rouge", "r2", "throughput",
          "per_sec", "iou", "psnr", "win", "pass")  # fmt: skip


def better_of(metric: str, said: str) -> str:
    """The direction that a person said, or else that the metric's name says.

    Raises:
        UsageError: neither does.
    """
    if not metric.strip():
        raise UsageError("the command needs a metric", advice="For example: --metric val_loss --lower")
    name = metric.lower()
    words = [better for better, parts in (("lower", LOWER), ("higher", HIGHER)) if any(part in name for part in parts)]
    if said or len(words) == 1:
        return said or words[0]
    raise UsageError(f"is more {metric} better, or less?", advice="Add --lower or --higher.")


def granted(allow: Sequence[str], always: Sequence[str]) -> list[str]:
    """What a trial may use: what it always does, and what a person allows; a person's scratch:MB goes first.

    Raises:
        UsageError: a line means nothing.
    """
    kinds = {line.partition(":")[0] for line in allow}
    lines = [line for line in always if line.partition(":")[0] not in kinds]
    lines += [line for line in allow if line not in lines]
    try:
        Grants.parse(lines)
    except ValueError as error:
        raise UsageError(f"--allow: {error}") from None
    return lines


def editable(globs: Sequence[str], files: Mapping[str, str], otherwise: Sequence[str]) -> tuple[str, ...]:
    """The files that an edit may change: those that a person names, or else ``otherwise``.

    Raises:
        UsageError: there is none.
    """
    found = tuple(name for name in files if matches(name, globs)) if globs else tuple(otherwise)
    if not found:
        said = f"no file matches --edit {' '.join(globs)}" if globs else "nothing is named that could change"
        raise UsageError(said, advice=f'Say which files may: --edit "FILE" (there are: {some_of(files)}).')
    return found


def script_of(command: str, files: Mapping[str, str]) -> str | None:
    """The project's file that a command names: a path, or a module after ``-m``.

    Raises:
        UsageError: it is no command.
    """
    for before, word in zip(["", *words_of(command)], words_of(command), strict=False):
        name, module = word.removeprefix("./"), word.replace(".", "/")
        if name in files:
            return name
        homes = [f"{root}{module}{end}" for root in ("", "src/") for end in (".py", "/__main__.py")]
        if before == "-m" and (found := next((home for home in homes if home in files), None)):
            return found
    return None


def words_of(command: str) -> list[str]:
    """A command's words.

    Raises:
        UsageError: it has none, or an open quote.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"`{command}` is no command: {error}", advice="Check its quotes.") from None
    if not words:
        raise UsageError("the command is empty", advice='For example: --command "python train.py"')
    return words


def unclaimed(found: Texts) -> None:
    """See that no file has a name that selfproof needs in the program.

    Raises:
        UsageError: one has.
    """
    if clash := [name for name in found.files if matches(name, (OWN,))]:
        raise UsageError(f"{clash[0]} has a name that selfproof needs for itself", advice="Rename it, or use --files.")


def some_of(names: Mapping[str, str]) -> str:
    """A few names."""
    return ", ".join(list(names)[:6]) + (", ..." if len(names) > 6 else "")


def left_out(names: Mapping[str, str]) -> list[str]:
    """One line on files that do not go along."""
    if not names:
        return []
    some = ", ".join(f"{name} ({why})" for name, why in list(names.items())[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [f"left out: {some}{more}; a trial may read a folder outside the program with --allow data:/FOLDER"]


def kilobytes(files: Mapping[str, str], names: Sequence[str]) -> int:
    """How large a file may be after an edit: twice the largest of these, 64 kB at least."""
    largest = max(len(files[name].encode()) for name in names)
    return min(4096, max(64, 2 * largest // 1024 + 1))
