"""Make the living program of selfproof's own hot functions: profile, record, rehearse, write.

One objective a module, for the function of it that a real run spends most time in; only that module's copy may change.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from selfproof.nouns import UsageError
from selfproof.own import package, spots
from selfproof.own.package import Copy
from selfproof.own.spots import Spot
from selfproof.projects import baseline, function, gathering, literals, recording, writing
from selfproof.projects.gathering import Calls
from selfproof.projects.origin import Origin
from selfproof.projects.recording import Recorded
from selfproof.projects.rehearsal import Rehearsal, Staged
from selfproof.projects.writing import Draft, Made

FORM = "self"
MOST = 8  # functions
TRIED = 4  # times as many are recorded: not every function can be called by itself
LEAST_SHARE = 0.001  # of the run's time in the package
PREFIX = "copied_"
BEGIN, END = "[[objective]]", "\n[certify]"


@dataclass(frozen=True)
class Options:
    """What a person may say: which functions ("operators.speed:edits_for"; none: a profile decides), how many of them
    at most, how many seconds the apprentice runs while it is watched."""

    functions: tuple[str, ...] = ()
    most: int = MOST
    seconds: float = 20.0
    seed: int | None = None


@dataclass(frozen=True)
class Part:
    """One function of the program: its copy, its calls, all files that it needs there, and the place that is called."""

    spot: Spot
    copy: Copy
    calls: Calls
    files: dict[str, str]
    place: str

    @property
    def name(self) -> str:
        """The objective's name."""
        return tag_of(self.spot).removeprefix("_").replace("_", "-")


def make(folder: Path, options: Options, say: Callable[[str], object] = function.quietly) -> Made:
    """Find the functions, record their calls, write the living program, measure its baseline.

    Raises:
        UsageError: a function that was named cannot be chosen, or none can be used.
        SelfproofError: the apprentice does not run here.
    """
    writing.check_free(folder)
    told: list[str] = []
    chosen = [Spot(*package.named(place), 0, 0.0) for place in options.functions]
    if not chosen:
        say(f"profiling a run of an apprentice ({options.seconds:g} s)")
        every = spots.profiled(options.seconds)
        told += shares_told(every)
        chosen = [spot for spot in choosable(every) if copyable(spot, told)]
    tried = chosen[: TRIED * options.most]
    say(f"recording calls of {len(tried)} functions during another run")
    with tempfile.TemporaryDirectory(prefix="selfproof-own-") as scratch:
        command = spots.command(Path(scratch) / "life", options.seconds)
        pairs = [(spot.module, spot.function) for spot in tried]
        found = recording.record_all(package.home().project, pairs, command)
    words = "python -m " + spots.MODULE
    parts = list(parted(tried, found, options, words, say, told))
    draft = drafted(parts)
    program_id = writing.write(folder, draft, options.seed)
    say("measuring the baseline, twice")
    try:
        measured = baseline.measure(folder)
    except BaseException:
        writing.remove(folder)
        raise
    return Made(program_id, folder, [*told, *measured])


def choosable(every: Sequence[Spot]) -> list[Spot]:
    """Functions outside the kernel that take a share worth looking at."""
    total = sum(spot.seconds for spot in every) or 1.0
    fit = [spot for spot in every if package.forbidden(spot.module) is None and spot.seconds >= LEAST_SHARE * total]
    return [spot for spot in fit if not spot.function.split(".")[-1].startswith("__") and spot.calls > 1]


def copyable(spot: Spot, told: list[str]) -> bool:
    """Whether a function's module can be copied, and the function be listened to; else ``told`` says why not."""
    try:
        node = package.copied(spot.module, spot.function, PREFIX).target.node
        if node.decorator_list:
            raise UsageError("it is decorated, and cannot be listened to")
    except UsageError as error:
        told.append(f"{spot.place}: left out, {error}")
        return False
    return True


def shares_told(every: Sequence[Spot]) -> list[str]:
    """Where the time of the run goes."""
    total = sum(spot.seconds for spot in every) or 1.0
    kernel = [spot for spot in every if package.part_of(spot.module) in package.KERNEL]
    share = sum(spot.seconds for spot in kernel) / total
    lines = [f"{share:.0%} of the engine's own Python time is in the trusted core, which stays as it is"]
    return lines + [f"{spot.place}: {spot.seconds / total:.1%}" for spot in choosable(every)[:12]]


