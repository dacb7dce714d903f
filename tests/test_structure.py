"""The architecture, read from the source itself: what may import what, how long things are, what docstrings say."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "selfproof"

VERBS = frozenset({"observe", "propose", "screen", "trial", "certify", "adopt", "learn"})
COMPOSITION = frozenset(
    {
        "audit",
        "birth",
        "closing",
        "compare",
        "controls",
        "domains",
        "amending",
        "drill",
        "examining",
        "holding",
        "levels",
        "keeping",
        "life",
        "line",
        "loop",
        "moved",
        "projects",
        "proposers",
        "recursion",
        "reports",
        "retention",
        "room",
        "soundness",
        "submitting",
        "telling",
        "tokens",
        "tuning",
        "upgrading",
        "viewing",
    }
)
# From the top down. Within a layer nothing imports anything else, but for the composition, which has no cycle.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"__main__"}),
    frozenset({"cli"}),
    frozenset({"web"}),
    frozenset({"mcp", "improving", "own"}),
    frozenset({"session", "testing", "simulate"}),
    frozenset({"monitoring"}),
    frozenset({"tasks"}),
    frozenset({"adapters"}),
    COMPOSITION,
    frozenset({"attacks"}),
    VERBS,
    frozenset({"oversight"}),
    frozenset({"archive", "ledger", "jail", "operators"}),
    frozenset({"charter"}),
    frozenset({"nouns", "grants", "places"}),
    frozenset({"__init__"}),
)
# A template's tasks are a stranger's code: what they may use is what every stranger may rely on.
TASKS_MAY_USE = frozenset({"nouns", "trial", "operators", "tasks"})
PROGRAM_MAY_USE = frozenset({"operators"})

TRUSTED = frozenset({"jail", "certify", "ledger", "adopt", "screen", "oversight"})
# What must be right for a promise to hold while a program lives.
CORE = TRUSTED | {"nouns", "grants", "charter", "levels"}
CORE_LINES = 4000
# What moves values between them, and the pure rules that it asks of a change's classes, of the charter's policy, of
# tripwires and ceilings: `audit` recomputes each of their answers from the ledger, at the end of every run.
LINE_LINES = 1050
LINE_ASKS = frozenset(
    {
        "charter/conditions",
        "oversight/budgets",
        "oversight/classes",
        "oversight/facts",
        "oversight/policy",
        "oversight/tripwires",
    }
)
# These run in a program's own process after it is locked in, at its mercy: nothing relies on them.
AT_ITS_MERCY = frozenset(
    {"jail/answering", "jail/frames", "jail/harness", "jail/memory_import", "jail/probe", "jail/stacks"}
)
# It looks afterwards, like `audit`, and as anybody may with code of their own (`verifiers/`).
AFTERWARDS = frozenset(
    {
        "ledger/cosignature",
        "ledger/fast",
        "ledger/hashes",
        "ledger/proof_file",
        "ledger/proofs",
        "ledger/tiles",
        "ledger/verify",
        "ledger/witness",
        "ledger/witness_http",
    }
)
# Nouns and errors: values that others fill, and words for a person.
VALUES = frozenset(
    {
        "nouns",
        "certify/terms",
        "charter/archiving",
        "charter/listening",
        "charter/sections",
        "charter/tripping",
        "jail/limits",
        "ledger/errors",
    }
)
# Names of what is elsewhere, and nothing of their own: a test holds them to that.
FRONT_PAGES = frozenset({"charter/__init__", "line/__init__", "screen/__init__"})
# Between two that check each other: what the signer signs follows from what it remembers, and the writer reads every
# signed note before it uses it.
BETWEEN = frozenset({"ledger/signing"})
# They describe what was decided, or look for candidates, or prove nothing and say so: no promise rests on them, and
# `verify` recomputes what they say.
DECIDES_NOTHING = frozenset(
    {
        "certify/__init__",
        "certify/effect",
        "certify/race",
        "certify/recorded",
        "certify/uncertified",
        "jail/__init__",
        "jail/groups",
        "ledger/__init__",
        "ledger/openings",
        "line/certificates",
        "oversight/control",
        "oversight/incidents",
        "oversight/letters",
        "screen/reach",
        "screen/syntax",
        "screen/texts",
    }
)
MODULE_LINES, TRUSTED_LINES = 400, 250
FUNCTION_LINES = 50

WALLS = ("grants", "jail", "screen", "ledger", "oversight")  # security
STATISTICS = ("certify", "levels", "audit")
# Packages' front pages, nouns and modules that keep nothing away from anybody.
NO_PROMISE = {
    "certify/__init__", "certify/pairs", "certify/scale", "certify/race", "certify/recorded", "certify/terms",
    "jail/answering", "jail/frames", "jail/limits", "jail/memory_import", "jail/probe",
    "ledger/__init__", "ledger/clock", "ledger/errors",
    "oversight/__init__", "screen/__init__",
}  # fmt: skip


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").as_posix()


def part_of(path: Path) -> str:
    """The box in the picture: a top-level package or module."""
    return name_of(path).split("/")[0]


def is_program(path: Path) -> bool:
    return "/program/" in path.as_posix() and part_of(path) == "templates"


def imports(path: Path) -> Iterator[str]:
    """Absolute names of everything of selfproof that a module imports, wherever in it the import stands."""
    package = ["selfproof", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def parts_used(path: Path) -> set[str]:
    used = {name.split(".")[1] for name in imports(path) if name.startswith("selfproof.")}
    return {"__init__" if part == "__version__" else part for part in used} - {part_of(path)}


def layer_of(part: str) -> int:
    return next(i for i, layer in enumerate(LAYERS) if part in layer)


CODE = [path for path in modules() if part_of(path) != "templates"]
IDS = {path: name_of(path) for path in modules()}


def test_every_part_has_a_place_in_the_picture() -> None:
    known = frozenset().union(*LAYERS) | {"templates"}
    found = {part_of(path) for path in modules()}
    assert found <= known, f"say in LAYERS where these belong: {sorted(found - known)}"


@pytest.mark.parametrize("path", CODE, ids=IDS.get)
def test_imports_run_downwards(path: Path) -> None:
    part = part_of(path)
    for used in parts_used(path):
        allowed = layer_of(used) > layer_of(part) or (part in COMPOSITION and used in COMPOSITION)
        assert allowed, f"{name_of(path)} imports {used}, which is beside or above {part}"


def test_composition_has_no_cycle() -> None:
    graph: dict[str, set[str]] = {part: set() for part in COMPOSITION}
    for path in CODE:
        if part_of(path) in COMPOSITION:
            graph[part_of(path)] |= parts_used(path) & COMPOSITION
    TopologicalSorter(graph).prepare()


def test_no_module_is_in_an_import_cycle() -> None:
    """Imports within functions count too: a cycle is a cycle, however late."""
    known = {"selfproof." + name_of(path).replace("/", ".").removesuffix(".__init__") for path in CODE}
    graph: dict[str, set[str]] = {}
    for path in CODE:
        own = "selfproof." + name_of(path).replace("/", ".").removesuffix(".__init__")
        targets = {name if name in known else name.rpartition(".")[0] for name in imports(path)} & known
        graph[own] = {target for target in targets if target != own and not own.startswith(target + ".")}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", [p for p in modules() if part_of(p) == "templates"], ids=IDS.get)
def test_templates_use_what_any_stranger_may(path: Path) -> None:
    allowed = PROGRAM_MAY_USE if is_program(path) else TASKS_MAY_USE
    used = {name.split(".")[1] for name in imports(path) if name.startswith("selfproof.")} - {"templates"}
    assert used <= allowed, f"{name_of(path)} uses {sorted(used - allowed)}"


@pytest.mark.parametrize("path", [p for p in CODE if part_of(p) == "certify"], ids=IDS.get)
def test_the_gate_needs_nothing_but_the_standard_library(path: Path) -> None:
    for name in imports(path):
        top = name.split(".")[0]
        assert top in sys.stdlib_module_names or name.startswith(("selfproof.certify", "selfproof.nouns")), name


@pytest.mark.parametrize("path", modules(), ids=IDS.get)
def test_modules_are_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text("utf-8")
    limit = TRUSTED_LINES if part_of(path) in TRUSTED else MODULE_LINES
    assert len(text.splitlines()) <= limit, f"{name_of(path)} is longer than {limit} lines: split it"
    assert ast.get_docstring(ast.parse(text)), f"{name_of(path)} has no docstring"


@pytest.mark.parametrize("path", [p for p in modules() if not is_program(p)], ids=IDS.get)
def test_functions_are_short(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            length = (node.end_lineno or 0) - first.lineno + 1
            assert length <= FUNCTION_LINES, f"{name_of(path)}.{node.name} has {length} lines"


def code_lines(path: Path) -> int:
    """Lines that hold code: no blanks, no comments, no docstrings, those below a field included."""
    text = path.read_text("utf-8")
    docs: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                docs |= set(range(body[0].lineno, (body[0].end_lineno or 0) + 1))
        for before, after in pairwise(body if isinstance(body, list) else ()):
            told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            if told and isinstance(before, ast.AnnAssign | ast.Assign):
                docs |= set(range(after.lineno, (after.end_lineno or 0) + 1))
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            held |= set(range(token.start[0], token.end[0] + 1))
    return len(held - docs)


def test_the_trusted_core_can_be_read_in_an_afternoon() -> None:
    left_out = AT_ITS_MERCY | AFTERWARDS | BETWEEN | DECIDES_NOTHING | VALUES | FRONT_PAGES
    core = [path for path in CODE if part_of(path) in CORE and name_of(path) not in left_out | LINE_ASKS]
    sizes = {name_of(path): code_lines(path) for path in core}
    assert 1000 < sum(sizes.values()) < CORE_LINES, sizes
    line = {name_of(p): code_lines(p) for p in CODE if part_of(p) == "line" or name_of(p) in LINE_ASKS}
    assert sum(lines for name, lines in line.items() if name not in left_out) < LINE_LINES, line


@pytest.mark.parametrize("name", sorted(FRONT_PAGES))
def test_front_pages_only_name_what_is_elsewhere(name: str) -> None:
    for node in ast.parse((SOURCE / f"{name}.py").read_text("utf-8")).body:
        listed = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        described = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        assert listed or described or isinstance(node, ast.Import | ast.ImportFrom), f"{name}: {ast.unparse(node)}"


@pytest.mark.parametrize(
    "path", [p for p in CODE if part_of(p) in {*WALLS, *STATISTICS} and name_of(p) not in NO_PROMISE], ids=IDS.get
)
def test_walls_say_what_they_do_not_keep_out(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    before, heading, after = text.partition("Does not protect against:")
    last = after.strip() and "\n\n" not in after.strip()
    assert heading and before.strip() and last, f'{name_of(path)} must end with "Does not protect against:"'


def test_exceptions_to_that_exist_and_are_needed() -> None:
    for name in NO_PROMISE:
        path = SOURCE / f"{name}.py"
        assert path.is_file(), f"{name} is gone: take it off the list"
        assert "Does not protect against" not in path.read_text("utf-8"), f"{name} keeps the promise: take it off"


def test_help_loads_no_heavy_library() -> None:
    script = (
        "import sys\nfrom selfproof.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert not end.code\n"
        "print(*sorted(sys.modules), sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    heavy = {"numpy", "rich", "cryptography", "msgspec", "sqlite3", "selfproof.life", "selfproof.jail"}
    assert not loaded & heavy, f"--help loads {sorted(loaded & heavy)}"
    assert len(loaded) < 200, f"--help loads {len(loaded)} modules"


def tracked() -> list[Path]:
    """Files that are, or are about to be, under version control; without git, those that usually are."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    names = done.stdout.split("\0") if done.returncode == 0 else []
    found = [ROOT / name for name in names if name]
    found = found or [p for folder in ("src", "tests", "docs") for p in (ROOT / folder).rglob("*")]
    return [path for path in found if path.is_file()]


def test_nothing_names_the_place_where_it_was_written() -> None:
    """Written so that this file does not find itself."""
    hosts = [
        "py" + "pi.org",
        "python" + "hosted.org",
        "registry." + "npmjs",
        "deb." + "debian.org",
        "proxy." + "golang",
    ]
    banned = re.compile("|".join(map(re.escape, [*hosts, "/" + "root/"])))
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        found = banned.search(text)
        assert found is None, f"{path.relative_to(ROOT)} says {found and found[0]!r}"
