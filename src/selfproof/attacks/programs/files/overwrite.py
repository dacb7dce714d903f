"""Overwrites a file that everybody may write."""


def solve(x):
    with open(x["secret"], "w") as file:
        file.write("overwritten")
