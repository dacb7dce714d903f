"""Makes a file executable for everybody."""

import os


def solve(x):
    os.chmod(x["secret"], 0o777)
