"""Where the parts of a living program lie, for whoever only wants to look: it imports nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PRIVATE = ".selfproof"


@dataclass
class Paths:
    """Where the parts of a living program lie."""

    folder: Path

    def __post_init__(self) -> None:
        """Name the parts."""
        self.charter = self.folder / "charter.toml"
        self.private = self.folder / PRIVATE
        self.ledger = self.private / "ledger"
        self.key = self.private / "key"
        self.moved = self.private / "key.moved"
        self.epoch_key = self.private / "epoch.key"
        self.archive = self.private / "archive.db"
        self.stop = self.folder / "STOP"
        self.halts = self.private / "halts"
        self.pause = self.private / "pause"
        self.drain = self.private / "drain"
        self.running = self.private / "running"
        self.approvals = self.private / "approvals"
        self.witnessed = self.private / "witnessed"
        self.counter = self.private / "counter"
        self.live = self.private / "live.jsonl"
        self.tokens = self.private / "tokens"
