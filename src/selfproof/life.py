"""A living program on disk: open it, bring it back to its last certain state, and hold what the loop works with.

Order at start-up: charter, ledger (with its lock), fold, finish or discard what a kill interrupted, archive, tasks.
Nothing is believed that the ledger does not say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from selfproof import amending, moved, upgrading
from selfproof import charter as charters
from selfproof.adopt import repo
from selfproof.archive.opening import open_archive, program_of
from selfproof.archive.protocol import Archive, catch_up
from selfproof.archive.state import State, apply, fold
from selfproof.archive.store import SqliteArchive
from selfproof.archive.strategies import DEFAULT
from selfproof.archive.tree import digests, form_of, scope, tree_hash
from selfproof.certify import seeds
from selfproof.charter import Charter, CharterError, Guard, Objective
from selfproof.charter.archiving import ArchiveSection
from selfproof.grants import Grants
from selfproof.jail import Limits
from selfproof.learn.recorder import Nothing
from selfproof.ledger import Leaf, Ledger, read
from selfproof.nouns import Candidate, Event, Files, SelfproofError, UsageError
from selfproof.oversight import facts, halting
from selfproof.oversight.stop import Stop
from selfproof.places import Paths
from selfproof.retention.rows import kept
from selfproof.retention.taking import take
from selfproof.trial import loading
from selfproof.trial.executors import Executor, executor
from selfproof.trial.task import Task, Workload

LARGEST_INLINE = 16 * 1024  # characters in a leaf; a file of its own would take a whole block of the disk


class Halted(Exception):
    """A person stopped the run, or it is overdue; nothing is lost."""


@dataclass
class Life:
    """An opened living program; close it to let the next engine in."""

    paths: Paths
    charter: Charter
    ledger: Ledger
    state: State
    archive: Archive
    tasks: dict[str, Task | Workload]
    guards: dict[str, Task]
    seed: int | None
    epoch_key: bytes = b""
    pool: Executor | None = None
    cluster: str = ""  # a Ray cluster's address, for trials; "" is this machine
    trials: int = 0
    cpu_seconds: float = 0.0
    cpu_examined: float = 0.0
    controls_done: set[str] = field(default_factory=set)
    stop: Stop | None = None
    experience: Nothing = field(default_factory=Nothing)
    strategy: str = DEFAULT
    notices: list[Event] = field(default_factory=list)
    dropped: list[tuple[str, str, int]] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    offered: set[tuple[str, str]] = field(default_factory=set)
    left: set[tuple[str, str]] = field(default_factory=set)
    """Candidates that another engine offered, and forms that were left to one, each with its objective."""
    began_with: int = 0
    """Certified adoptions before this run."""
    between: Callable[[], object] = field(default=lambda: None)
    """Called between any two jobs: entries that people handed in are written there (`submitting`)."""

    @property
    def tree(self) -> Path:
        """The program's folder."""
        return self.paths.folder / self.charter.program.tree

    @property
    def jail(self) -> Executor:
        """The jailed workers that run: of this machine, or on the nodes of a cluster.

        Raises:
            CharterError: the charter asks for an isolation that nobody provides, or grants a folder of the program's.
            SelfproofError: nothing can isolate, or give what is granted, as the charter asks; or no cluster is there.
        """
        if self.pool is None:
            sandbox = self.charter.sandbox
            judged: list[Objective | Guard] = [*self.charter.objectives, *self.charter.guards]
            grants = sorted({self.limits_of(one).grants for one in judged}, key=Grants.lines)
            self._keep_apart(grants)
            try:
                for other in grants[1:]:  # so that what cannot be given is known before anything is spent
                    executor(1, sandbox.require, other, self.cluster).close()
                self.pool = executor(sandbox.workers, sandbox.require, grants[0], self.cluster)
            except ValueError as error:
                raise CharterError(f"charter: [sandbox] {error}") from None
        return self.pool

    @property
    def limits(self) -> Limits:
        """Ceilings of one job, from the charter; nothing is granted."""
        sandbox = self.charter.sandbox
        return Limits(wall_s=sandbox.wall_s, cpu_s=max(1, int(sandbox.wall_s)), memory_mb=sandbox.memory_mb)

    def limits_of(self, one: Objective | Guard) -> Limits:
        """Ceilings of one trial of an objective or a guard, and what the charter lets it use."""
        return replace(self.limits, grants=Grants.parse([*self.charter.sandbox.allow, *one.allow]))

    def _keep_apart(self, grants: Sequence[Grants]) -> None:
        home = self.paths.folder.resolve()
        for folder in {Path(name).resolve() for one in grants for name in one.data}:
            if folder == home or folder in home.parents or home in folder.parents:
                raise CharterError(
                    f"charter: data:{folder} overlaps this program's own folder, which holds its keys and answers",
                    advice="Put the data somewhere else.",
                )

    def log(self, kind: str, body: Mapping[str, Any], *, durable: bool = False) -> Leaf:
        """Write a leaf, then take it into the state and the archive: no change without a leaf."""
        leaf = self.ledger.append(kind, body, durable=durable)
        apply(self.state, leaf)
        self.archive.apply(leaf)
        return leaf

    def blob(self, data: bytes | str) -> dict[str, str]:
        """Store bytes by their hash and return the reference for a leaf."""
        return {"$blob": self.ledger.put_blob(data.encode() if isinstance(data, str) else data)}

    @cached_property
    def first_size(self) -> int:
        """Characters of the program at version 0."""
        return sum(map(len, self.files(0).values()))

    @cached_property
    def first_branches(self) -> int:
        """Its loops, conditions, handlers and functions."""
        return facts.branches_in(self.files(0))

    def as_it_lies(self) -> dict[str, Any]:
        """What the ledger would say of charter, tasks and approvers as they lie in the folder now."""
        return amending.proposed(self.charter, self.state, self.paths.folder, self.tasks, self.guards)

    def approvers(self) -> bytes:
        """The file of those who may approve, as the ledger has it; b"" while nobody may."""
        named = self.state.charter.get("approvers")
        return self.ledger.get_blob(named["$blob"]) if named else b""

    def files(self, version: int | None = None) -> dict[str, str]:
        """All files of a version, from the ledger's blobs; the incumbent's without an argument."""
        names = self.state.now.files if version is None else self.state.versions[version].files
        return {path: self.ledger.get_blob(digest).decode() for path, digest in names.items()}

    def stored(self, value: Any) -> Any:
        """Plain data for a leaf: itself while it is small, else its JSON as a blob."""
        text = to_json(value)
        return value if len(text) <= LARGEST_INLINE else self.blob(text)

    def candidate(self, objective: Objective, files: Files, **rest: Any) -> Candidate:
        """Name a version by the hash of its files within the objective's scope."""
        own = scope(files, objective.files)
        return Candidate(tree_hash(own), objective.name, own, **rest)

    def version(self, objective: Objective, number: int | None = None) -> Candidate:
        """A certified version as this objective sees it; the incumbent without a number."""
        return self.candidate(objective, self.files(number))

    def is_barred(self, candidate: Candidate) -> bool:
        """Whether a version, or one that differs in comments only, was adopted and taken back."""
        barred = self.state.barred
        return bool(barred) and (candidate.id in barred or form_of(candidate.files) in barred)

    def search_seed(self, *parts: object) -> int:
        """A seed for exploration, derived from the program's own search seed."""
        return seeds.derive(bytes.fromhex(self.state.genesis["search_seed"]), *parts)

    def fresh_seed(self, *parts: object) -> int:
        """A seed of the current epoch, for anything that decides or reports."""
        if not self.epoch_key:
            self.begin_epoch()
        return seeds.derive(self.epoch_key, *parts)

    def begin_epoch(self) -> None:
        """Go on with the epoch that a kill left open if its key is still there; commit to a new one otherwise."""
        opened = self.state.open_epoch
        if opened is not None and self.paths.epoch_key.exists():
            key = bytes.fromhex(self.paths.epoch_key.read_text().strip())
            if seeds.commitment(key) == opened["commitment"]:
                self.epoch_key = key
                return
        epoch = self.state.epoch + 1
        key = seeds.new_epoch_key(self.seed, epoch)
        write_private(self.paths.epoch_key, key.hex())
        body = {
            "epoch": epoch, "commitment": seeds.commitment(key), "seeds": self._new_kind,
            "tier": self.jail.tier, "layers": list(self.jail.layers), "workers": self.charter.sandbox.workers,
            "granted": {o.name: list(self.limits_of(o).grants.lines()) for o in self.charter.objectives},
            "strategy": self.strategy, "signer": self.ledger.signer, **({"cluster": True} if self.cluster else {}),
        }  # fmt: skip
        self.log("seed-commit", body, durable=True)
        self.epoch_key = key

    def stopping(self) -> bool:
        """Whether the run should come to an end."""
        return self.stop is not None and self.stop.reason is not None

    def pause_point(self) -> None:
        """A place where a person's stop takes effect at once; what is open stays open and is taken up again.

        Raises:
            Halted: a person asked for a stop, or the run takes far longer than it may.
        """
        self.between()
        if self.stop is not None and self.stop.urgent:
            raise Halted(str(self.stop.reason))

    def take_orders(self) -> None:
        """Log who ordered this program to stop, where no entry tells of it yet."""
        halting.take(self.paths, self.state, lambda kind, body: self.log(kind, body, durable=True))

    def halt(self, by: str, reason: str) -> None:
        """Stop from within: what the trusted side has noticed keeps the program stopped until a person resumes it.

        From its entry on nothing may be confirmed or adopted; the caller ends the run.
        """
        self.log("halt", halting.body_of(by, reason), durable=True)
        if self.stop is not None:
            self.stop.interrupt(reason)

    @property
    def seeds_kind(self) -> str:
        """Who could have chosen the seeds of the current epoch; printed in every certificate."""
        opened = self.state.open_epoch
        if opened is not None:
            return str(opened["seeds"])
        return self._new_kind

    @property
    def _new_kind(self) -> str:
        """Who could choose the seeds of an epoch whose key is made now."""
        return "random, committed before use" if self.seed is None else "operator-chosen"

    def end_epoch(self) -> None:
        """Reveal the epoch's key, so that anybody can recompute its seeds.

        Not while something is open: what was asked for and never logged is then asked for again with the same seeds, so
        that nobody can make bad pairs go away by stopping.
        """
        if self.epoch_key and self.state.open_epoch is not None and not self.state.is_open:
            self.log("seed-reveal", {"epoch": self.state.epoch, "key": self.epoch_key.hex()}, durable=True)
            self.paths.epoch_key.unlink(missing_ok=True)
            self.epoch_key = b""

    def stop_pool(self) -> None:
        """End the jailed workers."""
        if self.pool is not None:
            self.pool.close()
            self.pool = None

    def close(self) -> None:
        """End workers, close the archive, commit and release the ledger."""
        self.stop_pool()
        self.experience.close()
        self.archive.close()
        self.ledger.close()


