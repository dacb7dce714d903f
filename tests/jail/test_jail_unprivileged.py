"""The ladder for a user who is not root: the same tiers, in a user namespace, by either launcher.

Run as root, these tests become somebody else first, in a mount namespace where the interpreter, the libraries and the
source lie in folders that anybody may enter.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import selfproof

SOURCE = Path(selfproof.__file__).resolve().parents[1]
LIBRARIES = next(Path(path) for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))
BECOME = """set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt && mkdir -m 755 /mnt/python /mnt/src /mnt/site-packages
mount --bind "$1" /mnt/python; mount --bind "$2" /mnt/src; mount --bind "$3" /mnt/site-packages
cd /mnt
shift 3
exec setpriv --reuid 65533 --regid 65533 --clear-groups env -i PYTHONPATH=/mnt/src:/mnt/site-packages \\
    PYTHONDONTWRITEBYTECODE=1 /mnt/python/bin/python3 "$@"
"""
LOOK = """
import json, os, sys
from selfproof.jail import Grants, Job, ladder, values
from selfproof.jail.worker import WorkerFailed
tier, launcher = sys.argv[1:]
worker = ladder.start(tier, [], launchers=[launcher])
source = '''
import os
def f(x):
    seen = []
    for path in ("/etc/passwd", "/proc/self/status", "/home", "/tmp"):
        try: os.close(os.open(path, os.O_RDONLY)); seen.append(path)
        except OSError: pass
    try: os.fork(); seen.append("fork")
    except OSError: pass
    return [os.getuid(), seen]
'''
outcome = worker.run(Job({"m.py": source}, "m.py:f", [values.encode(1)]))
assert outcome.status == "ok", outcome
answer = values.decode(outcome.outputs[0])
try:
    ladder.start("jail", [], grants=Grants(subprocesses=True), launchers=[launcher]).kill()
    refused = None
except WorkerFailed as error:
    refused = str(error)
worker.kill()
print(json.dumps([os.geteuid(), list(worker.layers), answer, refused]))
"""


def unprivileged(*arguments: str) -> list[str]:
    """The command that runs Python as somebody who is not root."""
    if os.geteuid() != 0:
        return [sys.executable, *arguments]
    for tool in ("unshare", "setpriv", "mount"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (Debian, Ubuntu: apt install util-linux)")
    folders = [os.path.realpath(sys.base_prefix), str(SOURCE), str(LIBRARIES.resolve())]
    if not (Path(folders[0]) / "bin" / "python3").exists():
        pytest.skip("the interpreter is not in the bin folder of its prefix")
    return ["unshare", "--mount", "sh", "-c", BECOME, "sh", *folders, *arguments]


@pytest.mark.parametrize(("tier", "launcher"), [("jail", "bubblewrap"), ("jail", "unshare"), ("confined", "")])
def test_the_same_tiers_without_root(tier: str, launcher: str) -> None:
    tried = subprocess.run(unprivileged("-c", "import os; os.close(0)"), capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"nobody else can be made here: {tried.stderr.strip()}")
    may = "import ctypes; raise SystemExit(ctypes.CDLL(None).unshare(0x10000000) != 0)"
    if tier == "jail" and subprocess.run(unprivileged("-c", may), check=False).returncode:
        pytest.skip("users may not make namespaces here (sysctl kernel.unprivileged_userns_clone, AppArmor)")
    done = subprocess.run(unprivileged("-c", LOOK, tier, launcher), capture_output=True, text=True, check=False)
    if "bubblewrap is not installed" in done.stderr:
        pytest.skip("bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap)")
    assert done.returncode == 0, done.stderr
    uid, layers, (inner, seen), refused = json.loads(done.stdout)
    assert uid != 0 and seen == [] and inner == (65534 if tier == "jail" else uid)
    assert {"landlock:", "seccomp"} <= {layer[:9] if layer.startswith("landlock") else layer for layer in layers}
    assert ({"pidns", "netns", "mntns", "ipcns", "uid:65534"} <= set(layers)) == (tier == "jail")
    assert refused is None or "control group" in refused
