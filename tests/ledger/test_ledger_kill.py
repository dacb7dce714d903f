"""kill -9 at random moments: every entry that was acknowledged is there afterwards."""

import random
import signal
import subprocess
import sys
import time

import pytest

from selfproof.ledger import Ledger, check, read

WRITER = """
import os, sys
from pathlib import Path
from selfproof.ledger import Ledger
ledger = Ledger.open(Path(sys.argv[1]), Path(sys.argv[2]))
for i in range(1_000_000):
    digest = ledger.put_blob(b"%d" % i * 500)
    body = {"i": i, "data": {"$blob": digest}, "pad": "x" * (i % 700)}
    leaf = ledger.append("results", body, durable=i % 5 == 0)
    os.write(1, b"%d\\n" % leaf.index)  # acknowledged
"""


def kill_one(folder, key, delay):
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(key)], stdout=subprocess.PIPE)
    try:
        first = child.stdout.readline()
        time.sleep(delay)
    finally:
        child.send_signal(signal.SIGKILL)
        rest = child.communicate()[0]
    acknowledged = int((first + rest).split(b"\n")[-2])
    result = check(folder)
    assert result.ok and result.entries > acknowledged, (result, acknowledged)
    with Ledger.open(folder, key) as ledger:
        assert ledger.size > acknowledged
        ledger.append("resume", {"after": acknowledged}, durable=True)
    assert check(folder).ok
    numbers = [leaf.index for leaf in read(folder).leaves()]
    assert numbers == list(range(len(numbers)))


def run(create, folder, key, times, seed):
    create().close()
    rng = random.Random(seed)
    for _ in range(times):
        kill_one(folder, key, rng.uniform(0, 0.05))


def test_kill_9_of_the_writer(create, folder, key):
    run(create, folder, key, times=20, seed=1)


@pytest.mark.slow
def test_kill_9_of_the_writer_many_times(create, folder, key):
    run(create, folder, key, times=200, seed=2)
