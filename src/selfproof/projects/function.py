"""``selfproof init --function pkg.mod:func``: the same answers in less time, on calls that were recorded."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from selfproof.archive.tree import matches
from selfproof.nouns import UsageError
from selfproof.projects import baseline, gathering, literals, suite, target, writing
from selfproof.projects.gathering import Calls
from selfproof.projects.origin import Origin
from selfproof.projects.rehearsal import Rehearsal, Staged
from selfproof.projects.target import Target
from selfproof.projects.writing import Draft, Made
from selfproof.trial.recorded import Call

RUNNER, IMPROVER = "selfproof_calls.py", "selfproof_improver.py"
OWN = "selfproof_*.py"
ADAPTER = "selfproof_target.py:target"
PARTS = {False: (IMPROVER, RUNNER), True: (IMPROVER, RUNNER, "selfproof_target.py", "selfproof_objects.py")}
GROWTH_ROOM = 20_000  # characters that a small program may grow by


def quietly(line: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Options:
    """What a person may say about a function.

    ``record`` is a command that calls it (default: the project's tests), ``generate`` makes calls from its type hints
    instead; ``benchmark`` is a file of pytest-benchmark tests to record from. ``tests`` is a command that must not fail
    more after a change. ``calls`` are the calls themselves, each
    [tuple of arguments, keywords] of plain data.
    """

    function: str
    record: str = ""
    generate: bool = False
    benchmark: str = ""
    seed: int | None = None
    tests: str = ""
    calls: tuple[Call, ...] = ()


def make(project: Path, folder: Path, options: Options, say: Callable[[str], object] = quietly) -> Made:
    """Find calls, write the living program, measure its baseline; ``say`` is told what is going on, a line each time.

    Raises:
        UsageError: there is no such function, it is of a kind that cannot be timed, or no call of it is known.
    """
    writing.check_free(folder)
    found = target.find(project, options.function)
    texts, originals = target.files(project, found)
    check_names(texts)
    if options.tests and found.grafted:
        raise UsageError("--tests cannot see a copy under another name", advice="Leave it out: answers are compared.")
    more = f" and what it needs of the project: {len(texts)} files" if len(texts) > 1 else ""
    told = [f"copied {found.source.path.name}{more}"]
    program = {adapted: assembled(found, texts, adapted) for adapted in (False, True)}
    with Rehearsal(Staged(program[False], found.place), Staged(program[True], ADAPTER)) as rehearse:
        calls = gathering.gather(project, found, rehearse, record_of(options), options.generate, say, options.calls)
    adapted = rehearse.adapted
    if adapted:
        told.append("it is called by way of selfproof_target.py, which lets plain data stand for objects")
    place = ADAPTER if adapted else found.place
    draft = drafted(program[adapted], texts, calls, place, writing.guidance(project))
    draft.origin = Origin("function", project, originals)
    guarded: list[str] = []
    if options.tests:
        suite.along(draft, project, folder)
        with tempfile.TemporaryDirectory(prefix="selfproof-init-") as scratch:
            guarded = suite.guard(Path(scratch), draft, options.tests, say=say)
    program_id = writing.write(folder, draft, options.seed)
    say("measuring the baseline, twice")
    try:
        measured = baseline.measure(folder)
    except BaseException:
        writing.remove(folder)
        raise
    return Made(program_id, folder, [*told, *calls.told, *measured, *guarded])


def check_names(texts: Iterable[str]) -> None:
    """See that no file of the user's has a name that the program needs for itself.

    Raises:
        UsageError: one has.
    """
    if clash := [path for path in texts if matches(path, (OWN,))]:
        raise UsageError(f"{clash[0]} has a name that selfproof needs for itself", advice="Rename it.")


def record_of(options: Options) -> str:
    """What is run while calls are recorded, "" for the default.

    Raises:
        UsageError: two things were named.
    """
    if sum(map(bool, (options.record, options.generate, options.benchmark))) > 1:
        raise UsageError("--record, --generate and --benchmark exclude each other", advice="Give one of them.")
    return f"pytest -q {shlex.quote(options.benchmark)}" if options.benchmark else options.record


def assembled(
    found: Target, own: Mapping[str, str], adapted: bool, tag: str = "", renamed: Mapping[str, str] | None = None
) -> dict[str, str]:
    """All files of the program: the user's, the runner and the improver, and with objects what takes them apart.

    ``tag`` is in the names of the parts where a program has several such functions; ``renamed`` are modules that it has
    under another name.
    """
    texts = {path.removeprefix("program/"): text for path, text in writing.template("function").items()}
    if renamed is None:
        renamed = {found.source.module: found.module} if found.grafted else {}
    parts = {}
    for path in PARTS[adapted]:
        module, function = found.module, found.function
        if path == RUNNER and adapted:
            module, _, function = tagged(ADAPTER, tag).partition(".py:")
        changed = texts[path].replace("target_module", module).replace("target_function", function)
        changed = changed.replace("selfproof_objects import", f"selfproof_objects{tag} import")
        parts[tagged(path, tag)] = changed.replace("RENAMED = {}", f"RENAMED = {dict(renamed)!r}")
    return {**own, **parts}


def tagged(path: str, tag: str) -> str:
    """A part's path, or a place in it, where a program has several of it; there is one improver for all."""
    return path if path == IMPROVER else path.replace(".py", f"{tag}.py")


def drafted(program: Mapping[str, str], own: Mapping[str, str], calls: Calls, place: str, said: str) -> Draft:
    """All texts of the folder; ``place`` is what is called, ``said`` the user's words to proposers."""
    parts = [path for path in program if path not in own]
    texts = {path: text for path, text in writing.template("function").items() if not path.startswith("program/")}
    texts["tasks/calls.py"] = literals.module(calls.calls, calls.longer, calls.words)
    workload = texts["tasks/workload.py"].replace("kinds = ()", f"kinds = {calls.kinds!r}")
    texts["tasks/workload.py"] = workload.replace("per_input = 16", f"per_input = {calls.per_input}")
    texts |= {f"program/{path}": text for path, text in program.items()}
    scope = [*own, *(path for path in parts if path not in (RUNNER, IMPROVER))]
    texts |= {writing.GUIDANCE: said} if said else {}
    largest = max(len(text.encode()) for text in own.values())
    texts["charter.toml"] = writing.filled(
        texts["charter.toml"],
        {"editable": list(own), "files": scope, "focus": [place],
         "max_file_kb": max(64, 2 * largest // 1024), "tree_growth": growth(own),
         "guidance": writing.GUIDANCE if said else ""},
    )  # fmt: skip
    return Draft(texts)


def growth(own: Mapping[str, str]) -> float:
    """How many times its size the program may grow to: a small one needs room for a helper or two."""
    return round(min(100.0, 2.0 + GROWTH_ROOM / (1 + sum(map(len, own.values())))), 1)