def parted(
    tried: Sequence[Spot], found: Sequence[Recorded], options: Options, words: str, say: Callable[[str], object],
    told: list[str],
) -> list[Part]:  # fmt: skip
    """One function of each module, those that take plain data first; says what was left out and why.

    Raises:
        UsageError: none is left, or one that was named is not.
    """
    rows = list(zip(tried, found, strict=True))
    rows.sort(key=lambda row: sum(row[1].plain) < gathering.PLAIN_SHARE * max(1, len(row[1].calls)))
    parts: dict[str, Part] = {}
    beside: list[str] = []
    for spot, recorded in rows:
        if len(parts) >= options.most:
            break
        if spot.module in parts:
            beside.append(spot.place)
            continue
        say(f"{spot.place}: trying its calls")
        try:
            parts[spot.module] = part_of(spot, recorded, words)
        except UsageError as error:
            if options.functions:
                raise
            told.append(f"{spot.place}: left out, {error}")
            continue
        told += [f"{spot.place}: {line}" for line in parts[spot.module].calls.told]
    if beside:
        told.append(f"left out, each in a file that has an objective already: {', '.join(beside)}")
    if not parts:
        raise UsageError("no function of the package could be called by itself", advice="Name some: --target self:...")
    return list(parts.values())


def tag_of(spot: Spot) -> str:
    """What the names of a function's parts end with."""
    return "_" + spot.module.removeprefix(package.NAME + ".").replace(".", "_")


def part_of(spot: Spot, recorded: Recorded, words: str) -> Part:
    """Copy a function's module and try its calls in the jail.

    Raises:
        UsageError: it cannot be copied, its calls do not run there, or are too few.
    """
    tag = tag_of(spot)
    copy = package.copied(spot.module, spot.function, PREFIX + tag.removeprefix("_"))
    program = {
        adapted: function.assembled(copy.target, copy.texts, adapted, tag, copy.renamed) for adapted in (False, True)
    }
    adapter = function.tagged(function.ADAPTER, tag)
    with Rehearsal(Staged(program[False], copy.target.place), Staged(program[True], adapter)) as rehearse:
        calls = gathering.recorded(copy.target, recorded, words, rehearse, function.quietly)
    return Part(spot, copy, calls, program[rehearse.adapted], adapter if rehearse.adapted else copy.target.place)


def drafted(parts: Sequence[Part]) -> Draft:
    """All texts of the folder: what every function brings, and one charter with an objective for each."""
    template = writing.template("function")
    charter = template["charter.toml"]
    begin, end = charter.index(BEGIN), charter.index(END)
    objectives = []
    texts = {"tasks/__init__.py": template["tasks/__init__.py"]}
    for part in parts:
        tag = tag_of(part.spot)
        texts |= {f"program/{path}": text for path, text in part.files.items()}
        texts[f"tasks/calls{tag}.py"] = literals.module(part.calls.calls, part.calls.longer, part.calls.words)
        workload = template["tasks/workload.py"].replace("from .calls", f"from .calls{tag}")
        workload = workload.replace("kinds = ()", f"kinds = {part.calls.kinds!r}")
        texts[f"tasks/workload{tag}.py"] = workload.replace("per_input = 16", f"per_input = {part.calls.per_input}")
        runner = function.tagged(function.RUNNER, tag)
        scope = [path for path in part.files if path not in (runner, function.IMPROVER)]
        objectives.append(
            writing.filled(
                charter[begin:end],
                {
                    "name": part.name,
                    "task": f"tasks/workload{tag}.py:Workload",
                    "entry": f"{runner}:run",
                    "files": scope,
                    "focus": [part.place],
                },
            )
        )
    own = {path: part.copy.texts[path] for part in parts for path in part.copy.originals}
    largest = max(len(text.encode()) for text in own.values())
    every = {path.removeprefix("program/"): text for path, text in texts.items() if path.startswith("program/")}
    filled = writing.filled(
        charter[:begin] + "\n".join(objectives) + charter[end:],
        {"editable": list(own), "max_file_kb": max(64, 2 * largest // 1024), "tree_growth": function.growth(every),
         "level": "propose", "minutes": max(2.0, float(len(parts)))},
    )  # fmt: skip
    originals = {path: original for part in parts for path, original in part.copy.originals.items()}
    return Draft({**texts, "charter.toml": filled}, Origin(FORM, package.home().project, originals))
