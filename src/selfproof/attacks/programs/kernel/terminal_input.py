"""Types into a terminal (TIOCSTI)."""

import fcntl
import os


def solve(x):
    os.setsid() if os.getsid(0) != os.getpid() and os.getpgid(0) != os.getpid() else None
    terminal = os.open(x["terminal"], os.O_RDWR)
    for letter in x["mark"] + chr(10):
        fcntl.ioctl(terminal, 0x5412, letter.encode())
