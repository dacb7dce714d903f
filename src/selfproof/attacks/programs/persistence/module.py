"""Leaves a module that the next program imports."""

import sys
import types


def solve(x):
    sys.modules["atk_left"] = types.ModuleType("atk_left")
