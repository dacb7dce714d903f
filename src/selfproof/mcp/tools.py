"""What an agent can do: each tool is one command. Their docstrings are what the agent reads."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from selfproof.mcp.commands import Refused, answer, lines

MOST_MINUTES: Final = 60.0
MOST_ROWS: Final = 50
Tell = Callable[[float, float, str], Awaitable[None]]
"""Progress: seconds so far, seconds in all, words."""


class Tools:
    """The tools, for folders below ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def _at(self, folder: str) -> str:
        """A folder as the commands take it.

        Raises:
            Refused: it is not below the root.
        """
        path = (self._root / folder).resolve()
        if path != self._root and self._root not in path.parents:
            raise Refused(f"{folder} is outside {self._root}; start `selfproof mcp --root DIR` for another place")
        return str(path)

    async def init(
        self, options: dict[str, str | bool | list[str]], folder: str = "", project: str = "."
    ) -> dict[str, Any]:
        """Make a new living program of the code in `project`, in `folder` (default: `living` in the project).

        `options` are flags of `selfproof init` without their dashes. One names the form:
        {"function": "package.module:function"} makes it faster with equal answers (also "record": a command that calls
        it, or "generate": true, or "benchmark": a pytest-benchmark file);
        {"command": "python train.py", "metric": "val_loss", "lower": true} (or "higher") improves the number that it
        prints; {"solver": "file.py:function", "task": "file.py:Class"} improves its answers;
        {"template": "apprentice"} is a program that improves itself. More: "tests", "files", "edit", "allow", "seed".
        Nothing of the project is changed. Returns the program's id, its folder, and what was measured.
        """
        words = ["init", "--json", "--project", self._at(project)]
        for name, given in options.items():
            if not re.fullmatch(r"[a-z][a-z-]*", name) or name in {"project", "json", "help"}:
                raise Refused(f"{name!r} is no option of `selfproof init`")
            values = given if isinstance(given, list) else [given]
            words += [f"--{name}" if value is True else f"--{name}={value}" for value in values if value is not False]
        if folder or "template" in options:
            words.append(self._at(folder or project))
        found: dict[str, Any] = await answer(words)
        return found

    async def run(
        self, folder: str = ".", minutes: float = 2.0, seed: int | None = None, *, tell: Tell
    ) -> dict[str, Any]:  # fmt: skip
        """Let the living program in `folder` improve itself for `minutes` (at most 60), and wait for it.

        Takes what `selfproof_propose` left. Returns the summary: what was measured at the start and now, with 95%
        intervals, how many changes were certified and refused, and `decisions` with the reason of each.
        """
        minutes = min(max(minutes, 0.05), MOST_MINUTES)
        words = ["run", "--json", "--minutes", f"{minutes:g}", "--at", self._at(folder)]
        words += ["--seed", str(seed)] if seed is not None else []
        decisions: list[dict[str, Any]] = []
        summary: dict[str, Any] = {}
        total = 60 * minutes
        async for event in lines(words, fine=(0, 130)):
            if event.get("event") == "decision":
                decisions.append(
                    {key: event.get(key) for key in ("id", "verdict", "title", "step", "reason", "effect")}
                )
            elif event.get("event") == "summary":
                summary = event
            if text := words_of(event):
                done = total - event["left"] if isinstance(event.get("left"), int | float) else 0.0
                await tell(done, total, text)
        return {**summary, "decisions": decisions[-MOST_ROWS:]}

    async def status(self, folder: str = ".") -> dict[str, Any]:
        """Where the program stands: version, counts, error budget spent, whether it was stopped."""
        found: dict[str, Any] = await answer(["status", "--json", "--at", self._at(folder)])
        return found

    async def log(self, folder: str = ".", most: int = 20) -> dict[str, Any]:
        """Changes that were certified or refused, newest first, each with its reason: `rows`, at most 50."""
        most = min(max(most, 1), MOST_ROWS)
        return {"rows": await answer(["log", "--json", "-n", str(most), "--at", self._at(folder)])}

    async def show(self, change: str, folder: str = ".") -> dict[str, Any]:
        """One change explained: its diff, its certificate, what was not covered. `change`: an id of log, or "v3"."""
        found: dict[str, Any] = await answer(["show", "--json", "--at", self._at(folder), "--", change])
        return found

    async def compare(
        self, a: str = "start", b: str = "now", on: str = "report", folder: str = ".", objective: str = ""
    ) -> dict[str, Any]:
        """Two versions ("start", "now", "anchor", a number) on the same samples: difference with a 95% interval.

        `on` is "explore", "report", or a text file for objectives that take one.
        """
        words = ["compare", "--json", "--at", self._at(folder), "--on", on if on in _SPLITS else self._at(on)]
        words += ["--objective", objective] if objective else []
        found: dict[str, Any] = await answer([*words, "--", a, b])
        return found

    async def verify(self, folder: str = ".") -> dict[str, Any]:
        """Recompute every decision from the ledger alone: `ok`, and the first bad entry if it is not."""
        found: dict[str, Any] = await answer(["verify", "--json", "--at", self._at(folder)], fine=(0, 4))
        return found

    async def export(self, folder: str = ".", a: str = "start", b: str = "now") -> dict[str, Any]:
        """The change from version `a` to `b` as a patch for `git apply`. Writes nothing."""
        found: dict[str, Any] = await answer(["export", "--json", "--at", self._at(folder), "--", a, b])
        return found

    async def propose(
        self, files: dict[str, str], title: str, folder: str = ".", prediction: float | None = None,
        risk: str = "", objective: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Suggest an edit for the next run: `files` maps paths of the program to whole new texts.

        `title` says what changes, `prediction` the gain that you expect in the metric's unit (above 0; for speed a
        ratio above 1), `risk` what may break. It is screened, raced and tested on fresh samples like any other edit;
        nothing is adopted without that. Only files that the charter calls editable are taken.
        """
        body: dict[str, Any] = {"files": files, "title": title, "risk": risk, "objective": objective, "by": "mcp"}
        body |= {} if prediction is None else {"prediction": prediction}
        found: dict[str, Any] = await answer(
            ["propose", "-", "--json", "--at", self._at(folder)], given=json.dumps(body)
        )
        return found


_SPLITS: Final = frozenset({"explore", "report"})


def words_of(event: dict[str, Any]) -> str:
    """An event for a person, in a few words; "" for one that says little."""
    title = "".join(ch if ch.isprintable() else " " for ch in str(event.get("title", ""))[:120])
    match event.get("event"):
        case "start":
            return f"started, isolation: {event.get('tier')}"
        case "decision":
            return f"{event.get('verdict')}: {title} ({str(event.get('reason'))[:200]})"
        case "confirm":
            return f"confirming, {event.get('pairs')} pairs: {title}"
        case "proposer":
            return f"{event.get('name')}: {event.get('status')} {title}".strip()
        case "status":
            return f"version {event.get('version')}, {event.get('trials')} trials, {event.get('certified')} certified"
        case "closing":
            return f"measuring the closing table: {event.get('objective')}"
    return ""
