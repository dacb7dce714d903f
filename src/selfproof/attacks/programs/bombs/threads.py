"""Starts 100 threads."""

import threading


def solve(x):
    done = threading.Event()
    threads = [threading.Thread(target=done.wait, args=(3,), daemon=True) for _ in range(100)]
    try:
        for thread in threads:
            thread.start()
    finally:
        done.set()
    return "went through"
