"""What classes and policy rules say of an edit before anything of it is run, and of what is about to be confirmed."""

from __future__ import annotations

from selfproof.charter import Objective
from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit, Files, Objection
from selfproof.oversight import classes, facts, policy


def objection(life: Life, objective: Objective, edit: Edit, after: Files) -> Objection | None:
    """Why a program of these files is not run: its classes are forbidden, or a rule denies it; or None.

    It is held against the incumbent, not against the version that the edit was made from: the steps of a search that
    nobody certified add up.
    """
    if not life.charter.sorts_changes:
        return None
    before, approved = life.files(), life.files(classes.approved_version(life.state))
    found = classes.of_edit(before, after, approved, life.charter)
    if name := classes.forbidden(life.charter, found):
        return Objection(f"class:{name}", f"the charter forbids changes of class {name}: {found[name]}")
    change = facts.Change(before, after, approved, objective.name, objective.kind, edit.proposer, edit.operator)
    told = facts.of_change(life.state, life.charter, change, rfc3339(utc_now()))
    answer = policy.judge(life.charter.rules, told, certified=False)
    return Objection(f"policy:{answer.rule}", answer.reason) if answer.verdict == "deny" else None


def of_finalist(life: Life, objective: Objective, candidate: Candidate) -> tuple[Edit, Objection] | None:
    """The same of a search's best, before any alpha is spent on it: what it is made of was let in one by one."""
    edit = candidate.edit or Edit(objective.name, candidate.files, "the search's best", "", "")
    found = objection(life, objective, edit, {**life.files(), **candidate.files})
    return (edit, found) if found is not None else None


def classes_of(life: Life, files: Files) -> list[str]:
    """The classes of a change that is about to be confirmed, for its entry."""
    before, approved = life.files(), life.files(classes.approved_version(life.state))
    return list(classes.of_edit(before, {**before, **files}, approved, life.charter))
