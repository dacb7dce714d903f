"""Edits that make one function of a program faster and leave what it does as it is.

The functions here only read and write text: nothing of the program is imported or run. An edit is a
proposal all the same: the engine compares its behaviour with the original's on recorded and hostile inputs
before a clock counts.

There are two families. *Moves* (`speed_moves`, `speed_caches`) evaluate something less often; they need functions
that are pure as far as the source tells, and check the rest at run time. *Rewrites* (`local_calls`, `local_loops`,
`local_inline`) evaluate the same things in the same order, by cheaper means; they need no purity, and serve methods,
generators and functions with unknown calls too.

Does not protect against: see `speed_moves`, `purity` and `body`; a speed-up is not promised either, only looked
for.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .body import Body, extent
from .local_calls import bare_functions, displays, formats, generators_used_at_once, prefixes, smaller_or_larger
from .local_constants import casts, copies, tables
from .local_helpers import inlined_helpers
from .local_inline import compiled_patterns, inlined_calls
from .local_loops import comprehensions, counters, plain_loops, renamed_methods
from .local_numbers import arithmetic_once
from .purity import Module
from .speed_caches import call_caches, recursion_caches
from .speed_globals import Globals
from .speed_moves import growing_memberships, hoists, memberships
from .speed_regions import Site
from .speed_text import HELPER_NEEDS, HELPERS, Move, spliced

Rewrite = Callable[[Body], Iterator[Move]]

STAGES: tuple[tuple[Rewrite, ...], ...] = (
    (renamed_methods, counters, casts, tables),
    (comprehensions, plain_loops, inlined_helpers),
    (compiled_patterns, inlined_calls, smaller_or_larger, prefixes, generators_used_at_once, formats, displays),
    (bare_functions, copies, arithmetic_once),
)
"""Rewrites in the order in which they do not stand in each other's way: names that `:=` binds block a comprehension."""

MOVES = (memberships, growing_memberships, hoists, call_caches, recursion_caches)
FILE = "file: "
"""How the operator of an edit of a whole file begins; those of several files with the same operator go together."""

_PASSES = 4
_SMALL, _LARGE = 30_000, 60_000  # characters of a file
_TOLD = 6


@dataclass(frozen=True)
class SpeedEdit:
    """A proposed rewrite of one function, or of several; `source` is the whole new text of its module."""

    title: str
    operator: str
    source: str


def speed_edits(source: str, function: str) -> list[SpeedEdit]:
    """All edits known for `function` ("name" or "Class.name") of the module text `source`, in a fixed order.

    First each move and each kind of rewrite alone, then the rewrites together, without each one in turn, and with all
    moves; of a long file not each of them, since it has to be read anew for each. An empty list means that nothing
    could be shown to be safe: the source does not parse, the name is not bound exactly once to a plain function, or no
    pattern applies. Raises nothing.
    """
    try:
        edits = _moves(source, function)
        kinds = _applicable(source, [function])
        if len(source) <= _LARGE or len(kinds) == 1:
            edits += [_alone(source, function, kind) for kind in kinds]
        if len(kinds) > 1:
            edits.append(_together(source, function, kinds))
        if len(kinds) > 2 and len(source) <= _SMALL:
            edits += [_together(source, function, [kind for kind in kinds if kind is not out]) for out in kinds]
        return _new(source, [*edits, *_on_top(source, function, edits)])
    except (SyntaxError, ValueError, RecursionError):  # not a module, or nested too deeply to be read
        return []


def file_edits(source: str, functions: Sequence[str]) -> list[SpeedEdit]:
    """Edits that rewrite several functions of a module at once, for programs that are timed as a whole.

    All kinds of rewrites together, then each kind alone. Raises nothing.
    """
    try:
        edits, found = [], _applicable(source, functions)
        alone = found if len(source) <= _LARGE else []
        for kinds, title in ((found, "all rewrites"), *(([kind], _name(kind)) for kind in alone)):
            text, titles = rewritten(source, functions, kinds)
            if titles:
                edits.append(
                    SpeedEdit(f"{len(titles)} place{'s' * (len(titles) > 1)}: {title}", f"{FILE}{title}", text)
                )
        return _new(source, edits)
    except (SyntaxError, ValueError, RecursionError):
        return []


def edits_for(source: str, functions: Sequence[str], called: Sequence[str] = ()) -> list[SpeedEdit]:
    """What there is to suggest for a file: edits of all functions that are `called` at once, then of each hot one."""
    return file_edits(source, called) + [edit for function in functions for edit in speed_edits(source, function)]


