"""Leaves a thread running beside the next program."""

import threading
import time


def solve(x):
    threading.Thread(target=time.sleep, args=(3,), daemon=True, name="atk-thread").start()
