"""One rule for each kind of entry: what the entries before it allow it to say.

Does not protect against: what ``audit`` as a whole does not.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from selfproof import charter as charters
from selfproof import levels
from selfproof.archive.evidence import unpack
from selfproof.archive.state import EXPECTED, State
from selfproof.archive.tree import form_of, matches, tree_of_digests
from selfproof.audit import agreements, permitted
from selfproof.audit.comparing import Source, close, must, same
from selfproof.certify import guards as guarding
from selfproof.certify import seeds
from selfproof.certify.canary import canary_level, judge_canary
from selfproof.certify.judging import judge
from selfproof.certify.pairs import pair_of, quality_pair
from selfproof.certify.scale import robust_scale
from selfproof.certify.terms import Level, Rule
from selfproof.charter import Charter
from selfproof.domains.sizes import WATCHED, watched_of
from selfproof.ledger import Leaf
from selfproof.line import certificates
from selfproof.oversight import tripwires


def _shares(body: dict[str, Any]) -> None:
    """What a charter's entry says of its objectives' shares of alpha and of what their samples are drawn from."""
    weights = body["weights"].values()
    must(min(weights) > 0, "an objective's weight is not above 0")
    must(sum(weights) <= 1 + 1e-12, "the objectives' weights exceed 1")
    shared = levels.shared_holdout(body.get("pools", {}))
    must(shared is None, str(shared))


def _genesis(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    must(leaf.index == 0 and not state.versions, "a second genesis")
    must(tree_of_digests(body["files"]) == body["tree"], "the first tree's hash does not match its files")
    _shares(body)
    text = charters.parse(reader.get_blob(body["charter"]).decode())
    must(body["alpha"] == text.certify.alpha, "alpha is not the charter's")
    must(body.get("mode", "fwer") == text.certify.mode, "the mode is not the charter's")


def _charter(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    text = charters.parse(reader.get_blob(body["charter"]).decode())
    must(body["alpha"] == text.certify.alpha, "alpha is not the charter's")
    must(body["alpha"] <= state.genesis["alpha"], "alpha was raised within one life")
    _shares(body)
    for name, weight in state.weights.items():
        must(body["weights"].get(name) == weight, f"the weight of {name} was changed")
    must(body.get("mode", "fwer") == text.certify.mode, "the mode is not the charter's")
    changed = levels.forbidden_change(state.charter, body)
    must(changed is None, f"a charter that cannot follow: {changed}")
    agreements.charter_changed(state, leaf, reader)


def _seed_commit(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    must(leaf.body["epoch"] == state.epoch + 1, "an epoch's number is out of order")
    must(leaf.body.get("signer", "same account") in ("own account", "same account"), "nobody signs so")


def _seed_reveal(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    opened = state.open_epoch
    must(opened is not None and opened["epoch"] == leaf.body["epoch"], "a key for an epoch that is not open")
    assert opened is not None
    found = seeds.commitment(bytes.fromhex(leaf.body["key"]))
    must(found == opened["commitment"], "the revealed key is not the committed one")


def _charter_of(state: State, reader: Source) -> Charter:
    """The charter in force, from the text that the ledger keeps under its hash."""
    return charters.parse(reader.get_blob(state.charter["charter"]).decode())


def _confirm_start(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    name, counter = body["objective"], body["counter"]
    must(counter in {name, f"control-{name}"}, "an unknown counter")
    must(state.open_epoch is not None, "a confirmation outside an epoch of committed seeds")
    must(not any(c.decision is None for c in state.confirmations.values()), "two confirmations at a time")
    must(state.current == 0 or bool(state.now.effect), "the version before was not watched")
    taken = [c for c in state.confirmations.values() if c.version == state.current and c.canary is not None]
    must(all(c.canary is None or c.canary["answer"] != "rollback" for c in taken), "a version that had to go stayed")
    level = levels.next_level(state, _charter_of(state, reader), name, control=counter != name)
    must(body["k"] == level.k, f"k is {body['k']}, it must count on by one")
    must(close(body["alpha_k"], level.alpha), "alpha_k is not what the entries before it give")
    must(close(body["rule"]["level"], level.alpha), "the rule's level is not alpha_k")
    must(body.get("pool") == levels.pool_of(state, name), "the pool is not the one that the charter's entry names")
    retired = levels.retired(state, name)
    must(retired is None or counter != name, f"confirmed although {retired}")
    must(_rule(state, body, reader, level), "the rule is not the charter's")
    scale = robust_scale(body["differences"], declared_range=body["rule"]["span"])
    must(close(body["rule"]["scale"], scale), "the scale does not follow from the race")
    must(tree_of_digests(body["files"]) == body["candidate"], "the candidate's hash does not match its files")
    must(body["base_version"] == state.current, "the incumbent is not the current version")
    must(body["epoch"] == state.epoch, "the epoch is not the open one")
    must(body["charter"] == state.charter["charter"], "the charter is not the one in force")
    must(body["tasks"] == tree_of_digests(state.charter["tasks"]), "the tasks are not the ones in force")
    if counter == name:
        _own_files(state, body, _charter_of(state, reader))
        permitted.started(state, body, _charter_of(state, reader), reader)
    must(_form(body["files"], reader) == body["form"], "the candidate's form is not that of its files")
    barred = {body["candidate"], body["form"]} & state.barred
    must(not barred or counter != name, "the candidate was rolled back before")


def _form(files: dict[str, str], reader: Source) -> str:
    return form_of({path: reader.get_blob(digest).decode() for path, digest in files.items()})


def _own_files(state: State, body: dict[str, Any], charter: Charter) -> None:
    """The incumbent is the current version's files of this objective, and the candidate changes no others."""
    globs = charter.objective(body["objective"]).files
    own = {path: digest for path, digest in state.now.files.items() if matches(path, globs)}
    must(tree_of_digests(own) == body["incumbent"], "the incumbent is not the current version's files")
    for path, digest in body["files"].items():
        free = matches(path, charter.program.editable) and not matches(path, charter.program.protected)
        must(matches(path, globs) and (free or own.get(path) == digest), f"{path} may not be changed by this objective")


