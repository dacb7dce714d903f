"""Who suggests edits in a run: what the charter names, what the command adds, what waits in the inbox.

Libraries that only some of them need are imported when one of those is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from selfproof.life import Life
from selfproof.nouns import UsageError
from selfproof.propose.brief import Proposer
from selfproof.propose.local.folder import is_local


@dataclass(frozen=True)
class Asked:
    """What a command adds to a charter: models, an agent's command, a cassette to write or to read.

    ``keep_keys`` leaves the models' keys in this process's environment, which is the user's own in a notebook;
    ``own_process`` says that this process is for the run alone: the watcher is stricter with it, and outlives it.
    """

    models: tuple[str, ...] = ()
    agent: str = ""
    record: Path | None = None
    replay: Path | None = None
    more: tuple[Proposer, ...] = ()
    keep_keys: bool = False
    own_process: bool = False


def proposers_of(life: Life, asked: Asked) -> list[Proposer]:
    """Everybody but the improver, who is a part of the program.

    Raises:
        UsageError: a model's or an agent's name cannot be read, a library is missing, or nobody is left to suggest.
    """
    named, budget = life.charter.proposers, life.charter.budget
    found: list[Proposer] = list(asked.more)
    # Before the models: an agent may need the keys that leave this process with them.
    if command := asked.agent or named.agent:
        from selfproof.propose.agent import AgentProposer, around

        found.append(AgentProposer(command, minutes=named.agent_minutes, dollars=budget.dollars or None,
                                   hidden=around(life.paths.folder)))  # fmt: skip
    every = list(dict.fromkeys([*named.models, *asked.models]))
    models, ours = [one for one in every if not is_local(one)], [one for one in every if is_local(one)]
    if ours:
        from selfproof.tuning.keeping import proposer

        found += [proposer(life, one) for one in ours]
    if models or asked.replay:
        from selfproof.propose.llm import proposers

        found += proposers(
            models, journal=life.paths.private / "spending", dollars=budget.dollars, tokens=budget.tokens,
            record=asked.record, replay=asked.replay, keep_keys=asked.keep_keys,
        )  # fmt: skip
    if (inbox := life.paths.private / "inbox").is_dir():
        from selfproof.propose.inbox import InboxProposer, waiting

        found += [InboxProposer(inbox)] if waiting(inbox) else []
    if not found and not named.improver:
        raise UsageError(
            "nobody suggests edits: the charter names no improver, no model and no agent",
            advice='For instance: selfproof run --model ollama/qwen3:8b, or --agent "claude -p {prompt}".',
        )
    return found
