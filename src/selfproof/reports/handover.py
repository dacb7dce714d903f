"""``selfproof audit export``: one folder for someone who has nothing else, and a page that answers their questions.

The page is written from the ledger, in plain words; each answer names where its proof is in the folder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import selfproof
from selfproof.audit import bundle
from selfproof.nouns import UsageError
from selfproof.reports import bom, controls, rendering, risks
from selfproof.reports.card import Card, card
from selfproof.reports.facts import Facts
from selfproof.reports.incidents import told
from selfproof.viewing.texts import unified, visible

MOST = 30
MOST_OWNER = 300  # characters
VERIFIER = "verify.mjs"
CHECK = "check-with-openssl.sh"
LEVELS = {
    "autonomous": "The program may adopt certified changes by itself: **no person looked at each change.** A person\n"
    "wrote the charter, the tasks and the limits.",
    "approve": "Every certified change waited until as many named people had signed it as the charter says.",
    "propose": "Certified changes are made in a copy, and handed over for a person to review.",
    "observe": "Nothing may be adopted: changes are only tried.",
}
FWER = "Over the program's whole life, the chance that even one certificate is false is"
FDR = "Over the program's whole life, the expected share of false certificates among all is"


def export(
    ledger: Path, witnessed: Path | None, out: Path, register: Path, tasks: Path | None, owner: str = ""
) -> Card:
    """Write the folder; returns the card that is in it. ``owner``: who answers for it, and how they are reached.

    Raises:
        UsageError: there is something in that folder.
        OSError: it cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is not empty", advice="Use a new folder.")
    facts = Facts(ledger, witnessed)
    made = card(facts, risks.load(register))
    bundle.write(facts.shared, out / "bundle", tasks)
    changes = out / "changes"
    changes.mkdir()
    for version in facts.state.versions[1:]:
        before = facts.files(version.number - 1) if version.number else {}
        diff = unified(before, facts.files(version.number), ("before", "after"))
        (changes / f"v{version.number}.diff").write_text(diff, "utf-8")
    now = unified(facts.files(0), facts.files(facts.state.current), ("start", "now"))
    (changes / "start-to-now.diff").write_text(now, "utf-8")
    for form in rendering.FORMATS:
        (out / f"card.{form}").write_text(rendering.rendered(made, form), "utf-8")
    (out / "bom.json").write_text(bom.text(facts), "utf-8")
    rows = [told(one) for one in facts.state.overseen.incidents.values()]
    (out / "incidents.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (out / "controls.md").write_text(controls.page(), "utf-8")
    (out / VERIFIER).write_bytes(_verifier())
    (out / CHECK).write_bytes((Path(__file__).parent / CHECK).read_bytes())
    (out / "README.md").write_text(page(facts, made, with_tasks=tasks is not None, owner=owner), "utf-8")
    return made


def _verifier() -> bytes:
    """The second verifier: in the wheel beside this file, in a checkout where it is kept.

    Raises:
        UsageError: this installation lacks it.
    """
    here = Path(__file__).parent / VERIFIER
    checkout = Path(selfproof.__file__).parents[2] / "verifiers" / VERIFIER
    for place in (here, checkout):
        if place.is_file():
            return place.read_bytes()
    raise UsageError(f"this installation has no {VERIFIER}", advice="Install selfproof again.")


def page(facts: Facts, made: Card, *, with_tasks: bool, owner: str = "") -> str:
    """The page to begin with, from a template whose values are below."""
    import jinja2

    space = jinja2.Environment(  # Markdown, no page of a browser's: what is foreign stands in code spans, by `quoted`
        loader=jinja2.PackageLoader("selfproof.reports", "."), autoescape=False, trim_blocks=True,  # noqa: S701
        lstrip_blocks=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True,
    )  # fmt: skip
    told = {
        **_values(facts, made),
        **_measured(facts),
        "approvers": _approvers(facts),
        "with_tasks": with_tasks,
        "owner": owner[:MOST_OWNER],
    }
    return space.get_template("handover.md.j2").render(**told, made=made, quoted=_quoted, said=_quoted)


def _approvers(facts: Facts) -> list[str]:
    """Names from the list of allowed signers that the charter in force has, each once; see ssh-keygen(1)."""
    given = facts.state.charter.get("approvers")
    lines = facts.blob(given["$blob"]).decode("utf-8", "replace").splitlines() if given else []
    return list(dict.fromkeys(line.split()[0] for line in lines if line.strip() and not line.lstrip().startswith("#")))


def _values(facts: Facts, made: Card) -> dict[str, Any]:
    state, charter = facts.state, facts.charter
    rows, isolation = made.section("changes").rows, made.section("isolation").rows
    standing = [row for row in rows if row["stands"]]
    judged = [row["right"] for row in made.section("controls").rows if row["right"] is not None]
    wrong = judged.count(False)
    earlier = [v.number for v in state.versions if v.number < state.current and not v.rolled_back]
    return {
        "changes": rows, "shown": rows[:MOST], "taken": len(rows) - len(standing), "current": state.current,
        "proposed": sum(facts.proposed.values()), "refused": len(made.section("refused").rows),
        "autonomy": charter.autonomy, "people": len(made.section("people").rows),
        "level_words": LEVELS.get(charter.autonomy.level, "See the charter."),
        "certified": sum(row["answer"] == "certified" for row in standing), "standing": len(standing),
        "alpha": float(state.charter["alpha"]), "spent": state.spent(),
        "alpha_words": FDR if charter.certify.mode == "fdr" else FWER, "controls": len(judged),
        "controls_words": f"{wrong} CAME OUT WRONG" if wrong else "all came out right" if judged else "nothing known",
        "tiers": sorted({row["tier"] for row in isolation}) or ["it was never run"],
        "seeds": sorted({row["seeds"] for row in isolation}) or ["none yet"],
        "joint": [one.name for one in charter.objectives if one.joint],
        "incidents": len(made.section("incidents").rows), "before": max(earlier, default=0),
    }  # fmt: skip


def _measured(facts: Facts) -> dict[str, Any]:
    """What the newest closing table says of each objective beside people's rules, and what the tests could not see."""
    state, rows = facts.state, []
    if reports := facts.of("report"):
        for row in json.loads(facts.blob(reports[-1].body["table"]["$blob"])):
            human = row.get("best_human") or {}
            if row.get("start") is not None and row.get("now") is not None:
                rows.append({key: row[key] for key in ("name", "metric", "better", "start", "now")}
                            | {"human": human.get("name"), "rule": human.get("value")})  # fmt: skip
    verdicts = [c.verdict for c in state.confirmations.values() if c.version is not None and c.verdict is not None]
    overseen = state.overseen
    return {
        "table": rows, "blind": max((float(one["blind_spot"]) for one in verdicts), default=1.0),
        "tests": sum(not c.counter.startswith("control-") for c in state.confirmations.values()),
        "objectives": facts.charter.objectives, "halts": len(overseen.halts), "engine": selfproof.__version__,
        "findings": [one["words"] for one in overseen.findings],
        "unclosed": sum(one.closed is None for one in overseen.incidents.values()),
    }  # fmt: skip


def _quoted(text: Any) -> str:
    return visible(text).replace("`", "'")
