"""Takes 1.3 GB of memory."""


def solve(x):
    held = []
    while len(held) < 20:
        held.append(bytearray(64 << 20))
    return "went through"
