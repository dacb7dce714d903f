"""What an engine is made of: its version, the hash of its installed files, the packages that it uses."""

from __future__ import annotations

import hashlib
import platform
import re
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import selfproof

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def engine() -> dict[str, Any]:
    """The body of an entry ``engine``: a run's own word for what it is made with, written before it begins."""
    return {
        "version": selfproof.__version__, "package": package_hash(), "packages": packages(),
        "python": platform.python_version(), "platform": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip


@cache
def package_hash(folder: Path = Path(selfproof.__file__).parent) -> str:
    """SHA-256 over the installed files, as `sha256sum` lists them: path by path, compiled files left out."""
    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            lines.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n")
    return hashlib.sha256("".join(sorted(lines, key=lambda line: line[66:])).encode()).hexdigest()


@cache
def packages() -> dict[str, str]:
    """What selfproof needs, and what that needs, as far as it is installed: name -> version. Extras are left out."""
    found: dict[str, str] = {}
    wanted = ["selfproof"]
    while wanted:
        name = wanted.pop()
        try:
            one = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        key = normal(one.metadata["Name"])
        if key in found:
            continue
        found[key] = one.version
        for line in one.requires or ():
            match = _NAME.match(line)
            if match and "extra ==" not in line:
                wanted.append(match[0])
    return {name: version for name, version in sorted(found.items()) if name != "selfproof"}


def normal(name: str) -> str:
    """A package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(name: str, version: str) -> tuple[str, str | None]:
    """(licence in words, SHA-256 of its list of installed files) of a package, where this machine has that version."""
    try:
        one = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return "", None
    if one.version != version:
        return "", None
    told: dict[str, Any] = one.metadata.json
    classified = [line.rpartition(" :: ")[2] for line in told.get("classifier", ()) if "License ::" in line]
    words = told.get("license_expression") or "; ".join(classified) or told.get("license", "").partition("\n")[0]
    record = one.read_text("RECORD")
    return words[:100], hashlib.sha256(record.encode()).hexdigest() if record else None
