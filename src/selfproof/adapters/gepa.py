"""GEPA's tasks: a script that calls ``optimize_anything`` or ``gepa.optimize``, or an evaluator given as FILE.py:name.

The candidate's components become text files of the program. Examples, where there are any, become samples: without a
validation set they are all there is (GEPA's multi-task search), with one they stand for others of their kind. A script
is run in the jail until it makes the call: what it is called with is the task.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from selfproof.adapters import calls, folders, needs, probing
from selfproof.adapters.base import Imported, NotUnderstood, Settings, objective_name
from selfproof.adapters.support import support_of

KIND, EVOLVED = "gepa", "evolved"
LARGEST = 1 << 20  # characters of one component
MOST = 32  # components
_CALLS = ("optimize_anything", "optimize")


def looks_like(path: Path) -> bool:
    """Whether a file is a script that calls GEPA."""
    if path.suffix != ".py" or not path.is_file():
        return False
    text = folders.text_of(path)
    return "gepa" in text and any(calls.arguments(text, name) is not None for name in _CALLS)


def read(path: Path, evaluator: str = "") -> Imported:
    """Understand a script, or the evaluator of that name in it.

    Raises:
        NotUnderstood: it does not run in the jail, gives no candidate or evaluator, or asks a model for its answers.
        JailUnavailable: this machine cannot isolate as strongly as the script needs.
    """
    left: list[str] = []
    text = folders.text_of(path)
    taken = folders.read(path.parent, left)
    if path.name not in taken.files:
        raise NotUnderstood(f"{path} cannot be taken along")
    ask = {"runner": "selfproof_gepa", "script": path.name, "evaluator": evaluator, "links": taken.links}
    empty = Imported(
        kind=KIND, name=objective_name(path.resolve().parent.name if path.stem == "main" else path.stem),
        program={}, origin=None, original=taken.files, support=support_of(KIND), ask=ask, settings=Settings(),
        needs=needs.needed([text, *needs.python_texts(taken.files)], taken.data), left_out=tuple(left),
    )  # fmt: skip
    asked = probing.ask(empty, {"action": "describe", "seed": 1})
    found = _checked(probing.demanded(asked, path.name), path)
    return _filled(empty, found, path)


def _checked(found: Any, path: Path) -> dict[str, Any]:
    """What a script said of itself, as far as it is of the right form: it ran in the jail, and may say anything.

    Raises:
        NotUnderstood: it is not of that form, or says why it cannot be imported.
    """
    kinds = {"components": dict, "text": bool, "examples": int, "distinct": list, "held_out": bool, "objective": str,
             "background": str, "refused": str}  # fmt: skip
    if not isinstance(found, dict) or any(not isinstance(found.get(key), kind) for key, kind in kinds.items()):
        raise NotUnderstood(f"{path} gave no task: {str(found)[:200]}")
    parts = found["components"]
    good = all(isinstance(k, str) and isinstance(v, str) and len(v) <= LARGEST for k, v in parts.items())
    if found["refused"]:
        raise NotUnderstood(f"{path}: {found['refused']}")
    if not parts or not good or len(parts) > MOST:
        raise NotUnderstood(
            f"{path} gives no candidate to start from: a text, or a dict of names to texts",
            advice="Define seed_candidate in it, or call optimize_anything(seed_candidate=...).",
        )
    numbers = found["distinct"]
    if not all(isinstance(n, int) and 0 <= n < found["examples"] for n in numbers) or len(numbers) > 100_000:
        raise NotUnderstood(f"{path} gave examples that cannot be told apart")
    return found


def _filled(empty: Imported, found: Mapping[str, Any], path: Path) -> Imported:
    parts: Mapping[str, str] = found["components"]
    files = names_of(parts)
    told = [f"{len(parts)} component{'s' * (len(parts) > 1)} of the candidate: {', '.join(files.values())}",
            f"{path.name} is run as it is, in the jail, until it asks for the search"]  # fmt: skip
    examples = tuple(found["distinct"])
    if examples:
        kind = "those of the validation set among them stand for others" if found["held_out"] else "all there is"
        told.append(f"{len(examples)} different examples: {kind}")
    words = [words for words in (found["objective"], found["background"]) if words.strip()]
    if words:
        told.append("objective and background are passed on to models and agents (guidance.md)")
    left = [*empty.left_out, "GEPA's settings have no counterpart: selfproof searches in its own way"]
    return replace(
        empty, program={files[name]: text for name, text in parts.items()},
        ask={**empty.ask, "text": found["text"], "components": files},
        settings=replace(empty.settings, guidance="\n\n".join(words)), examples=examples,
        held_out=bool(examples) and found["held_out"], understood=tuple(told), left_out=tuple(left),
        extra={"components": files, "text": found["text"]},
    )  # fmt: skip


def names_of(parts: Mapping[str, str]) -> dict[str, str]:
    """A file for each component, by its name; what reads as Python is a .py file, so that operators may look at it."""
    found: dict[str, str] = {}
    for name, text in parts.items():
        plain = "".join(ch if ch.isalnum() and ch.isascii() else "_" for ch in name).strip("_")[:40] or "component"
        ending = ".py" if _is_python(text) else ".txt"
        path, number = f"{EVOLVED}/{plain}{ending}", 1
        while path in found.values():
            number += 1
            path = f"{EVOLVED}/{plain}_{number}{ending}"
        found[name] = path
    return found


def _is_python(text: str) -> bool:
    """Whether a text is a program: it parses, and defines or imports something."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign)
    return any(isinstance(node, kinds) for node in body)
