"""What evaluators import of their tools, so that they run in a jail where nothing of them is installed."""

from __future__ import annotations

from importlib import resources


def support_of(kind: str) -> dict[str, str]:
    """The stand-in for a tool and the module that runs its evaluators, by path."""
    found: dict[str, str] = {}
    for folder in ("evaluated/program/support", f"{kind}/program"):
        with resources.as_file(resources.files("selfproof") / "templates" / folder) as real:
            for path in sorted(real.rglob("*.py")):
                found[path.relative_to(real).as_posix()] = path.read_text("utf-8")
    return found
