"""What every imported evaluator is given before it runs, and how its results become plain data. Protected.

This runs in the jail, in the same process as the evaluator and the candidate.
"""

import importlib.util
import json
import math
import os
import random
import sys

import selfproof_semaphores

MOST_TEXT = 4000
MOST_ENTRIES = 200


def begin(seed, home):
    """Make the evaluator's folder the current one, and every generator start from ``seed``."""
    os.chdir(home)
    if str(home) not in sys.path:
        sys.path.insert(0, str(home))
    selfproof_semaphores.install()
    os.environ["SELFPROOF_SEED"] = str(seed)
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is None and importlib.util.find_spec("numpy") is not None:
        import numpy
    if numpy is not None:
        numpy.random.seed(seed % 2**32)


def load(path, name):
    """Import a file under a name, as these tools do."""
    spec = importlib.util.spec_from_file_location(name, str(path))
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def numbers(mapping):
    """The finite or infinite numbers of a mapping by name; flags, texts and NaN are none."""
    found = {}
    for name, value in mapping.items():
        number = number_of(value)
        if number is not None:
            found[str(name)[:200]] = number
    return dict(list(found.items())[:MOST_ENTRIES])


def number_of(value):
    """A number as a float, whoever's number it is; None for anything else."""
    if isinstance(value, (bool, str, bytes)) or type(value).__name__ == "bool_":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number


def texts(mapping):
    """Everything of a mapping that is no number, as text of bounded length."""
    found = {}
    for name, value in mapping.items():
        if number_of(value) is None:
            found[str(name)[:200]] = text_of(value)
    return dict(list(found.items())[:MOST_ENTRIES])


def text_of(value):
    """Any value as text that can cross the wall of the jail."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        try:
            value = json.dumps(value, default=str)
        except (TypeError, ValueError):
            value = str(value)
    return value[:MOST_TEXT].encode("utf-8", "replace").decode("utf-8")
