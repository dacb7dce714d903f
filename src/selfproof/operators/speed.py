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
    moves. An empty list means that nothing could be shown to be safe: the source does not parse, the name is not
    bound exactly once to a plain function, or no pattern applies. Raises nothing.
    """
    try:
        edits = _moves(source, function)
        alone = {kind: text for kind in _kinds() if (text := rewritten(source, [function], [kind])[0]) != source}
        edits += [SpeedEdit(f"{function}: {_told(source, function, kind)}", _name(kind), text)
                  for kind, text in alone.items()]  # fmt: skip
        if len(alone) > 1:
            edits.append(_together(source, function, list(alone)))
        if len(alone) > 2:
            edits += [_together(source, function, [kind for kind in alone if kind is not out]) for out in alone]
        return _new(source, [*edits, *_on_top(source, function, edits)])
    except (SyntaxError, ValueError, RecursionError):  # not a module, or nested too deeply to be read
        return []


def file_edits(source: str, functions: Sequence[str]) -> list[SpeedEdit]:
    """Edits that rewrite several functions of a module at once, for programs that are timed as a whole.

    All kinds of rewrites together, then each kind alone. Raises nothing.
    """
    try:
        edits = []
        for kinds, title in ((list(_kinds()), "all rewrites"), *(([kind], _name(kind)) for kind in _kinds())):
            text, titles = rewritten(source, functions, kinds)
            if titles:
                edits.append(SpeedEdit(f"{len(titles)} places: {title}", f"{FILE}{title}", text))
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
    module = Globals(source)
    found: list[Move] = []
    for function in functions:
        try:
            body = Body(module, function)
        except LookupError:
            continue
        if not body.editable:
            continue
        for kind in kinds:
            for move in kind(body):
                start, end = extent(move)
                if all(end <= first or start >= last for first, last in map(extent, found)):
                    found.append(move)
    return found


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


def _told(source: str, function: str, kind: Rewrite) -> str:
    titles = rewritten(source, [function], [kind])[1]
    return titles[0] + (f" and {len(titles) - 1} more" if len(titles) > 1 else "")


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
