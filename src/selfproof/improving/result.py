"""What a run came to, as one frozen value that prints as text and shows as a table in a notebook."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from selfproof.archive.state import fold
from selfproof.ledger import read
from selfproof.nouns import Files, UsageError
from selfproof.places import Paths
from selfproof.projects import delivery, origin


@dataclass(frozen=True)
class Result:
    """A program after a run.

    ``certified`` and ``refused`` count changes since the program began, ``objectives`` are the rows of the closing
    table (machine contract of the summary), ``certificates`` those of every change that stands, oldest first. ``diff``
    is the patch from the first version to the one that stands now, ``files`` the text of that one. ``speedup`` is how
    many times as fast the first speed objective became, measured on inputs used for nothing else: 1.0 if no change of
    it stands, None if there is no such objective or the run was too short to measure it; ``interval`` is its 95%
    interval. ``summary`` is the run's last event.
    """

    certified: int
    refused: int
    objectives: tuple[Mapping[str, Any], ...]
    certificates: tuple[Mapping[str, Any], ...]
    diff: str
    speedup: float | None
    interval: tuple[float, float] | None
    folder: Path
    files: Files = field(repr=False)
    summary: Mapping[str, Any] = field(repr=False)

    def __bool__(self) -> bool:
        """Whether any change was certified and stands."""
        return self.certified > 0

    def __str__(self) -> str:
        """A few lines for a terminal."""
        return "\n".join(_lines(self))

    def _repr_html_(self) -> str:
        """A table for a notebook: no scripts, nothing loaded, every text escaped."""
        return _page(self)


def result_of(folder: Path, summary: Mapping[str, Any]) -> Result:
    """Read what a run left in ``folder``; ``summary`` is its last event.

    Raises:
        SelfproofError: the ledger cannot be read.
    """
    reader = read(Paths(folder).ledger)
    state = fold(reader.leaves())

    def files(number: int) -> dict[str, str]:
        return {path: reader.get_blob(digest).decode() for path, digest in state.versions[number].files.items()}

    standing = {c.version: c for c in state.confirmations.values()
                if c.version is not None and not state.versions[c.version].rolled_back}  # fmt: skip
    improved = {c.body["objective"] for c in standing.values()}
    rows = tuple(MappingProxyType(dict(row)) for row in summary.get("objectives", []))
    speedup, interval = _speedup(rows, improved)
    now = files(state.current)
    return Result(
        certified=int(summary["certified"]), refused=int(summary["refused"]), objectives=rows,
        certificates=tuple(MappingProxyType(dict(c.certificate)) for c in standing.values() if c.certificate),
        diff=_patch(folder, files(0), now), speedup=speedup, interval=interval, folder=folder,
        files=MappingProxyType(now), summary=MappingProxyType(dict(summary)),
    )  # fmt: skip


def _speedup(
    rows: Sequence[Mapping[str, Any]], improved: set[str]
) -> tuple[float | None, tuple[float, float] | None]:  # fmt: skip
    for row in rows:
        ratio = row.get("ratio")
        if isinstance(ratio, Mapping):
            if row["name"] not in improved:
                return 1.0, (1.0, 1.0)
            low, high = ratio["interval"]
            return float(ratio["value"]), (float(low), float(high))
    return None, None


def _patch(folder: Path, before: Files, after: Files) -> str:
    """The change in the user's own files where the program was made of them, else in the program's."""
    known = origin.load(folder)
    if known is not None:
        try:
            return delivery.patch(origin.changes(known, before, after))
        except UsageError:  # a file of the user's has changed meanwhile: the program's own change is still true
            pass
    paths = sorted(set(before) | set(after))
    return delivery.patch([origin.Change(path, before.get(path), after.get(path)) for path in paths
                           if before.get(path) != after.get(path)])  # fmt: skip


def _headline(result: Result) -> str:
    changes = f"{result.certified} certified, {result.refused} refused"
    if result.summary.get("uncertified"):
        changes += f", {result.summary['uncertified']} adopted WITHOUT a certificate"
    if result.speedup is None or result.interval is None:
        return changes
    low, high = result.interval
    return f"{result.speedup:.2f} times as fast [{low:.2f}, {high:.2f}]; {changes}"


def _table(result: Result) -> Iterator[tuple[str, str, str, str]]:
    """Objective, start, now, gain, as words."""
    for row in result.objectives:
        unit = f"{row.get('metric', '')}, {row.get('better', '')} is better"
        start, now = (f"{row[key]:.4g}" if isinstance(row.get(key), int | float) else "not measured"
                      for key in ("start", "now"))  # fmt: skip
        yield f"{row.get('name', '')} ({unit})", start, now, _gain(row)


def _gain(row: Mapping[str, Any]) -> str:
    for key, unit in (("ratio", " times as fast"), ("gain", "")):
        told = row.get(key)
        if isinstance(told, Mapping) and isinstance(told.get("value"), int | float):
            low, high = told["interval"]
            return f"{told['value']:.4g}{unit} [{low:.4g}, {high:.4g}]"
    return ""


def _changes(result: Result) -> Iterator[tuple[str, str]]:
    """Each change that stands: "v1", and the claim with its effect."""
    for told in result.certificates:
        effect = told.get("effect") or {}
        size = f", effect {effect['value']:.4g}" if isinstance(effect.get("value"), int | float) else ""
        yield f"v{told.get('version')}", f"{told.get('answer')} at alpha_k {told.get('alpha_k'):.3g}{size}"


def _closing(result: Result) -> str:
    ledger, alpha = result.summary.get("ledger", {}), result.summary.get("alpha", {})
    checked = "verified" if ledger.get("verified") else "NOT verified"
    return (
        f"error budget {alpha.get('spent', 0):.4f} of {alpha.get('total', 0)} spent over the program's life; ledger "
        f"{checked}, {ledger.get('entries')} entries; isolation: {result.summary.get('tier')}; "
        f"ended: {result.summary.get('ended')}"
    )


def _lines(result: Result) -> Iterator[str]:
    yield _headline(result)
    for name, start, now, gain in _table(result):
        yield f"  {name}: {start} -> {now}" + (f", {gain}" if gain else "")
    for version, words in _changes(result):
        yield f"  {version}: {words}"
    yield f"  {_closing(result)}"
    yield f"  folder: {result.folder}"
    if result.diff:
        yield ""
        yield _plain(result.diff.rstrip("\n"))


def _plain(text: str) -> str:
    """Text of a program without what a terminal or a browser would obey."""
    return "".join(ch if ch.isprintable() or ch in "\n\t" else "�" for ch in text)


def _cell(text: str, tag: str = "td") -> str:
    return f'<{tag} style="text-align:left;padding:.2em .8em .2em 0">{html.escape(_plain(text))}</{tag}>'


def _page(result: Result) -> str:
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in _table(result))
    head = "".join(_cell(name, "th") for name in ("objective", "start", "now", "gain, 95% interval"))
    changes = "".join(f"<li>{html.escape(_plain(f'{version}: {words}'))}</li>" for version, words in _changes(result))
    diff = f"<details open><summary>diff</summary><pre>{html.escape(_plain(result.diff))}</pre></details>"
    certificates = html.escape(_plain(json.dumps([dict(c) for c in result.certificates], indent=1, default=str)))
    return (
        f"<div><p><strong>selfproof: {html.escape(_headline(result))}</strong></p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"<ul>{changes}</ul>{diff if result.diff else '<p>nothing was changed</p>'}"
        f"<details><summary>certificates</summary><pre>{certificates}</pre></details>"
        f"<p>{html.escape(_plain(_closing(result)))}<br>folder: {html.escape(_plain(str(result.folder)))}</p></div>"
    )
