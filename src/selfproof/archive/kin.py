"""Which searches are the same search: then what one engine has raced, another need not.

Two engines are kin in an objective if its words in their charters, all their tasks' files and the text that they began
from are equal. Only quality objectives are shared: what a clock says on one machine holds for that machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from selfproof.charter import Charter

OWN = ("weight", "alpha_share")  # of each engine's own attention and budget


def kins_of(charter: Charter, tasks: Mapping[str, str], tree: str) -> dict[str, str]:
    """The name of each quality objective's search; ``tasks`` are {path: digest}, ``tree`` names version 0."""
    found = {}
    for objective in charter.objectives:
        if objective.kind == "quality":
            words = {key: value for key, value in asdict(objective).items() if key not in OWN}
            told = json.dumps([words, dict(tasks), tree], sort_keys=True, separators=(",", ":"))
            found[objective.name] = hashlib.sha256(told.encode()).hexdigest()
    return found
