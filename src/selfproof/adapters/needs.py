"""What a task needs of a jail, as far as its imports tell. What they do not tell shows when the baseline is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence

from selfproof.adapters.base import SCRATCH_MB, Needs

_PROCESSES = frozenset({"subprocess", "multiprocessing", "joblib", "loky", "pexpect", "ray"})
_PROCESS_NAMES = frozenset({"ProcessPoolExecutor", "fork", "system", "popen", "posix_spawn"})
_LARGE = {"torch": 16384, "tensorflow": 16384, "jax": 16384, "transformers": 16384, "sklearn": 4096, "pandas": 4096,
          "scipy": 4096, "matplotlib": 4096, "numba": 4096}  # fmt: skip
_NETWORK = frozenset(
    {"openai", "anthropic", "litellm", "requests", "httpx", "aiohttp", "dspy", "boto3", "ollama", "urllib3"}
)
USUAL_MB = 2048


def needed(texts: Iterable[str], data: Sequence[str] = ()) -> Needs:
    """Grants and memory for Python files with these texts, which read these folders; what is no Python says nothing."""
    imported, names = set[str](), set[str]()
    for text in texts:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
    return _told(imported, names, data)


def python_texts(files: Mapping[str, str | bytes]) -> list[str]:
    """The texts of those that are Python."""
    return [text for path, text in files.items() if path.endswith(".py") and isinstance(text, str)]


def _told(imported: set[str], names: set[str], data: Sequence[str]) -> Needs:
    allow, told = [f"scratch:{SCRATCH_MB}", *(f"data:{folder}" for folder in data)], []
    if imported & _PROCESSES or names & _PROCESS_NAMES:
        allow.append("subprocesses")
        told.append("the evaluator starts processes: granted, within the jail")
    memory = max([USUAL_MB, *(_LARGE[name] for name in imported & set(_LARGE))])
    if reached := sorted(imported & _NETWORK):
        told.append(
            f"it imports {', '.join(reached)}: a jail has no network and no keys. If it needs one, add "
            "network:HOST:PORT to the objective's allow"
        )
    if imported & {"torch", "jax", "tensorflow"}:
        told.append("it imports a library that may want a GPU: add gpu to the objective's allow if it needs one")
    return Needs(tuple(allow), memory, tuple(told))
