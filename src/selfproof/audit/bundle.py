"""A bundle: one folder with all that an auditor needs, made from a ledger and read back into one.

It is the log as static files with its blobs (``ledger.tiles``), the note that witnesses cosigned if there is one, the
tasks if their owner gives them, and a page that says how to check it. ``unpacked`` believes nothing of it: what it
writes is a ledger folder, which is then verified like any other.

Does not protect against: what ``audit`` as a whole does not; tasks that are run by an auditor are their owner's code.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selfproof.audit.sharing import Shared
from selfproof.ledger import LedgerBroken, tiles
from selfproof.ledger.frames import encode
from selfproof.ledger.note import Verifier, stated_size
from selfproof.ledger.openings import FOLDER
from selfproof.ledger.statement import MAX_LEAF
from selfproof.nouns import UsageError

COSIGNED, PAGE, TASKS = "cosigned", "README.md", "tasks"
_WHOLE = {"checkpoint", "vkey", COSIGNED, PAGE}
_README = """# A ledger of selfproof, to check

Log `{name}`, {size} entries, root `{root}`.

| what | is |
| --- | --- |
| `checkpoint` | number of entries and root, signed by the log's key (C2SP signed note) |
| `vkey` | the log's first key; ask its owner for its keys some other way and compare |
| `tile/entries/` | the entries (in-toto Statements), each after its length, two bytes, big-endian |
| `tile/0/`, ... | their hashes (C2SP tlog-tiles) |
| `blobs/sha256/ab/HEX` | what entries refer to, named by its SHA-256 |
| `openings/HEX` | texts of people's that entries hold as commitments, and that may be taken out |
| `cosigned` | the newest checkpoint that witnesses cosigned, if any was asked |
| `tasks/` | the tasks, if their owner gave them; needed only to run trials again |

Three ways to check it, from the most to the least complete; docs/auditors.md of selfproof explains each figure:

    selfproof verify --bundle . --key VKEY
    node verify.mjs . --key VKEY          # verifiers/verify.mjs: no dependencies, shares no code with the first
    openssl: see docs/auditors.md, "With openssl alone"
"""


def write(shared: Shared, out: Path, tasks: Path | None = None) -> int:
    """Write a bundle into a new or empty folder; returns how many files it has.

    Raises:
        UsageError: there is something in that folder, or a task folder that is not there.
        OSError: it cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty", advice="A bundle is one state of a ledger: use a new folder.")
    if tasks is not None and not tasks.is_dir():
        raise UsageError(f"there are no tasks at {tasks}", advice="Leave out --with-tasks.")
    shared.export(out)
    shared.texts(out)
    if shared.cosigned:
        (out / COSIGNED).write_bytes(shared.cosigned)
    if tasks is not None:
        shutil.copytree(tasks, out / TASKS, ignore=shutil.ignore_patterns("__pycache__"))
    signed = shared.signed
    page = _README.format(name=signed.origin, size=signed.size, root=signed.root.hex())
    (out / PAGE).write_text(page, encoding="utf-8")
    return sum(path.is_file() for path in out.rglob("*"))


@contextmanager
def unpacked(bundle: Path) -> Iterator[Path]:
    """A ledger folder, for as long as it is needed, with what the bundle says.

    Raises:
        UsageError: that is no bundle.
        LedgerBroken: its key or checkpoint cannot be read, a tile or an entry is missing or is another than the
            entries give, or something lies there that does not belong.
    """
    for name in ("checkpoint", "vkey", "tile"):
        if not (bundle / name).exists():
            raise UsageError(f"{bundle} is no bundle: it has no {name}", advice="Make one: `selfproof ledger bundle`.")
    with tempfile.TemporaryDirectory(prefix="selfproof-bundle-") as scratch:
        ledger = Path(scratch) / "ledger"
        ledger.mkdir()
        for name in ("checkpoint", "vkey"):
            (ledger / name).write_bytes((bundle / name).read_bytes())
        try:
            Verifier.parse((bundle / "vkey").read_text("utf-8").strip())
            size = stated_size((bundle / "checkpoint").read_bytes())  # who signed it is found out by what it says
        except ValueError as error:
            raise LedgerBroken(None, "checkpoint", str(error)) from None
        _log(bundle, ledger, size)
        _no_strays(bundle)
        if (bundle / "blobs").is_dir():  # links stay links, and are refused as in any ledger
            shutil.copytree(bundle / "blobs", ledger / "blobs", symlinks=True)
        if (bundle / FOLDER).is_dir():
            shutil.copytree(bundle / FOLDER, ledger / FOLDER, symlinks=True)
        yield ledger


def _log(bundle: Path, ledger: Path, size: int) -> None:
    """Write the entries as a log, and compare each hash tile with what they give."""
    raws: list[int] = []

    def framed() -> Iterator[bytes]:
        with (ledger / "log").open("wb") as log:
            for raw in tiles.leaves_of(bundle, size):
                if not 0 < len(raw) <= MAX_LEAF:
                    raise LedgerBroken(len(raws), "unknown", "an empty entry")
                log.write(encode(raw))
                raws.append(len(raw))
                yield raw

    try:
        for name, data in tiles.tiles(framed()):
            path = bundle / name
            if not name.startswith("tile/entries/") and (not path.is_file() or path.read_bytes() != data):
                raise LedgerBroken(None, "tile", f"{name} is missing, or is not what the entries hash to")
    except ValueError as error:
        raise LedgerBroken(len(raws), "unknown", str(error)) from None


def _no_strays(bundle: Path) -> None:
    """Refuse files beside those that are checked; partial tiles of earlier exports are not read and may stay."""
    for path in sorted(bundle.iterdir()):
        known = path.name in _WHOLE if path.is_file() else path.name in {"tile", "blobs", FOLDER, TASKS}
        if path.is_symlink() or not known:
            raise LedgerBroken(None, "stray", f"{path.name} does not belong in a bundle")
