"""The judge can say no and can say yes: programs of the tests' own, with every layer left out."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from selfproof.attacks import suite, watch
from selfproof.attacks.catalogue import source_of
from selfproof.attacks.monitor import Monitor
from selfproof.attacks.outside import Outside

HARMLESS = {
    "answers": "def solve(x):\n    return x['n'] + 1",
    "says nothing": "def solve(x):\n    pass",
    "raises": "def solve(x):\n    raise RuntimeError('no')",
    "does not compile": "def solve(x) return",
    "prints": "def solve(x):\n    print('hello ' * 1000)\n    return 1",
    "names a token": "def solve(x):\n    return x['token'] + 'file-' + '0' * 16",
    "sleeps a little": "import time\ndef solve(x):\n    time.sleep(0.3)\n    return 1",
    "takes some memory": "def solve(x):\n    return len(bytearray(30 << 20))",
    "cleans up": "import os\ndef solve(x):\n    path = os.path.join(x['writable'], x['mark'])\n"
    "    open(path, 'w').close()\n    os.unlink(path)",
    "waits for its child": "import os\ndef solve(x):\n    if os.fork() == 0:\n        os._exit(0)\n    os.wait()",
    "is the honest one": source_of("honest"),
}
HARMFUL = {
    "leaves a file": (
        "import os\ndef solve(x):\n    open(os.path.join(x['writable'], x['mark']), 'w').close()",
        "was left",
    ),
    "reads": ("def solve(x):\n    return open(x['secret']).read()", "the file token"),
    "prints what it read": ("def solve(x):\n    print(open(x['secret']).read())", "the file token"),
    "raises what it read": ("def solve(x):\n    raise ValueError(open(x['secret']).read())", "the file token"),
    "touches": ("def solve(x):\n    open(x['secret'], 'a').write('x')", "the secret was changed"),
    "only knocks": (
        "import socket\ndef solve(x):\n    socket.create_connection(('127.0.0.1', x['tcp'])).close()\n"
        "    import time; time.sleep(0.1)",
        "reached the tcp socket",
    ),
    "leaves a child": ("import os, time\ndef solve(x):\n    if os.fork() == 0: time.sleep(2)", "live on"),
    "swells the engine": ("def solve(x):\n    return bytes(30 << 20)", "the engine grew"),
    "is slow": ("import time\ndef solve(x):\n    time.sleep(3.2)", "held the engine up"),
    "poisons": ("import json\ndef solve(x):\n    json.dumps = lambda value: ''", "the next program answered"),
    "kills": ("import os\ndef solve(x):\n    os.kill(x['bystander'], 9)", "the bystander died"),
    "boasts": ("def solve(x):\n    return 'went through'", "its call went through"),
    "guesses": ("import answers\ndef solve(x):\n    return answers.ANSWER", "perfect score"),
}


@pytest.fixture(scope="module")
def unprotected() -> Iterator[Monitor]:
    with Monitor("none", suite.LAYERS) as monitor:
        yield monitor


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_program_is_never_through(unprotected: Monitor, name: str) -> None:
    row = unprotected.attempt(suite.Attack(f"own/{name}", "", HARMLESS[name]))
    assert not row.through and row.evidence == (), row


@pytest.mark.parametrize("name", HARMFUL)
def test_each_kind_of_evidence_is_seen(unprotected: Monitor, name: str) -> None:
    source, evidence = HARMFUL[name]
    row = unprotected.attempt(suite.Attack(f"own/{name}", "", source))
    assert row.through and any(evidence in found for found in row.evidence), row


POISON = [
    "import json\ndef solve(x):\n    json.dumps = lambda value: ''",
    "import os\ndef solve(x):\n    os.kill(x['engine'], 9)",
    "import pickle\ndef solve(x, real=pickle.dumps):\n    pickle.dumps = lambda claim: real(claim | {'score': 1.0})",
]


@pytest.mark.parametrize("source", POISON)
def test_one_attack_does_not_count_for_the_next(unprotected: Monitor, source: str) -> None:
    assert unprotected.attempt(suite.Attack("own/harm", "", source)).through
    row = unprotected.attempt(suite.Attack("own/harmless", "", HARMLESS["answers"]))
    assert not row.through, row


def test_nothing_is_left_of_a_monitor() -> None:
    with Monitor("none", suite.LAYERS) as monitor:
        monitor.attempt(next(attack for attack in suite.attacks() if attack.name == "persistence/daemon"))
        engine, outside = monitor._pid, monitor._outside
        bystander = outside.bystander.pid if outside.bystander else 0
        ever = set(watch.descendants(engine))
        assert ever and watch.state_of(bystander)
    left = [pid for pid in (engine, bystander, *ever) if watch.state_of(pid)]
    assert left == [] and not outside.secret.parent.exists()
    assert not list(Path("/tmp").glob(f"{outside.mark}*"))


def test_the_targets_of_a_killed_monitor_are_swept() -> None:
    script = (
        "import os\nfrom selfproof.attacks.outside import Outside\noutside = Outside()\n"
        "print(outside.secret, outside.bystander.pid, flush=True)\nos.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    secret, bystander = done.stdout.split()
    assert Path(secret).exists()
    Outside().close()
    assert not Path(secret).parent.exists()
    end = time.monotonic() + 5
    while watch.state_of(int(bystander)) and time.monotonic() < end:
        time.sleep(0.02)
    assert watch.state_of(int(bystander)) is None
