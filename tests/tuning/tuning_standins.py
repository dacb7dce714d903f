"""Stand-ins for the processes that tune weights and that answer: scripts that speak the same protocols, no library."""

from __future__ import annotations

import json
import sys
from pathlib import Path

SERVER = r"""
import hashlib, json, os, re, sys, time
from pathlib import Path

kind = json.loads((Path(sys.argv[1]) / "config.json").read_text())["kind"]
said = {"ready": True} if kind != "broken" else {"failed": "no such thing", "advice": "pip install it"}
print(json.dumps(said), flush=True)
BETTER = """
SERVER += '''"""def merge(c, t, d, s, q, n):
    return (c + K * d * q) / (t + K * d)


"""
for line in sys.stdin:
    asked = json.loads(line)
    said = {"text": "I would rather not.", "tokens_in": 7, "tokens_out": 3}
    if kind == "good":
        found = re.search("FILE memory.py\\\\n(.*?)\\\\nEND\\\\n", asked["prompt"], re.S)
        before, _, rest = found[1].partition("def merge(")
        better = BETTER.replace("K", str(1 + asked["seed"] % 100003 / 100003))
        after = before + better + rest[rest.index("def predict"):]
        said["text"] = "memory.py\\n```python\\n" + after + "\\n```\\n"
    elif kind == "total":
        block = ["sums.py", "<<<<<<< SEARCH", "    out = 0", "=======", "    out = %d", ">>>>>>> REPLACE", ""]
        said["text"] = "\\n".join(block) % asked["seed"]
    elif kind == "environment":
        said["text"] = json.dumps(dict(os.environ))
    elif kind == "long":
        said["text"] = "x" * (9 << 20)
    elif kind == "list":
        said = [1]
    elif kind == "gone":
        sys.exit(3)
    elif kind == "slow":
        time.sleep(120)
    print(json.dumps(said), flush=True)
'''

TRAINER = """
import json, sys, time
from pathlib import Path

spec = json.loads(Path(sys.argv[1]).read_text())
rows = json.loads(Path(spec["examples"]).read_text())
print("a library talks", flush=True)
said = {"event": "training", "stage": "sft", "examples": len(rows["sft"]), "steps": spec["steps"]}
print(json.dumps(said), flush=True)
out = Path(spec["out"])
out.mkdir()
(out / "config.json").write_text(json.dumps({"kind": KIND, "seed": spec["seed"]}))
if KIND == "hangs":
    sys.stdin.read()  # until whoever started it is gone
    sys.exit(1)
(out / "model.safetensors").write_bytes(b"weights")
(out / "selfproof.json").write_text(json.dumps(spec["settings"]))
said = {"failed": "out of memory"} if KIND == "fails" else {"done": {"held_out_loss": [2.0, 1.0]}}
print(json.dumps(said), flush=True)
"""


def server(folder: Path) -> list[str]:
    """The command of a process that answers as the folder's config says."""
    path = folder / "server.py"
    path.write_text(SERVER)
    return [sys.executable, "-S", str(path)]


def trainer(folder: Path, kind: str) -> list[str]:
    """The command of a process that makes weights of a kind."""
    path = folder / f"trainer_{kind}.py"
    path.write_text(f"KIND = {kind!r}\n{TRAINER}")
    return [sys.executable, "-S", str(path)]


def weights(folder: Path, kind: str) -> Path:
    """A folder that looks like weights."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"kind": kind}))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder
