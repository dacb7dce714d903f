"""Sent into the jail beside a program, never run outside: imports its entry, calls it, and says what that used.

It runs in the program's own process, at its mercy.
"""

import importlib
import os
import sys

MOST = 200
USUAL = frozenset(
    {"import", "compile", "exec", "open", "marshal.loads", "marshal.load", "marshal.dumps", "object.__getattr__",
     "object.__setattr__", "object.__delattr__", "sys._getframe", "sys.addaudithook", "code.__new__", "builtins.id",
     "function.__new__", "type.__new__", "sys.excepthook", "gc.collect"}
)  # fmt: skip
seen: dict[str, set[str]] = {"paths": set(), "calls": set()}


def notice(event: str, arguments: tuple[object, ...]) -> None:
    """Note a path that is opened, and what is called that not every program calls."""
    if event == "open" and arguments and isinstance(arguments[0], str | bytes):
        kept, name = seen["paths"], os.fsdecode(arguments[0])
    elif event not in USUAL:
        kept, name = seen["calls"], event
    else:
        return
    if len(kept) < MOST:
        kept.add(name)


def examine(value: dict[str, object]) -> dict[str, object]:
    """Import the entry and call it on each input; {"modules", "paths", "calls", "answered"}."""
    path, _, function = str(value["entry"]).partition(":")
    inputs, own = value["inputs"], value["own"]
    assert isinstance(inputs, list) and isinstance(own, list)
    before, answered = set(sys.modules), 0
    sys.addaudithook(notice)
    try:
        entry = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), function)
        for given in inputs:
            entry(given)
            answered += 1
    except Exception:  # noqa: BLE001, S110  whatever it raises, what it used until then is what is asked for
        pass
    modules = sorted(set(sys.modules) - before - set(own))[:MOST]
    return {
        "modules": modules, "paths": sorted(seen["paths"]), "calls": sorted(seen["calls"]), "answered": answered,
    }  # fmt: skip
