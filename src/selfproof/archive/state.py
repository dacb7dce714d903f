"""The state of a program's life, as a fold over the leaves of its ledger: no leaf, no change.

Nothing here reads a clock or a disk. The engine, the commands and the auditor all use this one fold, so what they
believe about counters, versions and budgets cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from selfproof.archive import overseen
from selfproof.archive.overseen import LeafLike, Overseen

CONTROLS = {"fake_gain": "refused", "planted_gain": "certified", "aa": "refused"}
"""Control experiments and the answer that each must get, once in a run."""

EXPECTED = {**CONTROLS, "power": None, "placebo": None}
"""The same, and those of which it is measured how many are certified: planted small gains, and placebos with noise."""


@dataclass
class Version:
    """A certified version: number 0 is the start. ``files`` maps paths to the SHA-256 of their text."""

    number: int
    tree: str
    files: Mapping[str, str]
    leaf: int
    time: str
    objective: str = ""
    candidate: str = ""
    title: str = ""
    message: str = "version 0: the start\n"
    effect: dict[str, Any] = field(default_factory=dict)
    rolled_back: bool = False
    certified: bool = False


@dataclass
class Confirming:
    """A confirmation that was started; ``verdict`` is None while it is open.

    ``adopted`` counts its objective's certified adoptions before it.
    """

    leaf: int
    counter: str
    body: dict[str, Any]
    evidence: list[str] = field(default_factory=list)
    broken: str | None = None
    verdict: dict[str, Any] | None = None
    decision: dict[str, Any] | None = None
    version: int | None = None
    check: dict[str, Any] | None = None
    guards: list[dict[str, Any]] = field(default_factory=list)
    canary: dict[str, Any] | None = None
    certificate: dict[str, Any] | None = None
    control: str | None = None
    waits: dict[str, Any] | None = None
    approvals: list[dict[str, Any]] = field(default_factory=list)
    time: str = ""
    last: str = ""
    trials: int = 0
    cpu_seconds: float = 0.0
    adopted: int = 0

    def costs(self, leaf: LeafLike) -> None:
        """Count what a step of it took."""
        self.trials += leaf.body["trials"]
        self.cpu_seconds += leaf.body["cpu_seconds"]
        self.last = leaf.time

    @property
    def id(self) -> int:
        """What commands call it: the number of its ledger entry."""
        return self.leaf


MODEL_COUNTER = "local model"
"""The counter of weights that are confirmed: no objective can be called so."""


@dataclass
class ModelTest:
    """A confirmation of new weights (``tuning``); ``verdict`` is None while it is open."""

    leaf: int
    body: dict[str, Any]
    evidence: list[str] = field(default_factory=list)
    verdict: dict[str, Any] | None = None


@dataclass
class State:
    """Everything that the ledger says about a life so far."""

    genesis: dict[str, Any] = field(default_factory=dict)
    charter: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    current: int = 0
    anchor: int = 0
    high_marks: dict[str, list[int]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    confirmations: dict[int, Confirming] = field(default_factory=dict)
    batches: dict[str, int] = field(default_factory=dict)
    trials: int = 0
    epoch: int = 0
    open_epoch: dict[str, Any] | None = None
    barred: set[str] = field(default_factory=set)
    rollbacks: list[tuple[str, str]] = field(default_factory=list)
    controls: dict[str, dict[str, Any]] = field(default_factory=dict)
    guarded: set[tuple[int, str]] = field(default_factory=set)
    guard_answers: dict[tuple[int, str], bool] = field(default_factory=dict)
    guard_gains: dict[tuple[int, str], bool] = field(default_factory=dict)
    tuned: dict[str, dict[str, Any]] = field(default_factory=dict)
    model_races: dict[str, dict[str, Any]] = field(default_factory=dict)
    model_tests: dict[int, ModelTest] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)
    overseen: Overseen = field(default_factory=Overseen)
    entries: int = 0

    @property
    def model(self) -> str:
        """The weights that were certified last and stand, by their digest; "" before any."""
        return self.models[-1] if self.models else ""

    @property
    def open_model_test(self) -> ModelTest | None:
        """The confirmation of weights that has no verdict yet."""
        return next((test for test in self.model_tests.values() if test.verdict is None), None)

    @property
    def is_open(self) -> bool:
        """Whether something is under way that needs the same seeds again if it is cut off: then an epoch goes on."""
        watched = self.current == 0 or bool(self.now.effect)
        deciding = any(c.decision is None for c in self.confirmations.values())
        return not watched or deciding or self.open_model_test is not None

    @property
    def now(self) -> Version:
        """The incumbent: the version that runs as the program."""
        return self.versions[self.current]

    @property
    def waiting(self) -> list[Confirming]:
        """Certified changes that no person has decided on yet."""
        return [c for c in self.confirmations.values() if c.decision is not None and c.decision["verdict"] == "waits"]

    def high_water(self, guard: str) -> int:
        """The version that was last certified better on a guard's metric and still stands; the anchor before any."""
        return (self.high_marks.get(guard) or [self.anchor])[-1]

    def adoptions(self, objective: str | None = None, *, certified: bool = False) -> int:
        """Adoptions so far, of one objective or of all, rolled back or not; or the ``certified`` ones among them."""
        return sum(v.certified or not certified for v in self.versions[1:] if objective in {None, v.objective})

    def spent(self) -> float:
        """Error budget that all confirmations so far have used up.

        A finite hold-out reserves all of its share at its first confirmation. In mode "fdr" a level is worth
        (certified adoptions before it + 1) times what is spent on it.
        """
        used = 0.0
        shared = self.charter.get("mode") == "fdr"
        for name in self.weights:
            own = [c for c in self.confirmations.values() if c.counter == name]
            lifetime = (own[0].body.get("pool") or {}).get("lifetime") if own else None
            if lifetime is not None:  # the first level is the share over twice the lifetime
                used += float(own[0].body["alpha_k"]) * 2 * lifetime
            else:
                used += sum(c.body["alpha_k"] / (c.adopted + 1 if shared else 1) for c in own)
        return used + sum(float(test.body["alpha_k"]) for test in self.model_tests.values())


