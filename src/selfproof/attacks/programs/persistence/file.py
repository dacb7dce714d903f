"""Leaves a file where the next program looks."""

import os


def solve(x):
    for folder in ("/", "/tmp", "/var/tmp", "/dev/shm", x["writable"]):
        try:
            with open(os.path.join(folder, x["mark"]), "w") as file:
                file.write("left")
        except OSError:
            continue
        return
