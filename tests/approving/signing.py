"""Real SSH keys and signatures for tests."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is missing: openssh-client")


@dataclass
class People:
    """A folder of keys, one for each name."""

    folder: Path

    def key(self, name: str) -> Path:
        """The private key of this person, made when it is first asked for."""
        place = self.folder / name
        if not place.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", place], check=True)
        return place

    def allowed(self, *names: str, options: str = "") -> str:
        """A file of allowed signers."""
        keys = {name: self.key(name).with_suffix(".pub").read_text() for name in names}
        return "".join(f"{name}@example.com {options}{key}" for name, key in keys.items())

    def sign(self, name: str, text: str, namespace: str = "selfproof") -> str:
        """This person's signature of a text."""
        place = self.folder / "text"
        place.write_text(text)
        place.with_suffix(".sig").unlink(missing_ok=True)
        words = ["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", self.key(name), place]
        subprocess.run(words, check=True)
        return place.with_suffix(".sig").read_text()


def changed(text: str, **changes: Any) -> str:
    """A statement with other fields, in the spelling that is signed."""
    return json.dumps({**json.loads(text), **changes}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
