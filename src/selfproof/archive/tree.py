"""A program's files as values: what belongs to what, and the hash that names a version."""

from __future__ import annotations

import ast
import fnmatch
import hashlib
import json
from collections.abc import Iterable, Mapping

from selfproof.nouns import Files


def matches(path: str, globs: Iterable[str]) -> bool:
    """Whether a relative POSIX path matches one of the globs (``*`` also crosses folders)."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in globs)


def scope(files: Files, globs: Iterable[str]) -> dict[str, str]:
    """The files that match one of the globs, sorted by path."""
    patterns = tuple(globs)
    return {path: files[path] for path in sorted(files) if matches(path, patterns)}


def digests(files: Files) -> dict[str, str]:
    """SHA-256 of each file's text."""
    return {path: hashlib.sha256(files[path].encode()).hexdigest() for path in sorted(files)}


def tree_of_digests(files: Mapping[str, str]) -> str:
    """The name of a version: SHA-256 of the canonical JSON of {path: SHA-256 of the file}."""
    canonical = json.dumps(dict(sorted(files.items())), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def tree_hash(files: Files) -> str:
    """``tree_of_digests`` of the files' texts."""
    return tree_of_digests(digests(files))


def form_of(files: Files) -> str:
    """The same for files that differ in comments and layout only: SHA-256 over their syntax trees."""
    return tree_hash({path: _form(text) for path, text in files.items()})


def _form(text: str) -> str:
    try:
        return ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
