"""What a person may let programs use beyond the bare minimum; by default nothing of it.

Each is one line of text, in the charter and on the record of every trial that had it: `subprocesses`,
`scratch:MB` (a private folder in memory, gone after the job; the program's own files lie in it), `data:/FOLDER`
(read-only), `gpu`, `network:HOST:PORT` (through the engine's broker, to the named hosts and nowhere else).

Does not protect against:
- what is granted: a program with a network can tell the named hosts everything that it knows, one with a GPU can
  fill its memory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

_HOST: Final = re.compile(r"(?=.{1,253}:)[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:([1-9][0-9]{0,4})")
_SCRATCH_MOST_MB: Final = 1 << 16
SCRATCH: Final = "/scratch"
BROKER_PORT: Final = 3128
_KINDS: Final = "subprocesses, scratch:MB, data:/FOLDER, gpu, network:HOST:PORT"


@dataclass(frozen=True)
class Grants:
    """Parsed grants; equal for equal rights, whatever the order they were written in."""

    subprocesses: bool = False
    scratch_mb: int = 0  # MB in memory, 0 for none
    data: tuple[str, ...] = ()  # absolute folders, sorted
    gpu: bool = False
    network: tuple[str, ...] = ()  # "host:port", sorted

    @classmethod
    def parse(cls, lines: Sequence[str]) -> Grants:
        """Read grants. Raises ValueError, naming the line, for one that means nothing or stands twice."""
        plain = {"subprocesses": False, "gpu": False}
        data, network, scratch = set(), set(), 0
        for line in lines:
            kind, _, rest = line.partition(":")
            port = _HOST.fullmatch(rest)
            if line in plain and not plain[line]:
                plain[line] = True
            elif kind == "scratch" and rest.isdecimal() and 0 < int(rest) <= _SCRATCH_MOST_MB and not scratch:
                scratch = int(rest)
            elif kind == "data" and _is_folder(rest) and rest not in data:
                data.add(rest)
            elif kind == "network" and port and int(port[2]) < 1 << 16 and rest.lower() not in network:
                network.add(rest.lower())
            else:
                raise ValueError(f"{line!r} grants nothing, or stands twice; there are {_KINDS}")
        return cls(plain["subprocesses"], scratch, tuple(sorted(data)), plain["gpu"], tuple(sorted(network)))

    def lines(self) -> tuple[str, ...]:
        """The text that `parse` reads, in one order: what a trial records."""
        found = ["subprocesses"] * self.subprocesses + [f"scratch:{self.scratch_mb}"] * bool(self.scratch_mb)
        found += [f"data:{folder}" for folder in self.data] + ["gpu"] * self.gpu
        return (*found, *(f"network:{host}" for host in self.network))

    def needs(self) -> dict[str, str]:
        """The layers without which these grants would be too much, each with the reason."""
        found = {}
        if self.subprocesses or self.scratch_mb or self.gpu:
            found["cgroup"] = "only a control group bounds the memory of processes, files and drivers together"
        if self.subprocesses:
            found["pidns"] = "only a process namespace ends everything that a program has started"
        if self.scratch_mb:
            found["mntns"] = "a private folder needs a mount namespace"
        if self.network:
            found["netns"] = "only a network namespace leaves the broker as the one way out"
        if self.gpu:
            reason = "a driver is spoken to by calls that reach other processes, networks and files too"
            found |= dict.fromkeys(("pidns", "netns", "mntns"), reason)
        return found


NOTHING: Final = Grants()


def _is_folder(text: str) -> bool:
    """An absolute path in its shortest form, and not the root: that would be everything."""
    path = PurePosixPath(text)
    return text == str(path) and path.is_absolute() and len(path.parts) > 1 and ".." not in path.parts
