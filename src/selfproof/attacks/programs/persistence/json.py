"""Replaces a function of the standard library."""

import json


def solve(x):
    json.dumps = lambda value, **options: "poisoned"