def rewritten(source: str, functions: Sequence[str], kinds: Sequence[Rewrite]) -> tuple[str, list[str]]:
    """The source after all rewrites of these kinds in these functions, and what was done; functions may be missing.

    Each rewrite keeps what the function does, so any number of them does, one after the other.
    """
    done: list[str] = []
    for stage in STAGES:
        chosen = [kind for kind in stage if kind in kinds]
        for _ in range(_PASSES if chosen else 0):
            moves = _disjoint(source, functions, chosen)
            text = _applied(source, moves)
            if text == source:
                break
            source = text
            done += [move.title for move in moves]
    return source, done


def _applied(source: str, moves: Sequence[Move]) -> str:
    """The source with all moves, or one after the other where that is no module: then without the odd one."""
    if not moves:
        return source
    cuts = [cut for move in moves for cut in move.splices]
    text = spliced(source, cuts, [], [line for move in moves for line in move.lines])
    if text is None and len(moves) > 1:
        return next((one for move in moves if (one := _applied(source, [move])) != source), source)
    return source if text is None else text


def _disjoint(source: str, functions: Sequence[str], kinds: Sequence[Rewrite]) -> list[Move]:
    """Moves that touch different parts of the text, the first ones found."""
    found: list[Move] = []
    for body in _bodies(source, functions):
        for kind in kinds:
            for move in kind(body):
                start, end = extent(move)
                if all(end <= first or start >= last for first, last in map(extent, found)):
                    found.append(move)
    return found


def _applicable(source: str, functions: Sequence[str]) -> list[Rewrite]:
    """The kinds of rewrites for which the functions have a place."""
    bodies = _bodies(source, functions)
    return [kind for kind in _kinds() if any(next(kind(body), None) is not None for body in bodies)]


def _bodies(source: str, functions: Sequence[str]) -> list[Body]:
    """Those of the functions that may be edited; their new names are chosen afresh."""
    module, bodies = _read(source)
    module.taken.clear()
    for function in functions:
        if function not in bodies:
            bodies[function] = _found(module, function)
    found = [bodies[function] for function in functions]
    return [body for body in found if body is not None and body.editable]


@lru_cache(maxsize=2)
def _read(source: str) -> tuple[Globals, dict[str, Body | None]]:
    """A module and those of its functions that were read already: all kinds of rewrites look at the same ones."""
    return Globals(source), {}


def _found(module: Globals, function: str) -> Body | None:
    try:
        return Body(module, function)
    except LookupError:
        return None


def _moves(source: str, function: str) -> list[SpeedEdit]:
    """Each move alone; for top-level functions of modules that purity can be read from."""
    module = Module(source)
    if function not in module.functions or module.shadowed & HELPER_NEEDS:
        return []
    site = Site(module, function)
    if not site.editable or site.scope.locals & HELPERS:
        return []
    edits = []
    for moves in MOVES:
        for move in moves(site):
            text = spliced(source, move.splices, move.helpers)
            if text is not None:
                edits.append(SpeedEdit(f"{function}: {move.title}", move.operator, text))
    return edits


def _on_top(source: str, function: str, edits: Sequence[SpeedEdit]) -> list[SpeedEdit]:
    """All moves one after the other, on the source and on the rewrites together."""
    found = []
    together = next((edit for edit in edits if edit.operator == "together"), None)
    for start in [SpeedEdit(f"{function}: ", "together", source), *([together] if together else [])]:
        text, titles = start.source, []
        for _ in range(_TOLD):
            move = next((edit for edit in _moves(text, function) if edit.source != text), None)
            if move is None:
                break
            text = move.source
            titles.append(move.title.partition(": ")[2])
        if len(titles) > (start.source == source):
            found.append(SpeedEdit(f"{start.title}{'; '.join(titles)}", "together", text))
    return found


def _together(source: str, function: str, kinds: Sequence[Rewrite]) -> SpeedEdit:
    text, titles = rewritten(source, [function], kinds)
    more = f" and {len(titles) - _TOLD} more" if len(titles) > _TOLD else ""
    return SpeedEdit(f"{function}: {'; '.join(titles[:_TOLD])}{more}", "together", text)


def _alone(source: str, function: str, kind: Rewrite) -> SpeedEdit:
    text, titles = rewritten(source, [function], [kind])
    more = f" and {len(titles) - 1} more" if len(titles) > 1 else ""
    return SpeedEdit(f"{function}: {titles[0] if titles else _name(kind)}{more}", _name(kind), text)


def _kinds() -> Iterator[Rewrite]:
    return (kind for stage in STAGES for kind in stage)


def _name(kind: Rewrite) -> str:
    return kind.__name__.replace("_", " ")


def _new(source: str, edits: Sequence[SpeedEdit]) -> list[SpeedEdit]:
    """The edits that change the code, each once."""
    seen, found = {ast.dump(ast.parse(source))}, []
    for edit in edits:
        form = ast.dump(ast.parse(edit.source))
        if form not in seen:
            seen.add(form)
            found.append(edit)
    return found
