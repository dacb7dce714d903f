"""What a life teaches a model: which edits, in which words, and what is kept out of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from selfproof import life as lives
from selfproof.ledger import read
from selfproof.nouns import UsageError
from selfproof.propose import reply
from selfproof.propose.brief import Brief
from selfproof.propose.local.prompt import compact, holds
from selfproof.tuning import examples as taught
from selfproof.tuning.examples import Examples, edits_of, examples_of, is_held_out
from selfproof.tuning.session import told

FILE = re.compile(r"FILE (\S+)\n(.*?)\nEND\n", re.S)


@pytest.fixture(scope="module")
def found(life: Any) -> Examples:
    return told(life.folder, "")


def every(found: Examples) -> list[dict[str, str]]:
    return [*found.sft, *found.pairs, *found.held_sft, *found.held_pairs]


def shown(prompt: str) -> dict[str, str]:
    return dict(FILE.findall(prompt))


def test_replies_are_read_as_the_very_edits_of_the_life(life: Any, found: Examples) -> None:
    with lives.viewed(life.folder) as living:
        made = {(tuple(sorted(one.after.items())), one.accepted) for one in edits_of(living)}
        objective = living.charter.objectives[0]
    rows = [*found.sft, *found.held_sft]
    assert len(rows) > 20
    for row in rows:
        files = shown(row["prompt"])
        brief = Brief(objective.name, "quality", "m", "lower", "", files, tuple(files))
        after = {**files, **reply.suggestion(row["completion"], brief).files}
        assert any(accepted and set(after.items()) <= set(files) for files, accepted in made)


def test_accepted_is_what_gained_in_its_own_race_or_stands_certified(life: Any) -> None:
    with lives.viewed(life.folder) as living:
        adopted = [v.candidate for v in living.state.versions[1:]]
        known = {(one.parent, one.title): one.accepted for one in edits_of(living)}
        rows, titles, parents = {}, {}, {}
        for leaf in read(living.paths.ledger).leaves():
            if leaf.kind in {"propose", "race"} and leaf.body["objective"] == "memory":
                stored = leaf.body["candidates" if leaf.kind == "propose" else "results"]
                batch = json.loads(living.ledger.get_blob(stored["$blob"])) if isinstance(stored, dict) else stored
                for row in batch:
                    if leaf.kind == "propose":
                        titles[row["id"]], parents[row["id"]] = row["title"], row["parent"]
                    else:
                        rows[row["id"]] = row
    compared = {name: row for name, row in rows.items() if row["outcome"] == "raced" and row.get("before") is not None}
    gains = [name for name, row in compared.items() if row["score"] < row["before"]]
    losses = [name for name, row in rows.items() if row["outcome"] in {"worse", "invalid"}]
    assert len(gains) > 10 and len(losses) > 10 and adopted
    assert all(known[parents[name], titles[name]] for name in gains)
    assert not any(known[parents[name], titles[name]] for name in losses)
    neither = [name for name, row in rows.items() if row["outcome"] == "raced" and name not in gains]
    assert all((parents[name], titles[name]) not in known for name in neither if name not in adopted)


def test_a_pair_is_an_accepted_and_a_refused_edit_of_one_version(found: Examples) -> None:
    assert len(found.pairs) > 20
    accepted = {(row["prompt"], row["completion"]) for row in [*found.sft, *found.held_sft]}
    for row in [*found.pairs, *found.held_pairs]:
        assert (row["prompt"], row["chosen"]) in accepted
        assert (row["prompt"], row["rejected"]) not in accepted
    prompts = [row["prompt"] for row in found.pairs]
    assert max(map(prompts.count, prompts)) == taught.PAIRS


def test_what_is_held_out_is_so_by_its_prompt_alone(found: Examples) -> None:
    train = {row["prompt"] for row in [*found.sft, *found.pairs]}
    held = {row["prompt"] for row in [*found.held_sft, *found.held_pairs]}
    assert train and held and not train & held
    assert not any(map(is_held_out, train)) and all(map(is_held_out, held))
    assert 0.1 < sum(is_held_out(str(n)) for n in range(2000)) / 2000 < 0.3


def test_a_prompt_holds_the_program_and_the_charters_words_and_nothing_else(life: Any, found: Examples) -> None:
    """What is left without the files is always the same three lines: no sample, score, seed or earlier edit."""
    rest = {FILE.sub("", row["prompt"]) for row in every(found)}
    assert rest == {
        "Objective memory: bits_per_char, lower is better.\n"
        "Editable: memory.py, notebook.py, rule.py, policy.py, choices.py\n"
        "Answer with SEARCH/REPLACE blocks.\n"
    }
    with lives.viewed(life.folder) as living:
        texts = {text for one in edits_of(living) for text in [*one.before.values(), *one.after.values()]}
        improver = {text for path, text in living.files().items() if path == "improver.py"}
    for row in every(found):
        assert set(shown(row["prompt"]).values()) <= texts - improver


def test_the_same_life_makes_the_same_rows(life: Any, found: Examples) -> None:
    assert told(life.folder, "").digest == found.digest


def test_what_is_not_shown_whole_is_not_taught(life: Any) -> None:
    with lives.viewed(life.folder) as living:
        small = examples_of(living, 1000)
    assert small.counts["not_shown"] > 50 and not small.sft


def test_a_prompt_keeps_its_bound_and_shows_the_focus_first() -> None:
    text = "\n".join(f"def f{n}(x):\n    return x + {n}\n" for n in range(200))
    brief = Brief("o", "quality", "m", "lower", "", {"a.py": text, "z.py": text, "secret.py": "s"}, ("a.py", "z.py"),
                  focus=("z.py:f3",))  # fmt: skip
    prompt = compact(brief, 3000)
    assert len(prompt.encode()) <= 3000 and prompt.index("FILE z.py") < prompt.index("FILE a.py")
    assert "def f3(x):\n    return x + 3" in prompt and "secret" not in prompt
    assert not holds(prompt, brief.files, {**brief.files, "z.py": "other"})
    assert holds(compact(brief, 30_000), brief.files, {**brief.files, "z.py": "other"})


def test_a_program_of_speed_alone_has_nothing_to_judge_by(copied: Path) -> None:
    charter = (copied / "charter.toml").read_text()
    (copied / "charter.toml").write_text(charter.replace('kind = "quality"', 'kind = "speed"'))
    with pytest.raises(UsageError):
        told(copied, "")
