"""Keep an agent to its scratch folder with bubblewrap: the rest is read-only, the living program is not there.

It is a fence for an agent that errs, on top of what makes sure that nothing is left running: all of it lives in a
process namespace that ends with its first process. An agent needs its network and its own settings; it keeps both.

Does not protect against:
- an agent that means harm: sockets that its user may use (docker, a desktop's bus) lead out;
- a machine where bubblewrap is missing or may not make namespaces: `probe` says so, and the agent runs without.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from selfproof.jail.launch import bubblewrap

_SHARED_MEMORY: Final = 256 << 20
# Names under which a home folder keeps what no agent has to write.
_NEVER: Final = frozenset(
    {"aws", "bash", "config", "docker", "git", "gnupg", "kube", "local", "netrc", "profile", "ssh", "zsh"}
)
_XDG: Final = {
    "XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache", "XDG_DATA_HOME": ".local/share",
    "XDG_STATE_HOME": ".local/state",
}  # fmt: skip


def settings(own: str, env: Mapping[str, str]) -> list[Path]:
    """Where an agent of this name keeps its settings and sessions, as far as that exists: the user's usual places.

    ``~/.NAME``, ``~/.NAME.json``, NAME below the XDG folders, and what NAME_HOME and NAME_CONFIG_DIR say.
    """
    if not own or own.lower() in _NEVER or "HOME" not in env:
        return []
    home = Path(env["HOME"])
    found = [home / f".{own}", home / f".{own}.json"]
    for variable, usual in _XDG.items():
        below = Path(env.get(variable) or home / usual)
        found += sorted(below.glob(f"{own}*"))
    names = (f"{own}_HOME".upper().replace("-", "_"), f"{own}_CONFIG_DIR".upper().replace("-", "_"))
    found += [Path(env[name]) for name in names if env.get(name)]
    return [path for path in found if path.is_absolute() and path.exists()]


def around(folder: Path) -> tuple[Path, ...]:
    """What of a living program an agent must not see: its folder, and the repository that it lies in, if any.

    The user's own project may hold what was copied into ``tasks/``: answers, evaluators.
    """
    folder = folder.resolve()
    home = Path.home().resolve()
    for above in folder.parents:
        if above in {home, above.parent}:
            break
        if (above / ".git").exists():
            return (above, folder)
    return (folder,)


def arguments(
    program: Path, tmp: Path, *, hidden: Sequence[Path], writable: Sequence[Path], words: Sequence[str]
) -> list[str]:
    """The command line before the agent's own: bubblewrap and what it shows. Empty if there is no bubblewrap.

    ``words`` is the agent's command: files that it names stay visible, even below /tmp or a hidden folder.
    """
    fence = bubblewrap()
    if fence is None:
        return []
    begin = ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL"]
    # An agent that jails its own tools maps its account into a new namespace, which as root takes this one capability.
    begin += [*(["--cap-add", "CAP_SETFCAP"] if os.geteuid() == 0 else []), "--ro-bind", "/", "/"]
    begin += ["--dev-bind", "/dev", "/dev", "--size", str(_SHARED_MEMORY), "--tmpfs", "/dev/shm", "--proc", "/proc"]  # noqa: S108
    begin += ["--bind", str(tmp), "/tmp", "--bind", str(tmp), "/var/tmp"]  # noqa: S108
    for path in hidden:
        if path.is_dir() and path != Path("/"):
            begin += ["--tmpfs", str(path)]
    for path in _named(words, [Path("/tmp"), Path("/var/tmp"), *hidden]):  # noqa: S108
        begin += ["--ro-bind", str(path), str(path)]
    for path in writable:
        begin += ["--bind", str(path), str(path)]
    return [fence, *begin, "--bind", str(program), str(program), "--chdir", str(program), "--"]


def _named(words: Sequence[str], covered: Sequence[Path]) -> Iterator[Path]:
    """Files that a command names and that would be covered; of its program also what that was installed with."""
    for position, word in enumerate(words):
        path = Path(word)
        if not word.startswith("/") or len(word) > 4096 or "\n" in word or not path.exists():
            continue
        below = [cover for cover in covered if path.is_relative_to(cover)]
        if below:
            home = _installed(path) if position == 0 else path
            yield path if home in below else home


def _installed(program: Path) -> Path:
    """The folder of an installation: node_modules, or what a ``bin`` folder is in; else the program alone."""
    for folder in program.parents:
        if folder.name == "node_modules":
            return folder
    return program.parent.parent if program.parent.name == "bin" else program


def probe(before: Sequence[str]) -> str | None:
    """Why such a fence cannot be put up here, or None."""
    if not before:
        return "bubblewrap is not installed"
    try:
        done = subprocess.run([*before, "/bin/sh", "-c", "exit 7"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {type(error).__name__}"
    if done.returncode == 7:
        return None
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return f"bubblewrap: {lines[-1][:200] if lines else f'exit {done.returncode}'}"
