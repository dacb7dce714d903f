"""A world of one's own, from a TOML file with strict keys.

    name = "nightly"                      # optional; the file's name by default
    margin = 0.02                         # optional: asks for the second bet (kind "draws" only)
    span = 18.0                           # largest difference of one draw; 1 by default
    [noise]
    kind = "normal"                       # normal (sd), pass-fail (discordance), heavy (sd, freedom, spikes), drifting
    sd = 0.05                             # (sd, restless), measured (differences), draws (values, chances, block)
    [[group]]
    share = 0.9                           # of the candidates; shares are divided by their sum
    [[group]]
    share = 0.1
    effect = [0.1, 1.0]                   # mean difference in spreads: a number, or a range (log-uniform); 0 by default

With kind "draws" the list says itself what the effect is, and there are no groups.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from selfproof.nouns import UsageError
from selfproof.simulate.noise import Draws, Drifting, Heavy, Measured, Noise, Normal, PassFail
from selfproof.simulate.worlds import Group, World

MOST_NUMBERS = 100_000
KINDS: dict[str, tuple[Callable[..., Noise], dict[str, tuple[float, float]]]] = {
    "normal": (Normal, {"sd": (1e-12, 1e12)}),
    "pass-fail": (PassFail, {"discordance": (1e-6, 1.0)}),
    "heavy": (Heavy, {"sd": (1e-12, 1e12), "freedom": (0.1, 1e6), "spikes": (0.0, 1.0)}),
    "drifting": (Drifting, {"sd": (1e-12, 1e12), "restless": (0.0, 2.0)}),
    "measured": (Measured, {}),
    "draws": (Draws, {"block": (1, 100_000)}),
}
"""For each kind its class, and the bounds of those fields that are numbers."""
LISTS = {"measured": ("differences",), "draws": ("values", "chances")}
D = TypeVar("D", float, None)
TOP = ("name", "margin", "span", "noise", "group")


def load(path: Path) -> World:
    """The world that a file describes.

    Raises:
        UsageError: it cannot be read, is no TOML, or says something that is not allowed; the message names the place.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the world {path} cannot be read: {error}", advice="Give a name, or a TOML file.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}", advice="It must be TOML; docs/gate.md has an example.") from None
    _only(data, TOP, "the world")
    name = data.get("name", path.stem)
    if not isinstance(name, str) or not name:
        raise UsageError(f"world: name must be a text, got {name!r}")
    noise = _noise(data.get("noise"))
    span = _number(data, "span", "the world", (1e-12, 1e12), 1.0)
    margin = _number(data, "margin", "the world", (1e-12, span), None)
    if margin is not None and not isinstance(noise, Draws):
        raise UsageError("world: margin asks for the second bet", advice='Only the kind "draws" has single draws.')
    if isinstance(noise, Draws) and max(map(abs, noise.values)) > span:
        raise UsageError(
            f"world: a value lies outside the span of {span}", advice="Set span to the largest there can be."
        )
    return World(name, noise, _groups(data.get("group"), noise), margin, span, margin or 0.0)


def _noise(table: Any) -> Noise:
    if not isinstance(table, dict) or table.get("kind") not in KINDS:
        got = table.get("kind") if isinstance(table, dict) else table
        raise UsageError(f"world: [noise] kind is {got!r}", advice=f"Kinds: {', '.join(KINDS)}.")
    kind = table["kind"]
    make, numbers = KINDS[kind]
    lists = LISTS.get(kind, ())
    _only(table, ("kind", *numbers, *lists), f"[noise] of kind {kind}")
    given: dict[str, Any] = {
        key: _number(table, key, "[noise]", bounds, None) for key, bounds in numbers.items() if key in table
    }
    given |= {key: _list(table, key) for key in lists}
    if kind == "draws":
        _check_draws(given)
        given["block"] = int(given.get("block", 1))
    elif kind == "measured" and (len(given["differences"]) < 8 or len(set(given["differences"])) < 2):
        raise UsageError("world: [noise] differences must be at least 8 numbers that are not all equal")
    return make(**given)


def _check_draws(given: dict[str, Any]) -> None:
    chances = given["chances"]
    if len(chances) != len(given["values"]) or min(chances) < 0 or abs(math.fsum(chances) - 1) > 1e-6:
        raise UsageError("world: [noise] chances must be one for each value, none below 0, with the sum 1")
    given["chances"] = tuple(chance / math.fsum(chances) for chance in chances)


def _groups(rows: Any, noise: Noise) -> tuple[Group, ...]:
    if isinstance(noise, Draws):
        if rows is not None:
            raise UsageError('world: with the kind "draws" there are no groups', advice="The values say the effect.")
        mean = noise.mean if abs(noise.mean) > 1e-12 else 0.0
        return (Group(1.0, abs(mean), abs(mean), math.copysign(1.0, mean), noise),)
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise UsageError("world: there must be at least one [[group]]", advice="[[group]] share = 1 is a null world.")
    groups = [_group(row, f"[[group]] {number}") for number, row in enumerate(rows, start=1)]
    if not math.fsum(group.share for group in groups) > 0:
        raise UsageError("world: the groups' shares must not all be 0")
    return tuple(groups)


def _group(row: Mapping[str, Any], where: str) -> Group:
    _only(row, ("share", "effect"), where)
    if "share" not in row:
        raise UsageError(f"world: {where} lacks 'share'", advice="The share of the candidates that belong to it.")
    share = _number(row, "share", where, (0.0, 1e9), 0.0)
    effect = row.get("effect", 0.0)
    ends = effect if isinstance(effect, list) else [effect, effect]
    if len(ends) != 2 or not all(_is_number(end) and abs(end) <= 100 for end in ends):
        raise UsageError(f"world: {where} effect must be a number or a range [from, to] within 100, got {effect!r}")
    low, high = sorted(map(abs, ends))
    if low != high and (ends[0] * ends[1] <= 0):
        raise UsageError(f"world: {where} effect is a log-uniform range: both ends above 0, or both below")
    return Group(share, float(low), float(high), -1.0 if ends[0] < 0 else 1.0)


def _only(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            advice = f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(known)}."
            raise UsageError(f"world: unknown key {key!r} in {where}", advice=advice)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(table: Mapping[str, Any], key: str, where: str, bounds: tuple[float, float], default: D) -> float | D:
    if key not in table:
        return default
    value, (low, high) = table[key], bounds
    if not _is_number(value) or not low <= value <= high:
        raise UsageError(f"world: {where} {key} must be a number from {low:g} to {high:g}, got {value!r}")
    return float(value)


def _list(table: Mapping[str, Any], key: str) -> tuple[float, ...]:
    values = table.get(key)
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_NUMBERS or not all(map(_is_number, values)):
        raise UsageError(f"world: [noise] {key} must be a list of 1 to {MOST_NUMBERS} finite numbers")
    return tuple(map(float, values))