def apply(state: State, leaf: LeafLike) -> State:
    """Take one leaf into the state; unknown kinds count but change nothing."""
    state.entries = leaf.index + 1
    handler = _HANDLERS.get(leaf.kind)
    if handler is not None:
        handler(state, leaf)
    overseen.apply(state.overseen, leaf)
    return state


def fold(leaves: Iterable[LeafLike]) -> State:
    """The state after all ``leaves``."""
    state = State()
    for leaf in leaves:
        apply(state, leaf)
    return state


def _genesis(state: State, leaf: LeafLike) -> None:
    body = leaf.body
    state.genesis = state.charter = body
    state.weights = dict(body["weights"])
    state.versions.append(Version(0, body["tree"], body["files"], leaf.index, leaf.time, title="the start"))


def _charter(state: State, leaf: LeafLike) -> None:
    state.charter = leaf.body
    state.weights = dict(leaf.body["weights"])


def _seed_commit(state: State, leaf: LeafLike) -> None:
    state.epoch = leaf.body["epoch"]
    state.open_epoch = leaf.body


def _seed_reveal(state: State, leaf: LeafLike) -> None:
    del leaf
    state.open_epoch = None


def _propose(state: State, leaf: LeafLike) -> None:
    name = leaf.body["objective"]
    state.batches[name] = leaf.body["batch"] + 1


def _race(state: State, leaf: LeafLike) -> None:
    state.trials += leaf.body["trials"]


def _confirm_start(state: State, leaf: LeafLike) -> None:
    counter = leaf.body["counter"]
    state.counters[counter] = leaf.body["k"]
    adopted = state.adoptions(leaf.body["objective"], certified=True)
    state.confirmations[leaf.index] = Confirming(leaf.index, counter, leaf.body, time=leaf.time, adopted=adopted)


def _results(state: State, leaf: LeafLike) -> None:
    state.trials += leaf.body["trials"]
    confirming = state.confirmations[leaf.body["confirmation"]]
    confirming.costs(leaf)
    confirming.evidence.append(leaf.body["pairs"]["$blob"])
    confirming.broken = confirming.broken or leaf.body["broken"]


def _verdict(state: State, leaf: LeafLike) -> None:
    confirming = state.confirmations[leaf.body["confirmation"]]
    confirming.verdict = leaf.body


def _check(state: State, leaf: LeafLike) -> None:
    state.trials += leaf.body["trials"]
    confirming = state.confirmations[leaf.body["confirmation"]]
    confirming.check = leaf.body
    confirming.costs(leaf)


def _decision(state: State, leaf: LeafLike) -> None:
    confirming = state.confirmations[leaf.body["confirmation"]]
    confirming.decision, confirming.last = leaf.body, leaf.time


def _wait(state: State, leaf: LeafLike) -> None:
    confirming = state.confirmations[leaf.body["confirmation"]]
    confirming.waits, confirming.last = leaf.body, leaf.time
    confirming.decision = {"verdict": "waits", "step": "approval", "reason": "certified; approvers have to sign it"}


def _approval(state: State, leaf: LeafLike) -> None:
    confirming = state.confirmations[leaf.body["confirmation"]]
    confirming.approvals.append(leaf.body)
    confirming.last = leaf.time


