"""The program that runs after an attack: it computes something simple and says what it finds left over."""

import builtins
import ctypes
import decimal
import json
import os
import signal
import sys
import threading

import numpy


def solve(x):
    answer = sum([x["n"], x["n"], 1]) + int(numpy.dot([0], [0])) + len(json.dumps([])) - 2
    return [answer, interpreter() + machine(x["mark"], x["writable"]) + kernel(x["key"], x["mark"])]


def interpreter():
    found = [f"module {name}" for name in sys.modules if name.startswith("atk")]
    found += [f"builtin {name}" for name in vars(builtins) if name.startswith("atk")]
    found += [f"variable {name}" for name in os.environ if name.startswith("ATK")]
    found += [f"finder {finder}" for finder in sys.meta_path if "Atk" in str(finder)]
    found += [f"thread {thread.name}" for thread in threading.enumerate() if thread.name.startswith("atk")]
    state = {
        "json": json.dumps([1]) == "[1]",
        "precision": decimal.getcontext().prec == 28,
        "profiler": sys.getprofile() is None and sys.gettrace() is None,
        "signal handler": signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL,
        "working folder": os.getcwd() == "/",
    }
    return found + [name for name, good in state.items() if not good]


def machine(mark, writable):
    found = []
    for folder in ("/", "/tmp", "/var/tmp", "/dev/shm", writable):
        try:
            found += [f"file {name}" for name in os.listdir(folder) if name.startswith(mark)]
        except OSError:
            continue
    try:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with open(f"/proc/{pid}/stat") as status:
                if f"({mark}" in (text := status.read()) and ") Z" not in text:
                    found.append(f"process {mark}")
    except OSError:
        pass
    return found


def kernel(key, mark):
    call = ctypes.CDLL(None).syscall
    numbers = {"shared memory": (29, key, 0, 0), "semaphore": (64, key, 0, 0), "queue": (68, key, 0)}
    numbers["key"] = (250, 10, -4, b"user", mark.encode(), 0)
    return [
        name
        for name, words in numbers.items()
        if call(*(w if type(w) is bytes else ctypes.c_long(w) for w in words)) >= 0
    ]
