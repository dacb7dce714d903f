"""A language model whose weights lie in a folder of this machine, asked in a process of its own: no key, no network."""

from __future__ import annotations

from selfproof.propose.local.asking import Asker, Refused
from selfproof.propose.local.folder import Folder, digest_of, parse
from selfproof.propose.local.proposer import LocalProposer

__all__ = ["Asker", "Folder", "LocalProposer", "Refused", "digest_of", "parse"]
