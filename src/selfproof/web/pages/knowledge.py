"""Self-knowledge: where the program spends its time, who earns their keep, what it avoids, who edited the editor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from selfproof.viewing.rows import lineages_of
from selfproof.web.drawing import flame, icicle
from selfproof.web.drawing.svg import Palette
from selfproof.web.models import earning as models
from selfproof.web.models.earning import Avoided, Earned, Profile
from selfproof.web.models.forest import Forest, Node
from selfproof.web.page import Asked, NotHere, Page
from selfproof.web.pages.lineage import csv_of, exported, forest
from selfproof.web.reading import Reading

SOURCES: dict[str, Callable[[Forest], Callable[[Node], str | None]]] = {
    "operators": models.by_operator,
    "proposers": models.by_proposer,
    "generations": lambda forest: models.by_generation,
}


def earned(reading: Reading, name: str) -> list[Earned]:
    """The rows of one kind of source."""
    whole = forest(reading)
    return reading.memo(f"earned-{name}", lambda: models.earned(whole, reading.state, SOURCES[name](whole)))


def avoided(reading: Reading) -> Avoided:
    """What was learned not to do."""
    screened = (reading.entry(index) for index, kind in enumerate(reading.kinds) if kind == "screened")
    return reading.memo(
        "avoided", lambda: models.avoided(forest(reading), reading.state, earned(reading, "operators"), screened)
    )


def profiles(reading: Reading) -> dict[str, tuple[Profile, Profile]]:
    """First and newest profile of each speed objective."""
    proposed = (reading.entry(index) for index, kind in enumerate(reading.kinds) if kind == "propose")
    return reading.memo("profiles", lambda: models.profiles(proposed, reading.blob))


def show(asked: Asked) -> Response:
    """The page."""
    reading = asked.reading
    lineages = reading.memo("lineages", lambda: lineages_of(reading))
    generations = [
        {"version": number, "improver": one.improver, "depth": one.depth, "edits": one.edits_improver,
         "title": reading.state.versions[number].title, "stands": not reading.state.versions[number].rolled_back}
        for number, one in sorted(lineages.items()) if number < len(reading.state.versions)
    ]  # fmt: skip
    hot = [
        {"objective": name, "first": first, "last": last,
         "picture": Markup(flame.hot(first.rows, last.rows)),  # noqa: S704  escaped there
         "flames": [(when, Markup(drawn)) for when, drawn in flames(first, last).items()],  # noqa: S704  escaped there
         "rows": both(first, last)}
        for name, (first, last) in profiles(reading).items()
    ]  # fmt: skip
    return asked.render(
        "knowledge.html", hot=hot, avoided=avoided(reading), generations=generations,
        sources=[(name, heading, earned(reading, name)) for name, heading in
                 (("operators", "Operators"), ("proposers", "Proposers and models"),
                  ("generations", "Generations of the improver"))],
    )  # fmt: skip


def flames(first: Profile, last: Profile, palette: Palette = "page") -> dict[str, str]:
    """The flame graphs before and after; none where who calls whom is not in the ledger."""
    named = {"before": first, "after": last} if last.tree != first.tree else {"before": first}
    return {
        when: icicle.flames(one.tree, f"{when.capitalize()}: the run of entry {one.entry}", palette)
        for when, one in named.items() if one.tree
    }  # fmt: skip


def both(first: Profile, last: Profile) -> list[dict[str, Any]]:
    """Two profiles as one table, by function."""
    old, new = ({flame.place(row): row for row in one.rows} for one in (first, last))
    return [
        {"function": name, **{f"{key}_{when}": (rows.get(name) or {}).get(key)
                              for when, rows in (("before", old), ("after", new)) for key in ("own", "share", "calls")}}
        for name in sorted({*old, *new}, key=lambda name: -(old.get(name) or new[name])["own"])
    ]  # fmt: skip


def profile_of(asked: Asked) -> tuple[Profile, Profile]:
    """The profiles of the objective that an address names.

    Raises:
        NotHere: it has none.
    """
    found = profiles(asked.reading).get(asked.request.path_params["objective"])
    if found is None:
        raise NotHere("this objective has no profile", advice="Only objectives of speed are profiled.")
    return found


def picture(asked: Asked) -> Response:
    """A profile before and after as a file."""
    first, last = profile_of(asked)
    palette: Palette = "dark" if asked.word("dark") else "light"
    return exported(flame.hot(first.rows, last.rows, palette), "profile.svg", "image/svg+xml")


def flame_picture(asked: Asked) -> Response:
    """One flame graph as a file.

    Raises:
        NotHere: there is none.
    """
    drawn = flames(*profile_of(asked), palette="dark" if asked.word("dark") else "light")
    when = asked.request.path_params["when"]
    if when not in drawn:
        raise NotHere("there is no such flame graph", advice="before, or after.")
    return exported(drawn[when], f"flames-{when}.svg", "image/svg+xml")


def call_table(asked: Asked) -> Response:
    """Both trees of calls as CSV: each call with its callers, as folded stacks have them."""
    rows = []
    for when, one in zip(("before", "after"), profile_of(asked), strict=True):
        stacks: list[str] = []
        for (parent, name, calls, own), whole in zip(one.tree, icicle.wholes(one.tree), strict=True):
            stacks.append(f"{stacks[parent]};{name}" if parent >= 0 else name)
            rows.append({"when": when, "stack": stacks[-1], "calls": calls, "own_seconds": own, "seconds": whole})
    return exported(csv_of(rows), "calls.csv", "text/csv")


def table(asked: Asked) -> Response:
    """The same as CSV."""
    return exported(csv_of(both(*profile_of(asked))), "profile.csv", "text/csv")


def earned_table(asked: Asked) -> Response:
    """Who earned what as CSV.

    Raises:
        NotHere: nothing is counted so.
    """
    name = asked.request.path_params["name"]
    if name not in SOURCES:
        raise NotHere("this is not counted", advice=f"One of: {', '.join(SOURCES)}.")
    rows = [
        {"name": row.name, "tried": row.tried, "kept": row.kept, "kept_low": row.share[1], "kept_high": row.share[2],
         "confirmed": row.confirmed, "certified": row.certified, "trials": row.trials, "cpu_seconds": row.cpu_seconds,
         "dollars": row.dollars}
        for row in earned(asked.reading, name)
    ]  # fmt: skip
    return exported(csv_of(rows), f"{name}.csv", "text/csv")


PAGES = (
    Page("knowledge", "knowledge", "Self-knowledge", show, order=40, key="s"),
    Page("profile-svg", "knowledge/{objective}/profile.svg", "Self-knowledge", picture),
    Page("flames-svg", "knowledge/{objective}/flames-{when}.svg", "Self-knowledge", flame_picture),
    Page("calls-csv", "knowledge/{objective}/calls.csv", "Self-knowledge", call_table),
    Page("profile-csv", "knowledge/{objective}/profile.csv", "Self-knowledge", table),
    Page("earned-csv", "knowledge/{name}.csv", "Self-knowledge", earned_table),
)
