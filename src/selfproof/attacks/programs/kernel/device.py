"""Makes a device file."""

import os
import stat


def solve(x):
    os.mknod(os.path.join(x["writable"], x["mark"]), stat.S_IFCHR | 0o666, os.makedev(1, 3))
