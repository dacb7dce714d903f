"""The apprentice's improver: it looks at a view of the program's life and returns edits, nothing else.

It runs in the jail like the rest of the program. Whatever it returns is a suggestion: the trusted side screens it,
races it and certifies it. Two parts of it are improved themselves: what it chooses (choices.py), and how fast it
remembers (notebook.py).
"""

import choices
import notebook
from selfproof.operators import site_of, speed_edits

ROUTINE = "rule.py"


def propose(view):
    """view (see docs/design.md, "The improver's view") -> a list of edits."""
    if view["kind"] == "speed":
        return faster(view)
    if view["path"] == ROUTINE:
        import training_edits

        return training_edits.propose(view)
    return better(view)


def better(view):
    """Edits of the focus function: of somewhat more than are wanted those that are most unlike what led nowhere."""
    some, failed = view["wanted"] * 5 // 4, set(view.get("experience", {}).get("failed", ()))
    drafts = choices.propose({**view, "wanted": 2 * some if failed else some})
    if failed:
        drafts = [draft for draft in drafts if idea_of(view, draft) not in failed][:some]
    chosen = notebook.freshest([draft["title"] for draft in drafts], view["history"], view["wanted"])
    return [drafts[index] for index in chosen]


def idea_of(view, draft):
    """A short name for what an edit changed, the same for the same change of other code."""
    (source,) = [row["source"] for row in view["parents"] if row["id"] == draft["parent"]][:1]
    return site_of(source, draft["files"][view["path"]]).idea


def faster(view):
    """Rewrites of the hot functions of one file that keep their outputs equal."""
    edits = []
    for function in view["functions"]:
        for edit in speed_edits(view["source"], function):
            if choices.form_of(edit.source) not in view["tried"]:
                edits.append(
                    {
                        "files": {view["path"]: edit.source},
                        "title": edit.title,
                        "operator": edit.operator,
                        "parent": view["parent"],
                    }
                )
    return edits[: view["wanted"]]
