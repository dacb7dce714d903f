"""Files that are there after a power cut, and are never seen half written.

Does not protect against:
- a disk that says that it has written what it has not
"""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_file(path: Path, scratch: Path, data: bytes, *, durable: bool) -> None:
    """Put `data` at `path` so that readers see the old bytes or the new, never a mixture.

    With `durable` the bytes are on disk before the rename; the name needs `sync_folder` as well.
    Raises OSError, leaving `path` as it was.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(scratch, flags, 0o644), "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)  # on a full disk it would keep the space that others need
        raise
