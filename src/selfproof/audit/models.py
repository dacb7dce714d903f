"""The rules for entries about weights that were tuned: levels, bets and verdicts, recomputed like any other.

Does not protect against: pairs that were false when they were recorded. The weights are not in the ledger, only their
hash: whoever has them can ask them again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from selfproof import charter as charters
from selfproof.archive.evidence import unpack
from selfproof.archive.state import State
from selfproof.audit.comparing import Source, close, must, same
from selfproof.certify.judging import judge
from selfproof.certify.pairs import quality_pair
from selfproof.certify.terms import Pair, Rule
from selfproof.ledger import Leaf
from selfproof.tuning.rule import NOT_COVERED, incumbent_of, leads, next_rule


def _pairs(reader: Source, digests: list[str]) -> list[Pair]:
    rows = [row for digest in digests for row in unpack(reader.get_blob(digest))[1]]
    must(all(len(row) == 2 and max(map(abs, row)) <= 1.0 for row in rows), "a pair of weights outside [-1, 1]")
    return [quality_pair(row, "higher") for row in rows]


def _tuned(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    must(leaf.body["model"] not in state.tuned, "weights that were made before")


def _model_race(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    must(body["candidate"] in state.tuned, "weights that nobody made")
    must(body["incumbent"] == incumbent_of(state, body["candidate"]), "raced against other weights than the incumbent")
    _pairs(reader, [body["pairs"]["$blob"]])


def _model_start(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    must(state.open_epoch is not None and body["epoch"] == state.epoch, "weights confirmed outside an open epoch")
    must(state.open_model_test is None, "two confirmations of weights at a time")
    race = state.model_races.get(body["candidate"])
    must(race is not None and race["incumbent"] == body["incumbent"], "weights confirmed without a race")
    assert race is not None
    must(body["incumbent"] == incumbent_of(state, body["candidate"]), "the incumbent is not the one in force")
    must(all(t.body["candidate"] != body["candidate"] for t in state.model_tests.values() if t.verdict is not None
             and t.verdict["answer"] == "certified"), "weights that were certified before")  # fmt: skip
    differences = [pair.y for pair in _pairs(reader, [race["pairs"]["$blob"]])]
    must(leads(differences), "weights confirmed that do not lead in their race")
    k, weight, rule = next_rule(state, differences)
    must(body["k"] == k, f"k is {body['k']}, it must count on by one")
    must(close(body["weight"], weight), "the share of alpha is not half of what was left")
    must(close(body["alpha_k"], rule.level), "alpha_k is not what the entries before it give")
    must(same(body["rule"], asdict(rule)), "the rule of a confirmation of weights is another")
    must(body["charter"] == state.charter["charter"], "the charter is not the one in force")
    charter = charters.parse(reader.get_blob(body["charter"]).decode())
    must(charter.classes.weights == "free", "weights confirmed although the charter forbids it")


def _model_results(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    test = state.model_tests[body["test"]]
    must(test.verdict is None, "results after the verdict")
    must(state.open_epoch is not None and body["epoch"] == state.epoch == test.body["epoch"],
         "results with other seeds than those that were committed for the confirmation")  # fmt: skip
    done, new = len(_pairs(reader, test.evidence)), len(_pairs(reader, [body["pairs"]["$blob"]]))
    must(body["first"] == done and body["n"] == new > 0, "pairs are missing or twice")
    must(unpack(reader.get_blob(body["pairs"]["$blob"]))[0]["test"] == test.leaf, "the results are of another test")


def _model_verdict(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    test = state.model_tests[body["test"]]
    must(test.verdict is None, "a second verdict")
    must(body["candidate"] == test.body["candidate"], "a verdict on other weights")
    pairs = _pairs(reader, test.evidence)
    found = judge(Rule(**test.body["rule"]), pairs)
    must(found.pairs == body["pairs"] == len(pairs), "the number of pairs does not match the results")
    must(close(found.log_wealth, body["log_wealth"]), "the wealth does not follow from the pairs")
    must(close(found.log_threshold, body["log_threshold"]), "the threshold is not 1/alpha_k")
    if body["answer"] == "certified":
        must(found.answer == "certified", "certified although the bet did not reach its line")
    else:
        must(body["answer"] == "refused", f"the verdict {body['answer']!r} is none")
        must(found.answer in {"refused", "undecided"}, "refused although it was won")
    must(body["not_covered"] == list(NOT_COVERED), "what is not covered was left out")


def _model_back(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    must(bool(state.models) and leaf.body["from"] == state.model, "weights were taken back that are not in force")
    must(leaf.body["to"] == (state.models[-2] if len(state.models) > 1 else ""), "taken back to other weights")


CHECKS: dict[str, Callable[[State, Leaf, Source], Any]] = {
    "tuned": _tuned, "model-race": _model_race, "model-start": _model_start, "model-results": _model_results,
    "model-verdict": _model_verdict, "model-back": _model_back,
}  # fmt: skip
