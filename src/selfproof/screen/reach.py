"""A tripwire: what code reaches for by name, resolved through its imports and their aliases, beyond plain computing.

Linters that look for calls miss ``__import__("ctypes")``, ``getattr(os, "sys" + "tem")`` and
``importlib.import_module("sub" + "process")``; so a computed name is caught as such, whatever it comes to.

Does not protect against: names that are put together at run time by means that this list does not have. The jail is
the boundary; nothing relies on what is turned away here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from selfproof.nouns import Objection

_NAMES: Mapping[str, str] = {
    "dynamic": "importlib runpy pkgutil zipimport imp builtins code codeop typing.get_type_hints typing.ForwardRef "
    "dataclasses.make_dataclass string.Formatter numpy.f2py numpy.distutils numpy.testing",
    "tracing": "sys.settrace sys.setprofile sys.monitoring sys._getframe sys.addaudithook sys.exc_info "
    "threading.settrace threading.setprofile trace bdb pdb cProfile profile inspect gc tracemalloc",
    "interpreter": "sys.modules sys.meta_path sys.path sys.path_hooks sys.path_importer_cache sys.displayhook "
    "sys.excepthook sys.setrecursionlimit sys.stdout sys.stderr sys.__stdout__ site",
    "memory": "ctypes _ctypes cffi mmap numpy.ctypeslib numpy.memmap numpy.lib.stride_tricks",
    "signals": "atexit signal faulthandler os.kill os.killpg os.abort os._exit os.register_at_fork weakref.finalize",
    "pickle": "pickle _pickle cPickle marshal shelve dill cloudpickle joblib copyreg numpy.load",
    "threads": "threading _thread multiprocessing concurrent asyncio",
    "processes": "subprocess pty os.system os.popen os.fork os.forkpty os.posix_spawn os.execv "
    "os.execve os.execvp os.execvpe os.execl os.execle os.execlp os.spawnl os.spawnv",
    "network": "socket socketserver ssl http urllib ftplib smtplib telnetlib xmlrpc requests httpx aiohttp urllib3",
    "files": "pathlib shutil tempfile glob fileinput io.open io.FileIO os.open os.remove os.unlink os.rename "
    "os.replace os.rmdir os.mkdir os.makedirs os.chmod os.chown os.link os.symlink os.walk os.scandir os.listdir "
    "numpy.save numpy.savez numpy.savetxt numpy.fromfile numpy.loadtxt numpy.genfromtxt numpy.DataSource sqlite3 dbm",
    "environment": "os.environ os.getenv os.putenv platform getpass pwd socket.gethostname",
    "clock": "time datetime numpy.datetime64 os.times",
}
REACHES = {name: rule for rule, names in _NAMES.items() for name in names.split()}
"""What is caught, by its dotted name: the rule that it breaks."""
GRANTED: Mapping[str, tuple[str, ...]] = {
    "subprocesses": ("processes", "threads", "signals"), "scratch": ("files",), "data": ("files",),
    "network": ("network",),
}  # fmt: skip
"""Rules that do not hold where the charter grants a trial more."""
PLAIN = frozenset({"__name__", "__doc__"})
_DUNDER = re.compile(r"(?<!\w)__(?!main__)\w+__(?!\w)")
_LOOK_UP = ("attrgetter", "methodcaller")


def reached(nodes: Sequence[ast.AST], granted: Collection[str] = ()) -> list[Objection]:
    """Everything that these nodes of one file reach for, in their order, but for what is granted."""
    free = {rule for grant in granted for rule in GRANTED.get(grant.partition(":")[0], ())}
    aliases = dict(_aliases(nodes))
    docs = _docs(nodes)
    found = [one for node in nodes for one in _of(node, aliases, docs)]
    return [one for one in found if one.rule not in free]


def importable(granted: Collection[str]) -> frozenset[str]:
    """Modules that an edit may import because the charter grants what they reach for."""
    free = {rule for grant in granted for rule in GRANTED.get(grant.partition(":")[0], ())}
    return frozenset(name for name, rule in REACHES.items() if rule in free and "." not in name)


def _of(node: ast.AST, aliases: Mapping[str, str], docs: Collection[int]) -> Iterator[Objection]:
    if isinstance(node, ast.Import):
        yield from _named(alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from _named(f"{node.module or ''}.{alias.name}" for alias in node.names)
        if any(alias.name == "*" for alias in node.names):
            yield Objection("dynamic", f"imports everything of {node.module}")
    elif isinstance(node, ast.Attribute):
        yield from _named([_dotted(node, aliases)])
        if not isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name | ast.Attribute):
            owner = _dotted(node.value, aliases)
            if owner:
                yield Objection("patching", f"changes {owner}.{node.attr}")
    elif isinstance(node, ast.Name) and node.id.startswith("__") and node.id.endswith("__") and node.id not in PLAIN:
        yield Objection("dunder", f"touches {node.id}")
    elif isinstance(node, ast.MatchClass) and any(name.startswith("__") for name in node.kwd_attrs):
        yield Objection("dunder", "matches attributes whose names begin with __")
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
        if hit := _DUNDER.search(node.value):
            yield Objection("dunder", f"names {hit[0]} in a text")
    elif isinstance(node, ast.Call):
        yield from _of_call(node, aliases)


def _of_call(node: ast.Call, aliases: Mapping[str, str]) -> Iterator[Objection]:
    """Attributes and files whose names are computed, or lie elsewhere."""
    called = node.func.id if isinstance(node.func, ast.Name) else ""
    first = node.args[0] if node.args else None
    if called in {"getattr", "setattr", "delattr", "hasattr"}:
        if len(node.args) < 2 or not isinstance(node.args[1], ast.Constant):
            yield Objection("computed", f"{called} with a computed name")
    elif called == "open" and isinstance(first, ast.Constant) and isinstance(first.value, str):
        if first.value.startswith(("/", "~", "\\")) or ".." in first.value.replace("\\", "/").split("/"):
            yield Objection("files", "opens a file outside its folder")
    elif called == "open":
        yield Objection("computed", "opens a file of a computed name")
    name = _dotted(node.func, aliases).rpartition(".")[2] or called
    if name in _LOOK_UP and not all(isinstance(one, ast.Constant) for one in node.args):
        yield Objection("computed", f"{name} with a computed name")


def _named(names: Iterable[str]) -> Iterator[Objection]:
    for name in names:
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            known = ".".join(parts[:end])
            if known in REACHES:
                yield Objection(REACHES[known], f"reaches for {known}")


def _aliases(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
    """What each imported name stands for."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((one.asname or one.name.split(".")[0], one.name if one.asname else one.name.split(".")[0])
                        for one in node.names)  # fmt: skip
        elif isinstance(node, ast.ImportFrom):
            yield from ((one.asname or one.name, f"{node.module or ''}.{one.name}") for one in node.names)


def _dotted(node: ast.AST, aliases: Mapping[str, str]) -> str:
    """The name that an expression has in the module that it comes from, "" if it comes from none."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in aliases:
        return ""
    return ".".join([aliases[node.id], *reversed(parts)])


def _docs(nodes: Iterable[ast.AST]) -> set[int]:
    """Docstrings: words about code are no code."""
    found = set()
    for node in nodes:
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            found.add(id(body[0].value))
    return found