def _rule(state: State, body: dict[str, Any], reader: Source, level: Level) -> bool:
    """Whether minimum, margin, span and the most pairs are what charter and task say."""
    charter, rule = _charter_of(state, reader), body["rule"]
    objective = charter.objective(body["objective"])
    span = state.charter["spans"][objective.name]
    speed = objective.kind == "speed"
    return (
        (body["kind"], body["better"]) == (objective.kind, objective.better)
        and close(rule["minimum"], math.log1p(objective.min_gain) if speed else objective.min_gain)
        and close(rule["margin"], None if span is None else objective.margin)
        and close(rule["span"], 1.0 if span is None else span)
        and close(rule["loss"], objective.loss or None)
        and close(rule["loss_rate"], objective.loss_rate)
        and (rule["most_pairs"], rule["test"]) == (level.most_pairs, level.test)
    )


def _results(state: State, leaf: Leaf, reader: Source) -> None:
    confirming = state.confirmations[leaf.body["confirmation"]]
    must(confirming.verdict is None, "results after the verdict")
    header, rows = unpack(reader.get_blob(leaf.body["pairs"]["$blob"]))
    done = sum(len(unpack(reader.get_blob(d))[1]) for d in confirming.evidence)
    must(header["confirmation"] == confirming.id, "the results belong to another confirmation")
    must(confirming.broken is None, "results after the candidate gave no valid answer")
    epoch = state.open_epoch
    must(epoch is not None and (leaf.body["epoch"], leaf.body["tier"]) == (epoch["epoch"], epoch["tier"]),
          "results of another epoch or tier than the open one")  # fmt: skip
    same_seeds = leaf.body["epoch"] == confirming.body["epoch"] or confirming.body["pool"] is not None
    must(same_seeds, "results with other seeds than those that were committed for the confirmation")
    must(leaf.body["first"] == done == header["first"] and leaf.body["n"] == len(rows), "pairs are missing or twice")
    if confirming.body.get("pool") is not None:
        numbers = levels.order(state, confirming.body)[done : done + len(rows)]
        must(header["numbers"] == numbers, "the items are not those of the confirmation's own order")


