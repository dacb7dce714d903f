"""A copy of a real life, grown by as many candidates as you like: what a long run's ledger looks like to a reader.

    python benchmarks/large_life.py life /tmp/large --candidates 100000

The entries are of the kinds and sizes that a run writes (batches of 48, texts of the real program, parents among those
that a race kept), appended with the life's own key. No candidate in them was ever run: it is for looking at, and for
measuring readers. Deterministic for a seed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from pathlib import Path

from selfproof.archive.state import State, fold
from selfproof.ledger import Ledger, read
from selfproof.places import Paths

BATCH = 48
OUTCOMES = ("raced", "equal", "worse", "invalid")
SHARES = (38, 22, 38, 2)  # of real batches of the apprentice's memory
OPERATORS = ("constant", "blend", "wrap", "unwrap", "pool", "crossover", "replace", "insert")


def grow(folder: Path, candidates: int, seed: int = 1) -> None:
    """Append batches to the ledger of the life in ``folder`` until it has proposed this many more candidates."""
    paths, rng = Paths(folder), random.Random(seed)
    state: State = fold(read(paths.ledger).leaves())
    objective = next(o for o in state.weights if not o.startswith("control"))
    with Ledger.open(paths.ledger, paths.key) as ledger:
        texts = {path: ledger.get_blob(digest).decode() for path, digest in state.now.files.items()}
        path = max((p for p in texts if p.endswith(".py")), key=lambda p: -len(texts[p]))
        kept, batch, number = [state.now.candidate or state.now.tree], state.batches.get(objective, 0), 0
        while number < candidates:
            rows, results = [], []
            for _ in range(min(BATCH, candidates - number)):
                number += 1
                name = f"{rng.getrandbits(256):064x}"
                parent = kept[-1 - min(len(kept) - 1, int(rng.expovariate(1 / 30)))]
                value = f"{rng.uniform(0.01, 9):.4g}"
                rows.append(
                    {"id": name, "parent": parent, "title": f"{value} -> {rng.uniform(0.01, 9):.4g}",
                     "operator": rng.choice(OPERATORS), "proposer": "improver", "improver": state.current,
                     "version": state.current, "files": {path: texts[path] + f"# {value}\n"}, "form": name[:16]}
                )  # fmt: skip
                outcome = rng.choices(OUTCOMES, SHARES)[0]
                score = None if outcome == "invalid" else rng.gauss(2.0, 0.2)
                results.append({"id": name, "outcome": outcome, "score": score, "scores": [score] if score else []})
                if outcome == "raced":
                    kept.append(name)
            stored = {"$blob": ledger.put_blob(json.dumps(rows).encode())}
            ledger.append("propose", {"objective": objective, "batch": batch, "n": len(rows), "candidates": stored})
            stored = {"$blob": ledger.put_blob(json.dumps(results).encode())}
            ledger.append("race", {"objective": objective, "batch": batch, "trials": 8 * len(rows), "results": stored})
            batch += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a life that nothing runs in")
    parser.add_argument("target", type=Path, help="a new folder")
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    shutil.copytree(asked.source, asked.target, symlinks=True)
    grow(asked.target, asked.candidates, asked.seed)


if __name__ == "__main__":
    main()
