"""The signing key's file: 32 random bytes as hex, mode 0600, outside the ledger folder.

Does not protect against:
- other processes of the same account, which can read the file
"""

import os
import re
from pathlib import Path

from selfproof.ledger.errors import LedgerBroken
from selfproof.ledger.files import sync_folder


def make_key(path: Path) -> bytes:
    """Return the seed in `path`, after making one if there is no such file; raises as `read_key` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return read_key(path)
    seed = os.urandom(32)
    with os.fdopen(fd, "w") as file:
        file.write(seed.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
    return seed


def read_key(path: Path) -> bytes:
    """Return the 32-byte seed.

    Raises LedgerBroken (kind "key") if it is missing, malformed or readable by other accounts.
    """
    try:
        with path.open() as file:
            mode, text = os.fstat(file.fileno()).st_mode, file.read(1024).strip()
    except (FileNotFoundError, UnicodeDecodeError):
        raise LedgerBroken(None, "key", f"there is no signing key in {path}") from None
    except PermissionError:  # of a run as root, whose signer took an account of its own
        raise LedgerBroken(
            None, "key", f"{path} is another account's: run as root, or chown it and its .signed"
        ) from None
    if mode & 0o077:
        raise LedgerBroken(None, "key", f"other accounts may read {path}: run chmod 600 {path}")
    if re.fullmatch(r"[0-9a-f]{64}", text) is None:
        raise LedgerBroken(None, "key", f"{path} does not hold 32 bytes in hex")
    return bytes.fromhex(text)
