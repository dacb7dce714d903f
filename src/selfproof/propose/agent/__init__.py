"""Ask a coding agent, by any command line, for one edit. Of what it does, only the changed files are taken.

The agent works in a scratch folder that holds the brief's files and nothing else of the living program. It is a
program of the user's, with the user's keys and network; where bubblewrap works it cannot write outside the scratch
folder and its own settings, does not see the living program, and leaves no process behind (`cage`). What it changes is
read after all its processes have ended, as bounded UTF-8 text (`folder`).

Does not protect against:
- an agent that means harm and runs without bubblewrap: it has every right that its user has;
- what an agent sends over its network: it is the user's choice to show the program's text to it.
"""

from selfproof.propose.agent.cage import around
from selfproof.propose.agent.presets import PRESETS, Command
from selfproof.propose.agent.proposer import AgentProposer

__all__ = ["PRESETS", "AgentProposer", "Command", "around"]
