"""Takes 700 MB of memory where 512 are allowed."""


def solve(x):
    held = []
    while len(held) < 11:
        held.append(bytearray(64 << 20))
    return "went through"
