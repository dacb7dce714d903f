"""The browser recomputes the root itself: it says yes to a sound log, also under a later key, and no to others."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selfproof.ledger.frames import open_log, scan


def rewritten(folder: Path, index: int) -> None:
    """Another title in one entry, with its checksum: only the root notices."""
    log = folder / ".selfproof" / "ledger" / "log"
    with open_log(log.parent) as file:
        ends = [0, *(frame.end for frame in scan(file))]
    data, start, end = bytearray(log.read_bytes()), ends[index], ends[index + 1]
    at = data.index(b'"time":"20', start)
    assert at < end
    data[at + 9] ^= 1
    data[start + 4 : start + 8] = struct.pack("<I", zlib.crc32(data[start + 8 : end]))
    log.write_bytes(data)


def test_the_browser_verifies_the_log_by_itself(
    cli: Any, browser: Any, served: Callable[..., Any], come_in: Callable[..., Any], finite_life: Any, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(finite_life.folder, tmp_path / "life"))
    with served(folder) as dashboard, come_in(browser, dashboard) as visitor:

        def says() -> str:
            visitor.go("ledger")
            visitor.page.click("#verify")
            visitor.page.wait_for_selector("#verify-told .banner")
            return str(visitor.page.inner_text("#verify-told"))

        first = says()
        assert "as they were signed" in first and "by this log's key" in first and "nothing before" in first
        assert finite_life.summary["ledger"]["root"] in first
        assert cli.run("ledger", "key", "--new", "--at", folder).code == 0
        turned = says()
        assert "as they were signed" in turned and "each vouched for by the one before" in turned
        assert "they are still its beginning" in turned
        assert cli.run("ledger", "key", "--end", "--at", folder).code == 0
        assert "as they were signed" in says()
        log = folder / ".selfproof" / "ledger" / "log"
        sound = log.read_bytes()
        rewritten(folder, 4)
        assert "rewritten" in says()
        log.write_bytes(sound[:2000] + bytes([sound[2000] ^ 1]) + sound[2001:])
        assert "is damaged" in says()
        log.write_bytes(sound)
        assert "as they were signed" in says()
        visitor.page.evaluate(
            "() => Object.keys(localStorage).filter(k => k.startsWith('verified')).forEach(k => "
            "localStorage.setItem(k, JSON.stringify({ size: 3, root: '00' })))"
        )
        assert "another beginning than what was verified here before" in says()