def _pairs(body: dict[str, Any], rows: list[tuple[float, ...]]) -> list[Any]:
    return [pair_of(body["kind"], body["better"], row) for row in rows]


def _rows(reader: Source, digests: list[str]) -> list[tuple[float, ...]]:
    return [row for digest in digests for row in unpack(reader.get_blob(digest))[1]]


def _verdict(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    confirming = state.confirmations[body["confirmation"]]
    must(confirming.verdict is None, "a second verdict")
    rows = _rows(reader, confirming.evidence)
    rule = Rule(**confirming.body["rule"])
    found = judge(rule, _pairs(confirming.body, rows))
    must(found.pairs == body["pairs"] == len(rows), "the number of pairs does not match the results")
    must(close(found.log_wealth, body["log_wealth"]), "the wealth does not follow from the pairs")
    must(close(found.log_mean_wealth, body["log_mean_wealth"]), "the mean bet does not follow from the pairs")
    must(close(found.log_loss_wealth, body["log_loss_wealth"]), "the loss bet does not follow from the pairs")
    must(found.losses == body["losses"], "the number of losses does not follow from the pairs")
    must(close(found.log_threshold, body["log_threshold"]), "the threshold is not 1/alpha_k")
    if body["answer"] in {"certified", "uncertified"}:
        must(found.answer == body["answer"], f"{body['answer']} although the bets did not reach their line")
        must(confirming.broken is None, f"{body['answer']} although {confirming.broken}")
    else:
        must(body["answer"] == "refused", f"the verdict {body['answer']!r} is none")
        must(found.answer in {"refused", "undecided"} or confirming.broken is not None, "refused although it was won")
    for key in ("k", "alpha_k", "candidate", "incumbent", "objective"):
        must(body[key] == confirming.body[key], f"{key} differs from the start of the confirmation")
    for key in ("scale", "minimum", "margin", "span", "test"):
        must(body[key] == confirming.body["rule"][key], f"{key} differs from the rule")
    must(state.open_epoch is not None and body["seeds"] == state.open_epoch["seeds"], "the seeds were not such")
    wanted = certificates.evidence_of(
        state, _charter_of(state, reader), confirming, found, body["answer"], pool=body["pool"]
    )
    for key, value in asdict(wanted).items():
        must(same(value, body[key]), f"{key} does not follow from the entries before it")


def _guard_start(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    test = leaf.body["confirmation"], leaf.body["guard"]
    must(test not in state.guarded, "a guard that was started before, and is not drawn again")
    number = state.counters.get(f"guard-{leaf.body['guard']}", 0) + 1
    must(leaf.body["number"] == number, "a guard's number is out of order")


def _guard(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    number = state.counters.get(f"guard-{body['guard']}", 0)
    must(body["number"] == number, "a guard's number is not the one that it was started with")
    test = body["confirmation"], body["guard"]
    must(test in state.guarded and test not in state.guard_answers, "a guard was not started, or tested twice")
    pool = levels.pool_of(state, body["guard"])
    level = 0.0 if levels.is_whole(pool) else guarding.guard_level(number)
    must(close(body["level"], level), "a guard's level is not what its number gives")
    charter = _charter_of(state, reader)
    declared = next((g for g in charter.guards if g.name == body["guard"]), None)
    must(declared is not None and close(declared.margin, body["margin"]), "a guard's margin is not the charter's")
    assert declared is not None
    must(charter.objective(declared.objective).better == body["better"], "a guard in the wrong direction")
    must(close(state.charter["spans"][body["guard"]], body["span"]), "a guard's span is not its task's")
    wanted = {state.anchor, state.high_water(body["guard"])}
    must({int(r) for r in body["references"]} == wanted, "a guard's references are not anchor and high water")
    tested = state.confirmations[body["confirmation"]].body["candidate"]
    must(body["candidate"] == tested, "a guard was tested on another candidate")
    passes, is_better = True, False
    for _, blob in sorted(body["references"].items(), key=lambda item: int(item[0])):
        header, rows = unpack(reader.get_blob(blob["$blob"]))
        pairs = [quality_pair(row, body["better"]) for row in rows]
        groups = header.get("groups", [])
        must(bool(groups) == (declared.slices and bool(rows)), "a guard by group without groups, or the reverse")
        if pool is not None and levels.is_whole(pool):
            result = guarding.judge_suite(pairs, pool["items"], body["margin"], groups)
        else:
            blocks = [pair.parts for pair in pairs]
            result = guarding.judge_guard(blocks, groups, margin=body["margin"], span=body["span"], level=body["level"])
        passes, is_better = passes and result.passed, result.better
    held = body.get("broken") is None  # a candidate that gave no answer has failed, whatever its draws before say
    answer = body["passed"], body["is_better"]
    must(answer == (passes and held, is_better and held), "a guard's answer does not follow from its draws")


def _adopt(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    confirming = state.confirmations[body["confirmation"]]
    verdict = confirming.verdict
    accepted = verdict is not None and verdict["answer"] in {"certified", "uncertified"}
    must(accepted, "adopted without a certificate")
    must(confirming.check is not None and confirming.check["passed"], "adopted without having passed its last check")
    must(not confirming.counter.startswith("control-"), "a control was adopted")
    waited = confirming.decision is not None and confirming.decision["verdict"] == "waits"
    must(confirming.decision is None or waited, "adopted after a decision")
    for key in ("candidate", "objective", "title"):
        must(body[key] == confirming.body[key], f"another {key} was adopted")
    must(body["version"] == len(state.versions) and body["parent"] == state.current, "a version out of order")
    must(tree_of_digests(body["files"]) == body["tree"], "the tree's hash does not match its files")
    expected = {**state.now.files, **confirming.body["files"]}
    must(dict(body["files"]) == expected, "the adopted files are not the incumbent's with the candidate's")
    charter = _charter_of(state, reader)
    must(charter.autonomy.level != "observe", "adopted although the charter allows no adoption")
    agreements.adopted(state, confirming, charter, reader)
    permitted.adopted(state, confirming, charter, reader)
    cooling = tripwires.cooling(state, charter, datetime.datetime.fromisoformat(leaf.time))
    must(cooling is None, f"adopted although {cooling}")
    own = {guard.name for guard in charter.guards if guard.objective == body["objective"]}
    must(set(body["high_water"]) <= own, "a high-water mark of another objective's guard")
    for guard in charter.guards:
        if guard.objective == body["objective"]:
            passed = state.guard_answers.get((confirming.id, guard.name), False)
            must(passed, f"adopted although guard {guard.name} did not pass")
            gained = state.guard_gains[(confirming.id, guard.name)]
            must((guard.name in body["high_water"]) == gained, "a high-water mark without a gain, or the reverse")
    for digest in body["files"].values():
        reader.get_blob(digest)


def _check(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    confirming = state.confirmations[leaf.body["confirmation"]]
    must(confirming.check is None, "a second check: the first answer stands")
    must(leaf.body["passed"] == (leaf.body["reason"] is None), "a check that passed for a reason, or failed for none")


def _decision(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    confirming = state.confirmations[leaf.body["confirmation"]]
    must(confirming.decision is None or confirming in state.waiting, "a second decision")
    must(leaf.body["verdict"] == "refused", "an adoption without its entry")


def _certificate(state: State, leaf: Leaf, reader: Source) -> None:
    confirming = state.confirmations[leaf.body["confirmation"]]
    must(confirming.verdict is not None and confirming.decision is not None, "a certificate of an open confirmation")
    must(confirming.certificate is None, "a second certificate")
    found = certificates.complete(state, confirming, reader)
    must(set(found) | {"time"} == set(leaf.body) | {"time"}, "a certificate that leaves out or adds something")
    for key, value in leaf.body.items():
        must(key == "time" or same(found.get(key), value), f"{key} does not follow from the entries before it")


def _canary(state: State, leaf: Leaf, reader: Source) -> None:
    body = leaf.body
    version = state.versions[body["version"]]
    must(version.number == state.current and not version.effect, "a canary of another version, or a second one")
    confirming = next(c for c in state.confirmations.values() if c.version == version.number)
    start = confirming.body
    rows = unpack(reader.get_blob(body["pairs"]["$blob"]))[1]
    answer, wealth = "kept", 0.0
    first, most = watched_of(start)
    if start["pool"] is not None:
        must(rows == certificates.own_rows(confirming, reader), "the effect is not from the confirmation's own pairs")
        must(body["level"] == body["most"] == 0 and body["broken"] is None, "a canary where there are no fresh pairs")
    else:
        must(close(body["level"], canary_level(version.number)), "a canary's level is not what its adoption gives")
        must((first, most) in WATCHED, "a confirmation that says of its canary what none may say")
        enough = body["most"] == most and (len(rows) >= first or body["broken"] is not None)
        must(enough, "a canary with other pairs than every adoption gets")
        ys = [pair.y for pair in _pairs(start, rows)]
        answer, wealth = judge_canary(ys, start["rule"]["scale"], body["level"], body["most"])
    must(close(wealth, body["log_wealth"]), "a canary's wealth does not follow from its pairs")
    wanted = "rollback" if body["broken"] else answer
    must(body["answer"] == wanted != "more", "a canary's answer does not follow from its pairs")
    found = certificates.effect_in(start, rows, body["broken"])
    must(same(found, body["effect"]), "the effect does not follow from its pairs")


def _rollback(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    body = leaf.body
    must(body["from"] == state.current and 0 <= body["to"] < len(state.versions), "a rollback from nowhere")
    target = state.versions[body["to"]]
    must(body["tree"] == target.tree and not target.rolled_back, "a rollback to another tree than it says")
    must(body["to"] not in state.overseen.retired, "a rollback to a version that was retired")
    undone = [v.number for v in state.versions if v.number > body["to"] and not v.rolled_back]
    must(body["undone"] == undone, "a rollback that leaves out a version")


def _control(state: State, leaf: Leaf, reader: Source) -> None:
    del reader
    expected = EXPECTED[leaf.body["name"]]
    must(leaf.body["expected"] == expected, "a control with another expectation")
    confirming = state.confirmations[leaf.body["confirmation"]]
    must(
        leaf.body["answer"] == expected or expected is None or confirming.body["rule"]["test"] not in {"bet", "exact"},
        f"control {leaf.body['name']} came out {leaf.body['answer']}: no certificate holds",
    )
    must(confirming.counter.startswith("control-"), "a control on an objective's own counter")
    must(confirming.verdict is not None and confirming.verdict["answer"] == leaf.body["answer"],
          "a control's answer is not its verdict")  # fmt: skip


CHECKS: dict[str, Callable[[State, Leaf, Source], None]] = {
    "genesis": _genesis, "charter": _charter, "seed-commit": _seed_commit, "seed-reveal": _seed_reveal,
    "confirm-start": _confirm_start, "results": _results, "verdict": _verdict, "guard-start": _guard_start,
    "guard": _guard, "adopt": _adopt, "wait": agreements.wait, "approval": agreements.approval,
    "canary": _canary, "certificate": _certificate, "rollback": _rollback,
    "check": _check, "decision": _decision, "control": _control,
}  # fmt: skip
