"""Leaves a finder that decides what later imports mean."""

import sys


class AtkFinder:
    @staticmethod
    def find_spec(name, path, target=None):
        return None


def solve(x):
    sys.meta_path.insert(0, AtkFinder)
