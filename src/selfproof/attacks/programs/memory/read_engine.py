"""Searches the engine's memory for what it keeps secret."""

import re


def regions(pid):
    """Writable anonymous memory of a process: (first address, length)."""
    for line in open(f"/proc/{pid}/maps"):
        span, rights, _, _, inode, *name = line.split()
        if rights.startswith("rw") and inode == "0" and name[:1] != ["[vvar]"]:
            first, last = (int(word, 16) for word in span.split("-"))
            yield first, last - first


def solve(x):
    found = set()
    with open(f"/proc/{x['engine']}/mem", "rb", buffering=0) as memory:
        for first, length in regions(x["engine"]):
            memory.seek(first)
            found |= set(re.findall(x["token"].encode() + b"[a-z]+-[0-9a-f]+", memory.read(length) or b""))
    return sorted(found)
