"""Write a decision: the refusal, or the entry and the commit that make a candidate the program."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from selfproof.adopt import repo
from selfproof.archive.state import Confirming
from selfproof.archive.tree import digests, tree_hash
from selfproof.charter import Objective
from selfproof.domains.base import Finalist
from selfproof.life import Life
from selfproof.line.certificates import write
from selfproof.nouns import Decision


def refuse(life: Life, confirming: Confirming, step: str, reason: str) -> None:
    """Close a confirmation without adopting its candidate; its alpha stays spent."""
    life.log("decision", {"confirmation": confirming.id, "verdict": "refused", "step": step, "reason": reason})
    write(life, confirming)


def limit(life: Life) -> str | None:
    """Why the charter allows no adoption now, or None; asked before alpha is spent and again before an adoption."""
    if life.charter.autonomy.level == "observe":
        return f"the charter's autonomy level is {life.charter.autonomy.level}"
    day = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    recent = [v for v in life.state.versions[1:] if datetime.datetime.fromisoformat(v.time) > day]
    if len(recent) >= life.charter.budget.adoptions_per_day:
        return f"{len(recent)} adoptions in 24 hours are all that the charter allows"
    return None


def adopt(
    life: Life, objective: Objective, finalist: Finalist, confirming: Confirming, high_water: Sequence[str]
) -> Decision:
    """Write the leaf, then the commit: from the leaf on the change is adopted, whatever happens to us."""
    files = {**life.files(), **finalist.candidate.files}
    body, verdict = confirming.body, confirming.verdict
    assert verdict is not None
    number = len(life.state.versions)
    message = commit_message(number, body["title"], objective.name, verdict)
    leaf = life.log(
        "adopt",
        {"version": number, "parent": life.state.current, "confirmation": confirming.id, "objective": objective.name,
         "candidate": body["candidate"], "title": body["title"], "tree": tree_hash(files), "files": digests(files),
         "texts": [life.blob(text) for text in finalist.candidate.files.values()],
         "message": message, "high_water": list(high_water)},
        durable=True,
    )  # fmt: skip
    repo.commit(life.tree, files, message, leaf.time)
    return Decision("adopted", "adopt", verdict["reason"], finalist.candidate, version=number)


def commit_message(number: int, title: str, objective: str, verdict: dict[str, Any]) -> str:
    """What, why and the certificate in short."""
    evidence = f"ln W = {verdict['log_wealth']:.2f} >= {verdict['log_threshold']:.2f}"
    if not verdict["alpha_k"]:
        evidence = "every sample run twice, compared exactly"
    return (
        f"version {number}: {title[:60]}\n\nobjective: {objective}\nchange: {title}\n"
        f"{'certificate' if verdict['answer'] == 'certified' else 'NO CERTIFICATE'}: {verdict['claim']}\n"
        f"k = {verdict['k']}, alpha_k = {verdict['alpha_k']:.3g}, pairs = {verdict['pairs']}, "
        f"{evidence}, tier = {verdict['tier']}\n"
    )
