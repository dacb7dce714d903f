"""Suggests rewrites of hot functions that keep what they do. It runs in the jail; all it can do is return edits."""

import hashlib

from selfproof.operators import edits_for, normal_form


def form_of(source):
    """A short name for the code itself, without comments and layout."""
    return hashlib.sha256(normal_form(source).encode()).hexdigest()[:16]


def propose(view):
    """view (see docs/design.md, "The improver's view") -> a list of edits."""
    if view["kind"] != "speed":
        return []
    tried, edits = set(view["tried"]), []
    for edit in edits_for(view["source"], view["functions"], view["called"]):
        if form_of(edit.source) not in tried:
            edits.append(
                {
                    "files": {view["path"]: edit.source},
                    "title": edit.title,
                    "operator": edit.operator,
                    "parent": view["parent"],
                }
            )
    return edits[: view["wanted"]]
