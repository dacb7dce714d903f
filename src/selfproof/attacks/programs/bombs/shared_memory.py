"""Writes 8 MB to the machine's shared memory."""


def solve(x):
    with open("/dev/shm/" + x["mark"], "wb") as file:
        file.write(bytes(8 << 20))