def _certificate(state: State, leaf: LeafLike) -> None:
    state.confirmations[leaf.body["confirmation"]].certificate = leaf.body


def _adopt(state: State, leaf: LeafLike) -> None:
    body = leaf.body
    confirming = state.confirmations[body["confirmation"]]
    confirming.version = body["version"]
    confirming.decision = {"verdict": "adopted", "step": "adopt", "reason": "certified"}
    confirming.last = leaf.time
    version = Version(
        body["version"], body["tree"], body["files"], leaf.index, leaf.time,
        body["objective"], body["candidate"], body["title"], body["message"],
        certified=(confirming.verdict or {}).get("answer") == "certified",
    )  # fmt: skip
    state.versions.append(version)
    state.current = version.number
    for guard in body["high_water"]:
        state.high_marks.setdefault(guard, []).append(version.number)


def _canary(state: State, leaf: LeafLike) -> None:
    state.trials += leaf.body["trials"]
    state.versions[leaf.body["version"]].effect = leaf.body["effect"]
    confirming = next(c for c in state.confirmations.values() if c.version == leaf.body["version"])
    confirming.canary = leaf.body
    confirming.costs(leaf)


def _rollback(state: State, leaf: LeafLike) -> None:
    body = leaf.body
    state.rollbacks.append((leaf.time, body["by"]))
    for number in body["undone"]:
        version = state.versions[number]
        version.rolled_back = True
        start = next(c.body for c in state.confirmations.values() if c.version == number)
        state.barred |= {version.candidate, start["form"]}
    state.current = body["to"]
    for guard, marks in state.high_marks.items():
        state.high_marks[guard] = [number for number in marks if number not in body["undone"]]


def _guard_start(state: State, leaf: LeafLike) -> None:
    state.counters[f"guard-{leaf.body['guard']}"] = leaf.body["number"]
    state.guarded.add((leaf.body["confirmation"], leaf.body["guard"]))


def _guard(state: State, leaf: LeafLike) -> None:
    state.trials += leaf.body["trials"]
    test = leaf.body["confirmation"], leaf.body["guard"]
    confirming = state.confirmations[leaf.body["confirmation"]]
    confirming.guards.append(leaf.body)
    confirming.costs(leaf)
    state.guard_answers[test], state.guard_gains[test] = leaf.body["passed"], leaf.body["is_better"]


def _control(state: State, leaf: LeafLike) -> None:
    state.controls[leaf.body["name"]] = leaf.body
    confirming = state.confirmations[leaf.body["confirmation"]]
    confirming.control, confirming.last = leaf.body["name"], leaf.time
    confirming.decision = {
        "verdict": "refused", "step": "control", "reason": "a control experiment is never adopted",
    }  # fmt: skip


def _tuned(state: State, leaf: LeafLike) -> None:
    state.tuned[leaf.body["model"]] = leaf.body


def _model_race(state: State, leaf: LeafLike) -> None:
    state.trials += leaf.body["trials"]
    state.model_races[leaf.body["candidate"]] = leaf.body


def _model_start(state: State, leaf: LeafLike) -> None:
    state.weights.setdefault(MODEL_COUNTER, leaf.body["weight"])
    state.counters[MODEL_COUNTER] = leaf.body["k"]
    state.model_tests[leaf.index] = ModelTest(leaf.index, leaf.body)


def _model_results(state: State, leaf: LeafLike) -> None:
    state.trials += leaf.body["trials"]
    state.model_tests[leaf.body["test"]].evidence.append(leaf.body["pairs"]["$blob"])


def _model_verdict(state: State, leaf: LeafLike) -> None:
    test = state.model_tests[leaf.body["test"]]
    test.verdict = leaf.body
    if leaf.body["answer"] == "certified":
        state.models.append(test.body["candidate"])


def _model_back(state: State, leaf: LeafLike) -> None:
    del leaf
    state.models.pop()


_HANDLERS = {
    "genesis": _genesis, "charter": _charter, "seed-commit": _seed_commit, "seed-reveal": _seed_reveal,
    "propose": _propose, "race": _race, "confirm-start": _confirm_start, "results": _results, "verdict": _verdict,
    "check": _check, "decision": _decision, "certificate": _certificate, "adopt": _adopt,
    "wait": _wait, "approval": _approval,
    "canary": _canary, "rollback": _rollback, "control": _control,
    "guard-start": _guard_start, "guard": _guard,
    "tuned": _tuned, "model-race": _model_race, "model-start": _model_start, "model-results": _model_results,
    "model-verdict": _model_verdict, "model-back": _model_back,
}  # fmt: skip
