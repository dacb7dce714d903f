"""What scripts and evaluators import of GEPA, so that they run without it. Protected.

``optimize_anything`` and ``optimize`` search for nothing: they hand what they were called with to whoever runs the
script (``Handed``). Names that nothing here depends on are there and do nothing (``Stand``).
"""

import importlib.abc
import importlib.machinery
import sys
import types


class Handed(BaseException):
    """What a script wanted optimised: the function that it called, and the arguments."""

    def __init__(self, function, arguments):
        super().__init__(function)
        self.function, self.arguments = function, arguments


class Stand:
    """A name that is imported, called or subclassed, and that no evaluation depends on."""

    def __init__(self, *args, **keywords):
        self.args, self.keywords = args, keywords

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.__dict__.get("keywords", {}).get(name)

    def __class_getitem__(cls, item):
        return cls


def optimize(seed_candidate=None, trainset=None, valset=None, adapter=None, task_lm=None, evaluator=None, **others):
    """Hand over what ``gepa.optimize`` was called with."""
    arguments = {"seed_candidate": seed_candidate, "dataset": trainset, "valset": valset, "adapter": adapter,
                 "task_lm": task_lm, "evaluator": evaluator, **others}  # fmt: skip
    raise Handed("optimize", arguments)


def stand_in(name):
    """A class of that name that accepts everything."""
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (Stand,), {})


class _Rest(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules of GEPA that are not here: empty, with every name that is asked for."""

    def find_spec(self, fullname, path=None, target=None):
        if not fullname.startswith("gepa."):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = stand_in
        return module

    def exec_module(self, module):
        return None


if not any(type(finder).__name__ == "_Rest" for finder in sys.meta_path):
    sys.meta_path.append(_Rest())  # behind the modules that are here


def __getattr__(name):
    if name in ("GEPAAdapter", "EvaluationBatch"):
        from gepa.core import adapter

        return getattr(adapter, name)
    return stand_in(name)


import gepa.optimize_anything  # noqa: E402, F401  its place is taken before anybody asks __getattr__ for it
