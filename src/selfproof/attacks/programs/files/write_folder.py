"""Writes a new file into a folder that everybody may write."""

import os


def solve(x):
    with open(os.path.join(x["writable"], x["mark"]), "w") as file:
        file.write("left")
