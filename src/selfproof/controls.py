"""Control experiments in every run: real candidates through the real gate, which cannot tell them from others.

``aa``            the incumbent with a no-op edit: must be refused
``planted_gain``  the incumbent against a deliberately damaged incumbent: must be certified
``fake_gain``     a tempting file that looks better on most draws and is worse on average: must be refused

At the charter's rate, and measured rather than required:

``placebo``       the incumbent against itself, with noise (see ``domains.placebo``): over a life some may be certified
``power``         a small planted gain: how many are found

They have a counter of their own and are never adopted. One of the first three that comes out wrong ends the run with
exit code 4 and halts the program, so that nothing is adopted until a person has looked.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice

from selfproof import levels, line
from selfproof.archive.evidence import unpack
from selfproof.archive.state import EXPECTED, Confirming
from selfproof.archive.tree import tree_hash
from selfproof.certify.judging import judge
from selfproof.certify.pairs import pair_of, quality_pair
from selfproof.domains import paired, placebo
from selfproof.domains.base import Domain, Finalist
from selfproof.domains.quality import Quality
from selfproof.life import Life
from selfproof.line.confirming import rule_for
from selfproof.nouns import Candidate, Edit, Event, SelfCheckFailed
from selfproof.trial import blocks as trials

PAIRS = 35  # that it takes to see nothing, usually


def due(life: Life, domain: Domain) -> Iterator[Event]:
    """After a confirmation: each control once in a run, and one more at the rate that the charter sets.

    The fake gain waits until it would be no real gain. Those at a rate are a placebo or a small planted gain.
    """
    if isinstance(domain, Quality):
        yield from run(life, domain)
    rng = random.Random(life.search_seed(domain.objective.name, "controls", len(life.state.confirmations)))
    if rng.random() < life.charter.certify.controls:
        name = rng.choice(("placebo", "power"))
        finalist = placebo.placebo(domain, rng) if name == "placebo" else placebo.planted(domain, rng)
        if finalist is not None:
            yield from tested(life, domain, name, finalist)


def run(life: Life, domain: Quality) -> Iterator[Event]:
    """The controls that this run still owes, on one objective.

    Raises:
        SelfCheckFailed: a control came out wrong; the message names it.
    """
    makers: dict[str, Callable[[Life, Quality], tuple[Candidate, Candidate] | None]] = {
        "fake_gain": _fake, "planted_gain": _planted, "aa": _no_op,
    }  # fmt: skip
    for name, make in makers.items():
        pair = None if name in life.controls_done or too_long(life, domain) else make(life, domain)
        if pair is None:
            continue
        candidate, reference = pair
        seed = life.search_seed(domain.objective.name, "control", name) % 2**63
        panel = trials.prepare(domain.task.samples("explore", seed, domain.size))
        raced = paired.on_blocks(life, (reference, candidate), domain.task, panel)
        differences = tuple(quality_pair(row, domain.task.better).y for row in raced.rows)
        if name == "fake_gain" and statistics.fmean(differences) > -domain.objective.margin:
            continue  # so unsure an incumbent gains by more certainty: there is nothing to fake yet
        finalist = Finalist(candidate, reference, differences)
        if name == "planted_gain" and not findable(life, domain, finalist, raced.rows):
            continue
        life.controls_done.add(name)
        yield from tested(life, domain, name, finalist)


def too_long(life: Life, domain: Quality) -> bool:
    """Whether a control would take more than a tenth of what is left of the run: it is then not run, and says so."""
    return life.stop is not None and PAIRS * domain.sizes.pair_s > life.stop.left / 10


def findable(life: Life, domain: Domain, finalist: Finalist, rows: Sequence[Sequence[float]]) -> bool:
    """Whether a finite hold-out has the items to certify a planted gain; elsewhere there are always more.

    A gain that few items cannot show says nothing against the gate. The race's rows stand for what half of the items
    would answer: if those do not reach the control's line, all of them may not.
    """
    level = levels.next_level(life.state, life.charter, domain.objective.name, control=True)
    pool = levels.pool_of(life.state, domain.objective.name)
    if pool is None or levels.is_whole(pool):
        return True
    pairs = [pair_of(domain.objective.kind, domain.objective.better, row) for row in rows]
    shown = islice(cycle(pairs), pool["items"] // 2)
    return judge(rule_for(life, domain, finalist, level), list(shown)).answer in {"certified", "uncertified"}


def tested(life: Life, domain: Domain, name: str, finalist: Finalist) -> Iterator[Event]:
    """Send a control through the gate and log how it came out.

    Raises:
        SelfCheckFailed: it came out wrong; the message names it.
    """
    confirming = yield from line.confirm(life, domain, finalist, control=name)
    answer, why = _explain(life, domain, name, confirming)
    body = {"name": name, "confirmation": confirming.id, "expected": EXPECTED[name], "answer": answer, "why": why}
    certifies = confirming.body["rule"]["test"] in {"bet", "exact"}
    wrong = certifies and EXPECTED[name] is not None and answer != EXPECTED[name]
    said = f"control {name} was {answer}, it must be {EXPECTED[name]}: the gate cannot be trusted"
    if wrong:  # before its entry, so that a kill in between leaves no program that goes on
        life.halt(f"control {name}", said)
    life.log("control", body, durable=True)
    yield {"event": "control", "objective": domain.objective.name, **body}
    if wrong:
        raise SelfCheckFailed(
            said,
            advice="Nothing certified in this run should be relied on. Check the task and this installation; "
            "`selfproof resume` lets it run again.",
        )


def _edited(candidate: Candidate, path: str, text: str, title: str) -> Candidate:
    files = {**candidate.files, path: text}
    edit = Edit(candidate.objective, {path: text}, title, "edit", candidate.id)
    return Candidate(tree_hash(files), candidate.objective, files, edit)


def _entry(domain: Quality) -> tuple[str, str]:
    path, _, function = domain.objective.entry.partition(":")
    return path, function


def _no_op(life: Life, domain: Quality) -> tuple[Candidate, Candidate] | None:
    incumbent = life.version(domain.objective)
    path, _ = _entry(domain)
    return _edited(incumbent, path, incumbent.files[path] + "\n# the same\n", "say the same again"), incumbent


def _planted(life: Life, domain: Quality) -> tuple[Candidate, Candidate] | None:
    incumbent = life.version(domain.objective)
    path, function = _entry(domain)
    text = domain.task.damaged(incumbent.files[path], function)
    if text is None:
        return None
    edit = Edit(domain.objective.name, {}, "put the mass on the right symbol again", "edit", incumbent.id)
    return Candidate(incumbent.id, incumbent.objective, incumbent.files, edit), _edited(incumbent, path, text, "")


def _fake(life: Life, domain: Quality) -> tuple[Candidate, Candidate] | None:
    incumbent = life.version(domain.objective)
    path, function = _entry(domain)
    text = domain.task.tempting(incumbent.files[path], function)
    return None if text is None else (_edited(incumbent, path, text, "be more certain of every guess"), incumbent)


def _explain(life: Life, domain: Domain, name: str, confirming: Confirming) -> tuple[str, str]:
    verdict = confirming.verdict
    assert verdict is not None
    rows = [row for digest in confirming.evidence for row in unpack(life.ledger.get_blob(digest))[1]]
    objective = domain.objective
    pairs = [pair_of(objective.kind, objective.better, row) for row in rows]
    ys = [pair.y for pair in pairs] or [0.0]
    parts = [part for pair in pairs for part in pair.parts if part]
    mean = statistics.fmean(ys)
    unit = objective.metric if objective.kind == "quality" else "in the log of the time"
    if name == "fake_gain" and parts:
        better = sum(part > 0 for part in parts) / len(parts)
        word = "worse" if mean < 0 else "better"
        why = f"it is better on {better:.0%} of single draws, yet {abs(mean):.3f} {unit} {word} on average"
    elif name in {"aa", "placebo"} and verdict["answer"] == "refused":
        why = f"no difference to be found in {len(pairs)} pairs"
    elif name in {"aa", "placebo"}:
        why = f"{len(pairs)} pairs were taken for a gain where there is none"
    elif verdict["answer"] == "refused":
        why = f"a known gain of {mean:.3f} {unit} was not found in {len(pairs)} pairs"
    else:
        why = f"a known gain of {mean:.3f} {unit} was found in {len(pairs)} pairs"
    return str(verdict["answer"]), why
