"""Publishing that a program improved, without the program; and what a reader can check of it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from selfproof.audit.bundle import unpacked
from selfproof.audit.sharing import Shared
from selfproof.ledger import Leaf
from selfproof.ledger.hashes import Hashes
from selfproof.ledger.merkle import leaf_hash
from selfproof.ledger.statement import canonical
from selfproof.ledger.tiles import tiles
from selfproof.reports import checking, disclosure, publishing
from selfproof.reports.facts import Facts

WORD = re.compile(r"\w+|[^\w\s]")


@pytest.fixture(params=["commitments", "evidence"])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def published(facts: Facts, level: str, tmp_path: Path) -> Path:
    publishing.publish(facts.shared, level, tmp_path / "public")
    return tmp_path / "public"


def key_of(folder: Path) -> str:
    return (folder / "vkey").read_text().strip()


def grams(text: str) -> set[tuple[str, ...]]:
    words = WORD.findall(text)
    return {tuple(words[at : at + 6]) for at in range(len(words) - 5)}


def secrets_of(facts: Facts) -> tuple[set[tuple[str, ...]], set[str]]:
    """Six words in a row of any text in any version or task or charter; titles."""
    texts = [facts.files(number) for number in range(len(facts.state.versions))]
    code = set().union(*(grams(text) for files in texts for text in files.values()))
    code |= grams(facts.blob(facts.state.charter["charter"]).decode())
    return code, {one.body["title"] for one in facts.state.confirmations.values()}


def leaks(folder: Path, facts: Facts) -> list[str]:
    code, titles = secrets_of(facts)
    assert len(code) > 20 and titles
    found = []
    for path in folder.rglob("*"):
        text = path.read_bytes().decode("latin-1") if path.is_file() else ""
        found += [f"{path.name}: {' '.join(gram)}" for gram in grams(text) & code]
        found += [f"{path.name}: {title}" for title in titles if title in text or title in path.name]
        found += [f"{path.name}: {name}" for name in facts.state.now.files if name in text]
    return found


def test_no_line_of_code_and_no_title_is_published(published: Path, facts: Facts, tmp_path: Path) -> None:
    assert leaks(published, facts) == []
    publishing.publish(facts.shared, "code", tmp_path / "all")
    assert leaks(tmp_path / "all", facts), "where everything is shown, the search finds it"


@pytest.mark.slow  # the same on a life that learned, timed claims included; the golden ledger's is in every run
def test_nor_is_any_of_a_whole_life(life: Any, tmp_path: Path) -> None:
    facts = Facts(life.folder / ".selfproof" / "ledger")
    for level in ("commitments", "evidence"):
        publishing.publish(facts.shared, level, tmp_path / level)
        names = set(facts.state.now.files)
        assert [one for one in leaks(tmp_path / level, facts) if one.partition(": ")[2] not in names] == []
        assert checking.check(tmp_path / level, key_of(tmp_path / level)).wrong == []


def test_a_reader_checks_each_level_from_its_files_alone(published: Path, level: str, facts: Facts) -> None:
    found = checking.check(published, key_of(published))
    assert found.wrong == [] and found.root == facts.shared.signed.root.hex()
    assert [row["version"] for row in found.improvements] == [1, 2]
    assert found.checked["adoptions have a certificate, and their guards passed"] == 2
    recomputed = "bets of verdicts, from the recorded pairs"
    assert (found.checked.get(recomputed, 0) > 0) == (level == "evidence")
    assert any("not published at this level" in line for line in found.not_checked) == (level == "commitments")
    assert any("not shown" in line for line in found.not_checked)


def test_the_last_level_is_the_bundle(facts: Facts, tmp_path: Path) -> None:
    publishing.publish(facts.shared, "code", tmp_path / "all")
    assert checking.check(tmp_path / "all", key_of(tmp_path / "all")).wrong == []
    with unpacked(tmp_path / "all") as ledger:
        assert Shared(ledger).signed == facts.shared.signed


def spoil(folder: Path, what: str) -> None:
    entry = next(p for p in sorted((folder / "entries").iterdir()) if b"/verdict/" in p.read_bytes())
    tile = next(p for p in (folder / "tile" / "0").rglob("*") if p.is_file())
    if what == "entry":
        entry.write_bytes(entry.read_bytes().replace(b'"answer":"', b'"answer":"x', 1))
    elif what == "hash":
        tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
    elif what == "moved":
        entry.rename(entry.with_name("0.json"))
    elif what == "stray":
        (folder / "entries" / "note.txt").write_text("trust me")
    elif what == "stray blob":
        (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        (folder / "blobs" / "sha256" / ("0" * 64)).write_text("trust me")
    elif what == "link":
        (folder / "more").symlink_to("/etc/passwd")
    elif what == "checkpoint":
        note = (folder / "checkpoint").read_text()
        (folder / "checkpoint").write_text(note.replace("\n36\n", "\n35\n"))
    elif what == "tile gone":
        tile.unlink()


@pytest.mark.parametrize(
    "what", ["entry", "hash", "moved", "stray", "stray blob", "link", "checkpoint", "tile gone"]
)  # fmt: skip
def test_whatever_is_changed_is_found(published: Path, what: str) -> None:
    spoil(published, what)
    assert checking.check(published, key_of(published)).wrong


def test_pairs_that_were_changed_are_found(facts: Facts, tmp_path: Path) -> None:
    publishing.publish(facts.shared, "evidence", tmp_path / "public")
    blob = next(p for p in (tmp_path / "public" / "blobs").rglob("*") if p.is_file())
    blob.write_bytes(blob.read_bytes()[:-1] + b"\1")
    assert any(
        "missing or altered" in line for line in checking.check(tmp_path / "public", key_of(tmp_path / "public")).wrong
    )


def test_another_key_is_not_this_log(published: Path, typed: Any) -> None:
    other = key_of(published).replace("selfproof.local/", "selfproof.local/0", 1)
    assert typed("publish", "--check", published, "--key", other).code in {2, 4}
    assert typed("publish", "--check", published, "--key", "nonsense").code == 2
    assert typed("publish", "--check", published, "--key", published / "vkey").code == 0


def signed_lie(facts: Facts, kind: str, change: Any) -> Any:
    """What a check says of a log whose owner signed an entry that does not follow: as if it hashed to its leaf."""
    from selfproof.ledger.statement import parse_statement
    from selfproof.reports import recomputing

    entries = {leaf.index: parse_statement(leaf.raw) for leaf in facts.reader.leaves() if disclosure.shown(leaf)}
    index = next(number for number, one in entries.items() if one.kind == kind)
    body = json.loads(json.dumps(entries[index].body))
    change(body)
    entries[index] = entries[index]._replace(body=body)
    result = checking.Checked("evidence")
    recomputing.recompute(entries, facts.blob, result)
    return result.wrong


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        ("verdict", lambda b: b.update(log_wealth=b["log_wealth"] + 1), "does not follow from the pairs"),
        ("verdict", lambda b: b.update(alpha_k=b["alpha_k"] * 2), "line is not 1/alpha_k"),
        ("verdict", lambda b: b.update(alpha_k=0.2, log_threshold=1.6094379124341003), "more than alpha"),
        ("control", lambda b: b.update(name="aa", answer="certified", expected="refused"), "control"),
        ("certificate", lambda b: b.update(k=7), "is not its verdict's"),
        ("certificate", lambda b: b.update(effect={"kind": "difference", "value": 9.0}), "effect is not the canary's"),
        ("verdict", lambda b: b.pop("alpha_k"), "malformed"),
    ],
)
def test_a_signed_lie_is_found_where_it_can_be(facts: Facts, kind: str, change: Any, says: str) -> None:
    assert any(says in line for line in signed_lie(facts, kind, change))


@pytest.mark.parametrize(
    "change",
    [
        {"reason": "ValueError: def predict(counts): return counts + 1"},
        {"claim": "on fresh samples of x this version has typically less y than the version before it\nimport os"},
        {"pool": {"corpus": "for i in range(10): print(i)"}},
        {"granted": ["data:/home/ann/secret"]},
        {"tier": "jail, with a title in it"},
        {"new_field": "whatever somebody adds later"},
        {"pool": {"import os; os.system": 1}},
        {"not_covered": ["losses in fewer than 1.0% of runs", "the secret"]},
        {"layers": ["hot path rewritten"]},
    ],
)
def test_an_entry_with_words_of_others_is_only_a_hash(facts: Facts, change: dict[str, Any]) -> None:
    leaf = next(one for one in facts.of("verdict"))
    assert disclosure.shown(leaf)
    body = {**leaf.body, **change}
    assert not disclosure.shown(replace(leaf, body=body))


def test_kinds_that_nobody_looked_at_are_not_shown(facts: Facts) -> None:
    leaf = next(one for one in facts.of("verdict"))
    assert not disclosure.shown(replace(leaf, kind="tripwire-of-tomorrow"))
    for kind in ("adopt", "confirm-start", "genesis"):
        assert not any(map(disclosure.shown, facts.of(kind)))
    named = canonical({**json.loads(leaf.raw), "subject": [{"digest": {"sha256": "0" * 64}, "name": "a title"}]})
    assert not disclosure.shown(Leaf(leaf.index, leaf.kind, leaf.body, named, leaf.time))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600])
def test_hash_tiles_of_every_size_give_the_root(size: int, tmp_path: Path) -> None:
    leaves = [b"%d" % number for number in range(size)]
    for name, data in tiles(leaves):
        if not name.startswith("tile/entries"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(data)
    hashes = checking._hashes(tmp_path, size)
    assert Hashes(hashes).root(size) == Hashes(leaf_hash(raw) for raw in leaves).root(size)
    if size >= 256:
        upper = next(p for p in (tmp_path / "tile" / "1").rglob("*") if p.is_file())
        upper.write_bytes(b"\0" + upper.read_bytes()[1:])
        with pytest.raises(ValueError, match="not what the hashes give"):
            checking._hashes(tmp_path, size)


def test_nothing_is_written_over_anything(published: Path, facts: Facts, typed: Any, newborn: Path) -> None:
    before = sorted(published.rglob("*"))
    assert typed("publish", "--level", "evidence", "-o", published, "--at", newborn).code == 2
    assert sorted(published.rglob("*")) == before
    shutil.rmtree(published)
    assert typed("publish", "--level", "evidence", "-o", published, "--at", newborn).code == 0
    assert typed("publish", "--check", published, "--key", published / "vkey", "--json").json["ok"]
