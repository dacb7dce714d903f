"""The log as static files for any web server (C2SP tlog-tiles): hash tiles, entry bundles, and the checkpoint last.

    checkpoint                    the signed note, as it is
    tile/<L>/<N>[.p/<W>]          256 hashes of level L (a hash of level 1 covers 256 leaves), a partial one W
    tile/entries/<N>[.p/<W>]      the leaves themselves, each after its length (u16, big-endian)

Full tiles never change, so that an export may be repeated into the same folder as the log grows.

Does not protect against:
- whoever may write to the folder or the web server: readers check what they fetch against the checkpoint
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from selfproof.ledger.files import replace_file
from selfproof.ledger.merkle import Tree, leaf_hash

WIDTH = 256
HASH = 32


def path_of(level: int | str, number: int, width: int = WIDTH) -> str:
    """Where a tile lies: ``level`` is 0 to 63, or "entries"; the index in elements of three digits."""
    digits = [f"{number % 1000:03d}"]
    while number := number // 1000:
        digits.insert(0, f"x{number % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(digits)}{partial}"


def widths(size: int, level: int) -> Iterator[tuple[int, int]]:
    """Number and width of each tile of a level in a tree of this size, the partial one last."""
    whole = size // WIDTH**level
    for number in range(whole // WIDTH):
        yield number, WIDTH
    if whole % WIDTH:
        yield whole // WIDTH, whole % WIDTH


def subtree(hashes: bytes) -> bytes:
    """The root of a full tile's 256 hashes."""
    tree = Tree()
    for at in range(0, len(hashes), HASH):
        tree = tree.append(hashes[at : at + HASH])
    return tree.root


def tiles(leaves: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of every file but the checkpoint, for these leaves: memory for one tile of each level."""
    rows: list[bytearray] = []
    numbers: list[int] = []
    bundle, bundles = bytearray(), 0
    for raw in leaves:
        bundle += len(raw).to_bytes(2, "big") + raw
        value, level = leaf_hash(raw), 0
        while True:
            if level == len(rows):
                rows.append(bytearray())
                numbers.append(0)
            rows[level] += value
            if len(rows[level]) < WIDTH * HASH:
                break
            full = bytes(rows[level])
            yield path_of(level, numbers[level]), full
            if level == 0:
                yield path_of("entries", bundles), bytes(bundle)
                bundle, bundles = bytearray(), bundles + 1
            rows[level], numbers[level] = bytearray(), numbers[level] + 1
            value, level = subtree(full), level + 1
    for level, row in enumerate(rows):
        if row:
            yield path_of(level, numbers[level], len(row) // HASH), bytes(row)
    if bundle:
        yield path_of("entries", bundles, len(rows[0]) // HASH), bytes(bundle)


def export(leaves: Iterable[bytes], checkpoint: bytes, out: Path) -> int:
    """Write the files below ``out``, the checkpoint last, so that a reader never meets one whose tiles are missing.

    Returns how many files were written; full tiles that are there already are left alone.

    Raises:
        ValueError: a full tile that is there already is another log's, or was changed.
        OSError: the folder cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = 0
    for name, data in tiles(leaves):
        target = out / name
        if target.is_file() and target.read_bytes() == data:
            continue
        if target.exists():
            raise ValueError(f"{target} holds something else than this log says: another log's, or changed")
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, target.with_name(".new"), data, durable=False)
        written += 1
    replace_file(out / "checkpoint", out / ".checkpoint.new", checkpoint, durable=True)
    return written + 1


def entries(bundle: bytes) -> Iterator[bytes]:
    """The leaves of an entry bundle.

    Raises:
        ValueError: it is cut short.
    """
    at = 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if at + 2 > len(bundle) or end > len(bundle):
            raise ValueError("an entry bundle is cut short")
        yield bundle[at + 2 : end]
        at = end


def leaves_of(folder: Path, size: int) -> Iterator[bytes]:
    """The leaves of an exported log up to a size, from its entry bundles.

    Raises:
        ValueError: a bundle is missing or has another number of entries.
    """
    for number, width in widths(size, 0):
        target = folder / path_of("entries", number, width)
        if not target.is_file():  # a partial bundle may have gone once the full one was there
            target = folder / path_of("entries", number)
        if not target.is_file():
            raise ValueError(f"{path_of('entries', number, width)} is missing")
        found = list(entries(target.read_bytes()))
        if len(found) < width:
            raise ValueError(f"{target.relative_to(folder)} has {len(found)} entries, {width} are needed")
        yield from found[:width]
