"""Contracts for what others may put in the place of a part of selfproof, as checks that their own tests can call; and
models that say what they are told to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selfproof.testing.archives import ArchiveContract, SharedArchiveContract
    from selfproof.testing.executors import ExecutorContract
    from selfproof.testing.loopback import LoopbackModel
    from selfproof.testing.proposers import ProposerContract
    from selfproof.testing.scripted import ScriptedModel

__all__ = [
    "ArchiveContract", "ExecutorContract", "LoopbackModel", "ProposerContract", "ScriptedModel",
    "SharedArchiveContract",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load what is asked for, and only then: a contract's user needs no HTTP server."""
    if name in {"ArchiveContract", "SharedArchiveContract"}:
        from selfproof.testing import archives

        return getattr(archives, name)
    if name == "ExecutorContract":
        from selfproof.testing.executors import ExecutorContract

        return ExecutorContract
    if name == "LoopbackModel":
        from selfproof.testing.loopback import LoopbackModel

        return LoopbackModel
    if name == "ProposerContract":
        from selfproof.testing.proposers import ProposerContract

        return ProposerContract
    if name == "ScriptedModel":
        from selfproof.testing.scripted import ScriptedModel

        return ScriptedModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