def write_private(path: Path, text: str) -> None:
    """Write a secret readable by its owner only, durable before this returns."""
    aside = path.with_name(path.name + ".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


@contextmanager
def opened(folder: Path, *, seed: int | None = None, archive: ArchiveSection | None = None) -> Iterator[Life]:
    """Open the living program in ``folder`` for work, and close it whatever happens.

    Without ``archive`` its archive is the folder's own, whatever the charter says: only a search needs another.

    Raises:
        SelfproofError: with what is wrong, where, and what to do.
    """
    paths = Paths(folder)
    charter = charters.load(paths.charter)
    if not paths.ledger.exists():
        raise UsageError(f"{folder} has a charter but no ledger", advice="Type `selfproof init` there.")
    moved.check_here(paths)
    ledger = Ledger.open(paths.ledger, paths.key)
    try:
        state, notices, named = fold(upgrading.known(ledger.leaves())), list[Event](), archive or ArchiveSection()
        moved.check_stays(paths, state.overseen)
        take(ledger, state, paths)
        get_blob = kept(ledger.get_blob, state.overseen.let_go)
        known, entries = program_of(state.genesis), (ledger.leaves, lambda: ledger.size)
        cache = open_archive(named, paths.archive, known, folder.resolve().name, get_blob, entries, notices.append)
    except BaseException:
        ledger.close()
        raise
    life = Life(paths, charter, ledger, state, cache, {}, {}, seed, strategy=charter.search.strategy, notices=notices)
    try:
        life.tasks, life.guards = loading.load(folder, charter)
        catch_up(life.archive, ledger.leaves, ledger.size)
        life.take_orders()
        accept_charter(life)
        finish(life)
        yield life
    finally:
        life.close()


@contextmanager
def viewed(folder: Path) -> Iterator[Life]:
    """The same life for reading only: no lock, no key, no entry; a run may be going on meanwhile.

    Raises:
        SelfproofError: with what is wrong, where, and what to do.
    """
    paths = Paths(folder)
    charter = charters.load(paths.charter)
    if not paths.ledger.exists():
        raise UsageError(f"{folder} has a charter but no ledger", advice="Type `selfproof init` there.")
    reader = cast(Ledger, read(paths.ledger))  # whatever would write to it fails, which is what is wanted
    state = fold(reader.leaves())
    archive = SqliteArchive(Path(":memory:"), kept(reader.get_blob, state.overseen.let_go))
    life = Life(paths, charter, reader, state, archive, {}, {}, None)
    try:
        life.tasks, life.guards = loading.load(folder, charter)
        yield life
    finally:
        life.stop_pool()
        archive.close()


def accept_charter(life: Life) -> None:
    """Log a charter, tasks or approvers that a person changed since the last entry.

    Raises:
        UsageError: they cannot follow those before (``amending``), or approvers have to sign it first.
    """
    charters.check_owners(life.charter.objectives, life.state.now.files)
    body = life.as_it_lies()
    if not amending.is_new(life.state, body):
        return
    amending.check(life.charter, life.state, body)
    needed = amending.needed(life.charter, life.state, body, life.ledger)
    if life.state.charter.get("approvers"):
        body["approvals"] = amending.signed(life.paths.approvals, life.state, body, life.ledger, needed)
    signers = amending.signers_of(life.paths.folder, life.charter)
    if body["approvers"] != (None if signers is None else life.blob(signers)):
        raise UsageError("the list of approvers was changed while it was read", advice="Type the command again.")
    life.log("charter", {**body, "charter_text": life.blob(life.charter.text)}, durable=True)
    for place in life.paths.approvals.glob("*.charter.json"):
        place.unlink(missing_ok=True)


def finish(life: Life) -> None:
    """Make the work tree and its repository hold the version that the ledger names.

    Raises:
        SelfproofError: a file holds text that no version ever had; nothing is overwritten.
    """
    now = life.state.now
    known: dict[str, set[str]] = {}
    for version in life.state.versions:
        for path, digest in version.files.items():
            known.setdefault(path, set()).add(digest)
    found = digests(repo.read_files(life.tree))
    strange = [path for path, digest in found.items() if digest not in known.get(path, set())]
    if strange:
        raise SelfproofError(
            f"{life.tree / strange[0]} holds text that no certificate covers",
            advice=f"Keep a copy if you need it, then undo the change: git -C {life.tree} checkout -- . "
            "(or `git clean` for a new file). To start from your own text, make a new program.",
        )
    for digest in life.state.overseen.redacted.values():
        life.ledger.openings.forget(digest)
    if found != dict(now.files):
        life.finished.append(f"finished writing version {now.number}")
    for version in [now] if repo.has_commit(life.tree) else life.state.versions:
        repo.commit(life.tree, life.files(version.number), version.message, version.time)


def to_json(value: Any) -> str:
    """Compact JSON for blobs."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
