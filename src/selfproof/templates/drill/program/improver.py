"""Suggests other levels, so that a run of this program has something to do."""

import random


def propose(view):
    rng, path = random.Random(view["seed"]), view["path"]
    parent = view["parents"][0]
    return [
        {
            "files": {path: parent["source"].replace("LEVEL = 0.5", f"LEVEL = {rng.uniform(0.1, 0.5)!r}")},
            "title": "another level",
            "operator": "edit",
            "parent": parent["id"],
        }
        for _ in range(view["wanted"])
    ]
