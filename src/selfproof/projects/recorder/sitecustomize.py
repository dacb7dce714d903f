"""Listen to functions while the user's own tests or script run, and keep an even sample of the calls of each.

Python imports this file by itself at start where its folder is on the path. What to listen to is in the environment
(``SELFPROOF_RECORD``, JSON: a list of module, function, folder, keep, largest, look_s). Arguments are kept as plain
data, taken before the call, since a function may change them. Calls that the function makes of itself are not counted:
they come from those that are. The sample is written from time to time and at the end, so that a killed process leaves
what it had.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import importlib.machinery
import importlib.util
import inspect
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

VARIABLE = "SELFPROOF_RECORD"
WRITE_EVERY_S = 1.0
OBJECTS = "selfproof.templates.function.program.selfproof_objects"
LOOKED_AT = 5000  # calls that are looked at for certain: to look costs time in the user's process


class Recorder:
    """Keeps at most ``keep`` calls by reservoir sampling (fixed seed), each of at most ``largest`` bytes."""

    def __init__(self, wish: dict[str, Any]) -> None:
        """Take the wish as it stands in the environment."""
        self.wish = wish
        self.kept: list[tuple[bytes, float, bool]] = []
        self._known: set[bytes] = set()
        self.refused: dict[str, int] = {}
        self.met = 0
        self.seconds = 0.0
        self._looked = 0.0
        self._random = random.Random(0)
        self._depth = threading.local()
        self._written = time.monotonic()
        self._changed = False
        self._pid = os.getpid()

    def listener(self, function: Callable[..., Any]) -> Callable[..., object]:
        """A function that does what ``function`` does, and is listened to."""
        signature = inspect.signature(function)

        @functools.wraps(function)
        def listened(*args: object, **keywords: object) -> object:
            if getattr(self._depth, "inside", False):
                return function(*args, **keywords)
            self._depth.inside = True
            began = time.perf_counter()
            data = self._plain(signature, args, keywords) if self._chosen() else None
            self._looked += time.perf_counter() - began
            began = time.perf_counter()
            try:
                return function(*args, **keywords)
            finally:
                spent = time.perf_counter() - began
                self._depth.inside = False
                self.seconds += spent
                if data is not None:
                    self._keep(data[0], spent, data[1])
                if time.monotonic() - self._written > WRITE_EVERY_S:
                    self.write()

        return listened

    def _chosen(self) -> bool:
        """Whether the next call is looked at: each of the first ones, then fewer and fewer."""
        self.met += 1
        if self._looked > self.wish["look_s"]:
            return False
        return self.met <= LOOKED_AT or self._random.random() < LOOKED_AT / self.met

    def _keep(self, data: bytes, spent: float, plain: bool) -> None:
        """Put a call into the sample unless the same is there; when it is full, in the place of another or nowhere."""
        if data in self._known:
            return
        place = len(self.kept)
        if place >= self.wish["keep"]:
            place = self._random.randrange(max(self.met, place + 1))
        if place < len(self.kept):
            self._known.discard(self.kept[place][0])
        elif place >= self.wish["keep"]:
            return
        self.kept[place : place + 1] = [(data, spent, plain)]
        self._known.add(data)
        self._changed = True

    def _plain(
        self, signature: inspect.Signature, args: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[bytes, bool] | None:
        """[arguments, keywords] encoded, and whether they are plain as they are; None if they cannot be kept."""
        from selfproof.jail import values

        try:
            bound = signature.bind(*args, **keywords)
            call, plain = [bound.args, bound.kwargs], not bound.kwargs
            try:
                data = values.encode(call)
            except (TypeError, ValueError):
                to_plain: Any = importlib.import_module(OBJECTS).to_plain
                call, plain = [tuple(map(to_plain, bound.args)), to_plain(bound.kwargs)], False
                data = values.encode(call)
            if len(data) > self.wish["largest"]:
                raise ValueError("arguments that are too large")
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            reason = str(error)[:200]
            if len(self.refused) < 20 or reason in self.refused:
                self.refused[reason] = self.refused.get(reason, 0) + 1
            return None
        return data, plain

    def write(self) -> None:
        """Write what was kept so far to a file of this process's own."""
        self._written = time.monotonic()
        if self._pid != os.getpid():  # a fork keeps its own, from what it inherited on
            self._pid, self._changed = os.getpid(), True
        if not (self._changed or self.refused or self.met):
            return
        self._changed = False
        rows = [[data.hex(), spent, plain] for data, spent, plain in self.kept]
        body = {"calls": rows, "met": self.met, "refused": self.refused, "seconds": self.seconds}
        target = Path(self.wish["folder"]) / f"{os.getpid()}.json"
        aside = target.with_suffix(".new")
        aside.write_text(json.dumps(body), encoding="utf-8")
        aside.replace(target)


class Finder:
    """Lets everybody else find the modules, then listens to their functions once a module has run."""

    def __init__(self, recorders: Sequence[Recorder]) -> None:
        """Remember who listens."""
        self.recorders = recorders

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> Any:
        """Find a module that is listened to, by the other finders."""
        mine = [recorder for recorder in self.recorders if recorder.wish["module"] == name]
        if not mine:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec = find(name, path, target) if find is not None and finder is not self else None
            if spec is not None:
                self._listen(spec.loader, mine)
                return spec
        return None

    def _listen(self, loader: Any, recorders: Sequence[Recorder]) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            for recorder in recorders:
                patch(module, recorder)

        loader.exec_module = exec_module


def patch(module: ModuleType, recorder: Recorder) -> None:
    """Put a listener in the function's place, in its module or its class."""
    *classes, name = recorder.wish["function"].split(".")
    home: Any = module
    for part in classes:
        home = getattr(home, part, None)
    found = vars(home).get(name) if home is not None else None
    if isinstance(found, staticmethod | classmethod):
        setattr(home, name, type(found)(recorder.listener(found.__func__)))
    elif isinstance(found, FunctionType):
        setattr(home, name, recorder.listener(found))


def begin() -> None:
    """Start listening, then let the sitecustomize that this one hides do its work."""
    here = Path(__file__).resolve().parent
    recorders = [Recorder(wish) for wish in json.loads(os.environ[VARIABLE])]
    sys.meta_path.insert(0, Finder(recorders))
    for recorder in recorders:
        atexit.register(recorder.write)
    others = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    hidden = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if hidden is not None and hidden.loader is not None:
        hidden.loader.exec_module(importlib.util.module_from_spec(hidden))


if VARIABLE in os.environ and __name__ == "sitecustomize":
    begin()
