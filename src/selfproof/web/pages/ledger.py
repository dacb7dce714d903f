"""Ledger: what was signed, entry by entry, and the bytes from which a browser recomputes the root by itself."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response

from selfproof.audit.sharing import Shared
from selfproof.ledger import LedgerBroken
from selfproof.ledger.frames import open_log, scan
from selfproof.ledger.statement import blobs_of, is_sha256
from selfproof.web.page import Asked, NotHere, Page
from selfproof.web.reading import Reading

SIZE = 60
BUNDLE = 256
BUNDLE_BYTES = 1 << 21
LARGEST_SHOWN = 1 << 19


def show(asked: Asked) -> Response:
    """The head, and the list of entries, newest first."""
    reading = asked.reading
    kind = asked.word("kind", most=40)
    counts = reading.memo("kinds", lambda: Counter(reading.kinds))
    numbers = _numbers(reading, kind)
    begin = min(max(0, asked.whole("from")), max(0, len(numbers) - 1))
    rows = [_row(reading, index) for index in numbers[begin : begin + SIZE]]
    more = {
        "rows": rows, "begin": begin, "size": SIZE, "found": len(numbers), "kind": kind,
        "counts": sorted(counts.items()),
        "checkpoint": reading.checkpoint, "root": reading.tree.root.hex(), "signer": _signer(reading),
        "vkey": reading.state.genesis["vkey"], "witnessed": _witnessed(reading),
    }  # fmt: skip
    return asked.render("ledger_list.html" if asked.fragment else "ledger.html", **more)


def _numbers(reading: Reading, kind: str) -> range | list[int]:
    """Numbers of all entries of a kind, newest first; of all, without one."""
    last = len(reading.kinds) - 1
    if not kind:
        return range(last, -1, -1)
    return reading.memo(
        "of-kind", lambda: [i for i in range(last, -1, -1) if reading.kinds[i] == kind], key=(last, kind)
    )


def _row(reading: Reading, index: int) -> dict[str, Any]:
    try:
        leaf = reading.entry(index)
    except LedgerBroken as error:
        return {"index": index, "kind": reading.kinds[index], "time": "", "short": f"damaged: {error.reason}"}
    told = {key: value for key, value in leaf.body.items() if isinstance(value, str | int | float) and key != "time"}
    short = ", ".join(f"{key} {str(value)[:60]}" for key, value in list(told.items())[:5])
    return {"index": index, "kind": leaf.kind, "time": leaf.time, "short": short[:220]}


def _signer(reading: Reading) -> str:
    """Whose account holds the key, as the newest epoch says."""
    index = next((i for i in range(len(reading.kinds) - 1, -1, -1) if reading.kinds[i] == "seed-commit"), None)
    try:
        return "" if index is None else str(reading.entry(index).body.get("signer", ""))
    except LedgerBroken:
        return ""  # the page says that it is damaged


def _witnessed(reading: Reading) -> dict[str, Any] | None:
    """The cosigned note beside the ledger: how many entries, whose lines. Whether they hold, `verify` says."""
    try:
        lines = reading.paths.witnessed.read_text("utf-8").splitlines()
        return {"size": int(lines[1]), "names": [line.split(" ")[1] for line in lines if line.startswith("— ")][1:]}
    except (OSError, ValueError, IndexError, UnicodeDecodeError):
        return None


def entry(asked: Asked) -> Response:
    """One entry, as it is: its JSON, its blobs."""
    leaf = _found(asked)
    text = json.dumps(json.loads(leaf.raw), indent=2, ensure_ascii=False)
    blobs = list(dict.fromkeys(blobs_of(leaf.body)))
    return asked.render(
        "entry.html", leaf=leaf, lines=text.split("\n"), blobs=blobs[:200], last=len(asked.reading.kinds) - 1,
        signed=asked.reading.checkpoint is not None and leaf.index < asked.reading.checkpoint.size, size=len(leaf.raw),
        title=f"Entry {leaf.index}",
    )  # fmt: skip


def _found(asked: Asked) -> Any:
    index = asked.number("index")
    if not 0 <= index < len(asked.reading.kinds):
        raise NotHere(f"there is no entry {index}", advice=f"Entries go from 0 to {len(asked.reading.kinds) - 1}.")
    return asked.reading.entry(index)


def proof(asked: Asked) -> Response:
    """An offline proof that this entry is in the log: `selfproof ledger check` takes it."""
    leaf, paths = _found(asked), asked.reading.paths
    try:
        made = Shared(paths.ledger, paths.witnessed).proof(leaf.index)
    except (ValueError, IndexError) as error:
        raise NotHere(f"entry {leaf.index} is not under a checkpoint yet", advice=str(error)) from None
    return _file(made.text, f"entry-{leaf.index}.tlog-proof")


def blob(asked: Asked) -> Response:
    """A blob's bytes, as a file: nothing that a program wrote is ever run or drawn by a browser."""
    digest = asked.request.path_params["digest"]
    if not is_sha256(digest):
        raise NotHere("a blob is named by 64 lower-case hex digits")
    try:
        return _file(asked.reading.blob(digest), f"{digest[:16]}.bin")
    except LedgerBroken as error:
        raise NotHere(str(error)) from None


def checkpoint(asked: Asked) -> Response:
    """The signed note, as it lies there now."""
    return PlainTextResponse((asked.reading.paths.ledger / "checkpoint").read_bytes())


def bundle(asked: Asked) -> Response:
    """Entries from a number on, each after its length (u16, big-endian), read from the disk at this moment."""
    reading, begin = asked.reading, asked.whole("from")
    offset = reading.offset(begin)
    out = bytearray()
    try:
        with open_log(reading.paths.ledger) as file:
            file.seek(offset)
            for frame in scan(file):
                out += len(frame.raw).to_bytes(2, "big") + frame.raw
                if frame.number + 1 >= BUNDLE or len(out) > BUNDLE_BYTES:
                    break
    except LedgerBroken as error:
        if not out:  # else what is before it comes first, and it is asked for again from there
            return JSONResponse({"index": begin + (error.index or 0), "reason": error.reason}, 409)
    return Response(bytes(out), media_type="application/octet-stream")


def _file(data: bytes, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "content-security-policy": "sandbox"}
    return Response(data, media_type="application/octet-stream", headers=headers)


PAGES = (
    Page("ledger", "ledger", "Ledger", show, order=100, key="e"),
    Page("entry", "ledger/{index:int}", "Entry", entry),
    Page("proof", "ledger/{index:int}/proof", "Proof", proof),
    Page("blob", "ledger/blob/{digest}", "Blob", blob),
    Page("checkpoint", "ledger/checkpoint", "Checkpoint", checkpoint),
    Page("bundle", "ledger/bundle", "Bundle", bundle),
)
