"""Make a living program's folder from a template; nothing that exists is overwritten."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from selfproof import charter as charters
from selfproof import soundness
from selfproof.adopt import repo
from selfproof.archive.tree import digests, tree_hash, tree_of_digests
from selfproof.certify import seeds, spending
from selfproof.certify.race import PRESETS
from selfproof.ledger import Ledger
from selfproof.nouns import SelfproofError, UsageError
from selfproof.places import PRIVATE, Paths
from selfproof.trial import loading

PARTS = ("charter.toml", "tasks", "program")
ASIDE = ".selfproof.parts"
LAYERS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "apprentice": (("training", ("tasks", "program")), ("puzzles", ("tasks", "program")), ("improver", ("tasks",))),
    "stream": (("apprentice", PARTS),),
    "mixed": (("apprentice", PARTS), ("stream", ("program",))),
    "training-adam": (("training", PARTS),),
    "godel": (("puzzles", ("tasks",)),),
}
"""Templates that lie over parts of others: whose parts, from the lowest up."""


def make(folder: Path, template: str = "apprentice", seed: int | None = None) -> str:
    """Copy the template's parts that are missing and write the first ledger entry; returns the program's id.

    Raises:
        UsageError: a living program is there already, or files that are not ours stand in the way.
        SelfproofError: the folder cannot be written.
    """
    paths = Paths(folder)
    if paths.ledger.exists():
        raise UsageError(f"{folder.resolve()} holds a living program already", advice="Type `selfproof run` to go on.")
    present = [part for part in PARTS if (folder / part).exists()]
    aside = folder / ASIDE  # there while a copy is under way: what a kill left behind is ours to finish
    if present and len(present) < len(PARTS) and not aside.exists():
        raise UsageError(
            f"{folder.resolve()} has {', '.join(present)} but not {', '.join(set(PARTS) - set(present))}",
            advice="Use an empty folder, or put all three parts there.",
        )
    try:
        with resources.as_file(resources.files("selfproof") / "templates") as templates:
            layers = [(templates / name, parts) for name, parts in (*LAYERS.get(template, ()), (template, PARTS))]
            _copy_missing(layers, folder, aside)
    except OSError as error:
        raise SelfproofError(
            f"cannot write to {folder.resolve()}: {error.strerror or error}",
            advice="Use a folder that you may write to.",
        ) from None
    return begin(folder, seed)


def _copy_missing(layers: Sequence[tuple[Path, Sequence[str]]], folder: Path, aside: Path) -> None:
    """Copy each missing part aside and rename it, so that a part is there as a whole or not at all.

    Where several layers have a file it is the last one's.
    """
    for part in PARTS:
        if (folder / part).exists():
            continue
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for real in [layer for layer, parts in layers if part in parts]:
            if (real / part).is_dir():
                leave = shutil.ignore_patterns("__pycache__")
                shutil.copytree(real / part, aside / part, ignore=leave, dirs_exist_ok=True)
            elif (real / part).exists():
                shutil.copyfile(real / part, aside / part)
        (aside / part).rename(folder / part)
    shutil.rmtree(aside, ignore_errors=True)


def begin(folder: Path, seed: int | None) -> str:
    """Write the first ledger entry of the program in ``folder``; returns its id. The files are there already.

    Raises:
        UsageError: there is a ledger already, the charter is wrong or unsound, or the program is empty.
    """
    paths = Paths(folder)
    charter = charters.load(paths.charter)
    tree = folder / charter.program.tree
    files = repo.read_files(tree)
    if not files:
        raise UsageError(f"the program's folder {tree} is empty")
    tasks, guards = loading.load(folder, charter)
    search = seeds.new_epoch_key(seed, 0)
    program_id = tree_of_digests({**digests(files), "charter": charter.digest, "search": search.hex()})[:16]
    shares = spending.weights(len(charter.objectives))
    genesis = {
        "program": program_id, "charter": charter.digest, "alpha": charter.certify.alpha,
        "mode": charter.certify.mode,
        "tasks": digests(loading.task_files(folder)), "spans": loading.spans(tasks, guards),
        "pools": loading.pools(tasks, guards), "confirm_pairs": PRESETS[charter.certify.preset].confirm_pairs,
        "weights": {o.name: w * o.alpha_share for o, w in zip(charter.objectives, shares, strict=True)},
        "tree": tree_hash(files), "files": digests(files), "search_seed": search.hex(),
        "seeds": "random" if seed is None else "operator-chosen",
    }  # fmt: skip
    soundness.check(charter, files, genesis)
    aside = folder / (PRIVATE + ".new")  # renamed as a whole, so that a kill leaves no half of a birth
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    with Ledger.create(aside / "ledger", aside / "key", program_id=program_id, genesis=genesis) as ledger:
        texts = [charter.text, *(files[path] for path in sorted(files))]
        ledger.append("texts", {"of": [{"$blob": ledger.put_blob(text.encode())} for text in texts]}, durable=True)
    repo.create(tree)
    aside.rename(paths.private)
    return program_id
