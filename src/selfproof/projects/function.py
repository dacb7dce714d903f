"""``selfproof init --function pkg.mod:func``: the same answers in less time, on calls that were recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from selfproof.projects import baseline, gathering, literals, target, writing
from selfproof.projects.gathering import Calls
from selfproof.projects.origin import Origin, Original
from selfproof.projects.rehearsal import Rehearsal
from selfproof.projects.target import Target
from selfproof.projects.writing import Draft, Made

RUNNER = "selfproof_runner.py"
GROWTH_ROOM = 20_000  # characters that a small program may grow by


def quietly(line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Options:
    """What a person may say about a function.

    ``record`` is a command that calls it (default: the project's tests), ``generate`` makes calls from its type hints
    instead; ``say`` is told what is going on, a line each time.
    """

    function: str
    record: str = ""
    generate: bool = False
    seed: int | None = None
    say: Callable[[str], None] = quietly


def make(project: Path, folder: Path, options: Options) -> Made:
    """Find calls, write the living program, measure its baseline.

    Raises:
        UsageError: there is no such function, it is of a kind that cannot be timed, or no call of it is known.
    """
    writing.check_free(folder)
    found = target.find(project, options.function)
    texts, originals = target.files(project, found)
    told = [
        f"copied {found.source.path.name}" + (f" and {len(texts) - 1} files that it needs" if len(texts) > 1 else "")
    ]
    with Rehearsal(texts, found.place) as rehearse:
        calls = gathering.gather(project, found, rehearse, options.record, options.generate, options.say)
    draft = drafted(project, found, texts, originals, calls)
    program_id = writing.write(folder, draft, options.seed)
    options.say("measuring the baseline, twice")
    try:
        measured = baseline.measure(folder)
    except BaseException:
        writing.remove(folder)
        raise
    return Made(program_id, folder, [*told, *calls.told, *measured])


def drafted(
    project: Path, found: Target, own: Mapping[str, str], originals: Mapping[str, Original], calls: Calls
) -> Draft:
    """All texts of the folder."""
    texts = writing.template("function")
    runner = texts[f"program/{RUNNER}"]
    runner = runner.replace("target_module", found.module).replace("target_function", found.function)
    texts[f"program/{RUNNER}"] = runner
    texts["tasks/calls.py"] = literals.module(calls.calls, calls.longer, calls.words)
    workload = texts["tasks/workload.py"]
    workload = workload.replace("kinds = ()", f"kinds = {calls.kinds!r}")
    texts["tasks/workload.py"] = workload.replace("per_input = 16", f"per_input = {calls.per_input}")
    texts |= {f"program/{path}": text for path, text in own.items()}
    largest = max(len(text.encode()) for text in own.values())
    texts["charter.toml"] = writing.filled(
        texts["charter.toml"],
        {"editable": list(own), "files": list(own), "focus": [found.place],
         "max_file_kb": max(64, 2 * largest // 1024), "tree_growth": growth(own)},
    )  # fmt: skip
    return Draft(texts, Origin("function", project, originals))


def growth(own: Mapping[str, str]) -> float:
    """How many times its size the program may grow to: a small one needs room for a helper or two."""
    return round(min(100.0, 2.0 + GROWTH_ROOM / (1 + sum(map(len, own.values())))), 1)
