"""Leaves: in-toto Statements v1 (github.com/in-toto/attestation, spec/v1/statement.md) as canonical JSON.

Canonical: keys sorted by code point, no spaces, UTF-8 without escapes that are not needed, floats in their
shortest form, no NaN or infinity, integers within +-2**53 so that every language reads the same number.
One value has one spelling, and `parse_statement` refuses any other.

    {"_type": ..., "predicate": {...body..., "time": ...}, "predicateType": "https://selfproof.dev/<kind>/v1",
     "subject": [{"digest": {"sha256": ...}, "name": ...}]}

A body refers to a blob, anywhere inside, by {"$blob": "<sha256 hex>"}.

Does not protect against:
- a body that says something untrue: the form is checked here, never the content
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MAX_LEAF = 0xFFFF  # bytes; tlog-tiles entry bundles carry lengths of 16 bits
MAX_INT = 2**53
MAX_DEPTH = 64

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_DECODER = json.JSONDecoder()
_PREDICATE = re.compile(r"https://selfproof\.dev/([a-z][a-z0-9-]{0,39})/v1")
_PREDICATE_BYTES = re.compile(rb'"predicateType":"https://selfproof\.dev/([a-z][a-z0-9-]{0,39})/v1"')
_KIND = re.compile(r"[a-z][a-z0-9-]{0,39}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Leaf:
    """One entry of the ledger: `body` is the predicate (with "time"), `raw` the exact bytes hashed.

    Where an entry holds commitments to texts (`openings.py`), `body` has the texts, `commits` field and digest
    of each.
    """

    index: int
    kind: str
    body: dict[str, Any]
    raw: bytes
    time: str
    commits: tuple[tuple[str, str], ...] = ()


class Statement(NamedTuple):
    """A parsed leaf, before it has a place in a log."""

    kind: str
    body: dict[str, Any]
    subject: dict[str, str]


def is_sha256(text: object) -> bool:
    """Say whether `text` is 64 lower-case hex digits."""
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


def canonical(value: object) -> bytes:
    """Return the canonical JSON of `value`; ValueError or TypeError, naming the place, if it has none."""
    _admit(value, "$", MAX_DEPTH)
    return _ENCODER.encode(value).encode()


def _admit(value: object, place: str, depth: int) -> None:
    if isinstance(value, str | bool) or value is None:
        return
    if isinstance(value, int):
        if abs(value) > MAX_INT:
            raise ValueError(f"{place}: integers end at 2**53 in JSON; write a larger one as a string")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{place}: {value} is not a number that JSON can carry")
    elif depth == 0:
        raise ValueError(f"{place}: nested deeper than {MAX_DEPTH}")
    elif isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise TypeError(f"{place}: keys must be str, not {type(key).__name__}")
            _admit(item, f"{place}.{key}", depth - 1)
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            _admit(item, f"{place}[{i}]", depth - 1)
    else:
        raise TypeError(f"{place}: {type(value).__name__} has no JSON form; convert it first")


def make_statement(kind: str, body: Mapping[str, Any], subject: Mapping[str, str]) -> bytes:
    """Return the leaf bytes for a body that already holds its "time"; `subject` maps names to sha256 hex.

    Raises ValueError for a malformed kind, time, subject or blob reference, and for 64 KiB or more.
    """
    if _KIND.fullmatch(kind) is None:
        raise ValueError(f"an entry's kind is lower-case letters, digits and dashes, not {kind!r}")
    raw = canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": n, "digest": {"sha256": subject[n]}} for n in sorted(subject)],
            "predicateType": f"https://selfproof.dev/{kind}/v1",
            "predicate": dict(body),
        }
    )
    if len(raw) > MAX_LEAF:
        raise ValueError(
            f"a {kind} entry of {len(raw)} bytes is too large (the limit is {MAX_LEAF}): "
            'store the data with put_blob() and refer to it by {"$blob": digest}'
        )
    _check(kind, body, subject)
    return raw


def document(raw: bytes) -> Any:
    """Return what canonical JSON says; ValueError for any other spelling."""
    doc, _ = _DECODER.raw_decode(raw.decode())
    if _ENCODER.encode(doc).encode() != raw:
        raise ValueError("not in canonical form")
    return doc


def parse_statement(raw: bytes, read: Callable[[bytes], Any] = document) -> Statement:
    """Return kind, predicate and subject; ValueError unless this is exactly what make_statement writes.

    `read` is `document`, or what agrees with it.
    """
    try:
        doc = read(raw)
        if len(doc) != 4 or doc["_type"] != STATEMENT_TYPE:
            raise ValueError("not an in-toto Statement v1")
        match = _PREDICATE.fullmatch(doc["predicateType"])
        if match is None:
            raise ValueError("an unknown predicate type")
        subject = {}
        for item in doc["subject"]:
            if len(item) != 2 or len(item["digest"]) != 1:
                raise ValueError("a malformed subject")
            subject[item["name"]] = item["digest"]["sha256"]
        body = doc["predicate"]
        _check(match[1], body, subject)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not an in-toto Statement of this ledger ({type(error).__name__})") from None
    return Statement(match[1], body, subject)


def _check(kind: str, body: Mapping[str, Any], subject: Mapping[str, str]) -> None:
    if not isinstance(body.get("time"), str) or _TIME.fullmatch(body["time"]) is None:
        raise ValueError(f"a {kind} entry without a well-formed time")
    if not subject or not all(map(is_sha256, subject.values())):
        raise ValueError(f"a {kind} entry needs a subject: a name and a sha256 in lower-case hex")


def blobs_of(value: object) -> Iterator[str]:
    """Yield the digests of all blobs that a body refers to; ValueError for a malformed reference."""
    if isinstance(value, Mapping):
        if "$blob" in value:
            if len(value) != 1 or not is_sha256(value["$blob"]):
                raise ValueError('a blob reference is {"$blob": "<sha256 in lower-case hex>"} and nothing else')
            yield value["$blob"]
        else:
            for item in value.values():
                yield from blobs_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from blobs_of(item)


def guess_kind(damaged: bytes) -> str:
    """Return the kind that a damaged leaf still shows, else "unknown"."""
    match = _PREDICATE_BYTES.search(damaged)
    return match[1].decode() if match else "unknown"
