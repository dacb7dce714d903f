"""The documents cannot drift: what they name exists, what exists they name."""

from __future__ import annotations

import ast
import importlib.util
import math
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from selfproof.archive.overseen import SUBMITTED
from selfproof.certify import betting, canary, gamma, guards, scale
from selfproof.cli import COMMANDS, group
from selfproof.cli.charter import fields

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "AGENTS.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
SOURCE = ROOT / "src" / "selfproof"


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def command_of(name: str, *words: str) -> click.Command:
    """The command, or the subcommand that the next word names."""
    command = group.get_command(click.Context(group), name)
    assert command is not None, f"there is no `selfproof {name}`"
    if isinstance(command, click.Group) and words and not words[0].isupper():
        assert words[0] in command.commands, f"there is no `selfproof {name} {words[0]}`"
        return command.commands[words[0]]
    return command


def leaves() -> dict[str, click.Command]:
    """Every command that does something, by the words that name it."""
    found = {}
    for name in COMMANDS:
        command = command_of(name)
        subcommands = command.commands if isinstance(command, click.Group) else {}
        found |= {f"{name} {word}": below for word, below in subcommands.items()} or {name: command}
    return found


def options_of(command: click.Command) -> set[str]:
    listed = {opt for p in command.params if isinstance(p, click.Option) for opt in [*p.opts, *p.secondary_opts]}
    return listed | {"-h", "--help", "--debug"}


def mentions(text: str) -> Iterator[str]:
    """Every `selfproof ...` in code spans and code blocks, without comments and brackets."""
    spans = re.findall(r"`(selfproof [^`\n]+)`", text)
    blocks = re.findall(r"^\s*(?:\$ |    )?(selfproof [a-z].*)$", text, re.MULTILINE)
    for line in [*spans, *blocks]:
        yield re.split(r"\s{2,}|\s#|\s&&|\s\||>", line)[0].replace("[", "").replace("]", "")


def words_of(line: str) -> list[str]:
    """The words of a command line after `selfproof`; one that is cut within quotes is split as it is."""
    try:
        return shlex.split(line.rstrip(" \\"))[1:]
    except ValueError:
        return line.replace('"', "").split()[1:]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_commands_and_options_that_are_named_exist(page: Path) -> None:
    for line in mentions(page.read_text("utf-8")):
        name, *words = words_of(line)
        if name.startswith("-") or name.isupper() or name == "...":
            assert name in options_of(group) | {"--version", "OPTIONS"}, line
            continue
        known = options_of(command_of(name, *words))
        for word in words:
            if word.startswith("-"):
                assert word in known, f"{page.name}: `{line}`: {name} has no {word}"


def test_the_commands_of_the_readme_parse() -> None:
    blocks = re.findall(r"^    (selfproof .+)$", read("README.md"), re.MULTILINE)
    assert len(blocks) >= 4
    for line in blocks:
        _, name, *words = shlex.split(line, comments=True)
        below = isinstance(command_of(name), click.Group)
        command_of(name, *words).make_context(name, words[below:])


def test_the_readme_lists_every_command() -> None:
    assert re.findall(r"^\| `selfproof ([a-z ]+)`", read("README.md"), re.MULTILINE) == list(leaves())


@pytest.mark.parametrize("name", list(leaves()))
def test_every_command_says_what_it_is_for(name: str) -> None:
    command = leaves()[name]
    assert command.help, f"`selfproof {name}` has no help"
    assert command.epilog, f"`selfproof {name}` has no example"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"`selfproof {name} {parameter.opts[0]}` has no help"
    if name != "completion":
        assert "--json" in options_of(command)


def test_examples_in_help_texts_exist() -> None:
    for name in ("", *COMMANDS):
        epilog = (command_of(name) if name else group).epilog or ""
        for line in mentions(epilog):
            words = words_of(line)
            assert {w for w in words if w.startswith("-")} <= options_of(command_of(*words)), line


def test_the_command_page_is_what_make_docs_writes() -> None:
    spec = importlib.util.spec_from_file_location("cli_docs", ROOT / "scripts" / "cli_docs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert read("docs/cli.md") == module.page(), "type: make docs"


def test_exit_codes_are_the_same_everywhere() -> None:
    codes = re.findall(r"^\| (\d+) \|", read("README.md"), re.MULTILINE)
    epilog = (group.epilog or "").partition("Exit codes:")[2]
    assert codes == re.findall(r"\b(\d+) [a-z]", epilog)
    contract = read("docs/design.md").partition("\nexit codes")[2].partition("\nfolder")[0]
    assert codes == re.findall(r"\b(\d+) [a-z]", contract)


def test_the_gates_page_has_a_place_for_each_table_and_the_codes_constants() -> None:
    page = read("docs/gate.md")
    for name in ("null", "skewed", "mixed", "adaptive", "rare", "timing", "speed"):
        assert (
            len(re.findall(rf"^[^\n|]+[.:]\n\n<!-- table:{name} -->\n(?:.*\n)+?<!-- /table:{name} -->$", page, re.M))
            == 1
        )
    fractions = re.findall(r"l in \{([\d., ]+)\}", page)
    assert [tuple(map(float, text.split(", "))) for text in fractions] == [betting.FRACTIONS]
    assert f"clip((y - d) / ({scale.CLIP} S), -1, 1)" in page
    assert gamma(1) == pytest.approx(0.93 / (3 * math.log(3) ** 2)) and "gamma_k = 0.93 / ((k + 2) ln^2(k + 2))" in page
    assert f"level {canary.LIFETIME:.2f}".replace("0.", ".") in page
    assert f"level {guards.LIFETIME:.2f}".replace("0.", ".") in page


def test_make_targets_that_are_named_exist() -> None:
    makefile = read("Makefile")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"(?:`|^    )make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE):
            assert target in targets, f"{page.name}: make {target}"
    phony = set(re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]
    assert phony == targets


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_layout_in_the_readme_is_the_layout() -> None:
    block = read("README.md").partition("## Where things are")[2].partition("A living program:")[0]
    inside = re.findall(r"^      ([\w./]+) ", block, re.MULTILINE)
    outside = re.findall(r"^    ([\w./]+) ", block, re.MULTILINE)
    assert len(inside) > 5
    for path in [*(SOURCE / name for name in inside), *(ROOT / name for name in outside)]:
        assert path.exists(), path


def entries_written() -> Iterator[ast.Call]:
    """Every call in the source that writes an entry."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) >= 2:
                owner = ast.unparse(node.func.value)
                if (owner in {"life", "living", "self", "self.life"} and node.func.attr == "log") or (
                    owner == "ledger" and node.func.attr == "append"
                ):
                    yield node


def kinds_of(node: ast.Call) -> set[str]:
    first = node.args[0]
    choices = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
    return {c.value for c in choices if isinstance(c, ast.Constant) and isinstance(c.value, str)}


def kinds_written() -> set[str]:
    """The kinds of all entries that the source writes, and of those that people may hand in."""
    return set(SUBMITTED).union(*map(kinds_of, entries_written()))


def documented_entries() -> dict[str, set[str]]:
    """kind -> names in code font in its row."""
    table = read("docs/design.md").partition("### Entries")[2].partition("\n`verify`")[0]
    rows = re.findall(r"^\| (`[a-z`, -]+) \|(.*)$", table, re.MULTILINE)
    return {kind: set(re.findall(r"`(\w+)`", rest)) for names, rest in rows for kind in re.findall(r"`([^`]+)`", names)}


def test_every_kind_of_entry_is_documented() -> None:
    written = kinds_written()
    assert {"genesis", "texts", "confirm-start", "propose", "halt"} <= written
    assert written == set(documented_entries())


def test_fields_of_entries_are_documented() -> None:
    """Those that stand in the call itself; entries whose body has a name are compared with a real ledger elsewhere."""
    documented = documented_entries()
    compared = 0
    for node in entries_written():
        if isinstance(node.args[1], ast.Dict):
            keys = {str(k.value) for k in node.args[1].keys if isinstance(k, ast.Constant)}
            for kind in kinds_of(node):
                assert keys <= documented[kind], f"docs/design.md, entry {kind}: {sorted(keys - documented[kind])}"
                compared += 1
    assert compared > 8


def test_the_improvers_view_is_documented() -> None:
    table = read("docs/design.md").partition("### The improver's view")[2].partition("\nOutcomes are")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    seen: set[str] = set()
    for name in ("quality", "speed"):
        for node in ast.walk(ast.parse(read(f"src/selfproof/domains/{name}.py"))):
            if isinstance(node, ast.Dict):
                keys = {k.value for k in node.keys if isinstance(k, ast.Constant)}
                if {"kind", "wanted"} <= keys:
                    seen |= {str(key) for key in keys}
    assert documented == seen


def test_every_field_of_a_charter_is_explained() -> None:
    for place, _, meaning in fields():
        assert meaning.endswith((".", ")")), place


def test_decisions_are_listed_and_complete() -> None:
    notes = sorted(p.name for p in (ROOT / "docs" / "decisions").glob("0*.md"))
    assert re.findall(r"\((0\d{3}-[\w-]+\.md)\)", read("docs/decisions/README.md")) == notes
    assert len({name[:4] for name in notes}) == len(notes), "two notes have one number"
    for name in notes:
        parts = re.findall(r"^## (\w+)$", read(f"docs/decisions/{name}"), re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequences"], name


def setup_with(tmp_path: Path, python: str | None) -> subprocess.CompletedProcess[str]:
    """Run scripts/setup in an empty copy where the only Python is the given script."""
    for name in ("scripts", "bin"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    for tool in ("sh", "dirname", "rm"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    if python is not None:
        fake = tmp_path / "bin" / "python3"
        fake.write_text(python)
        fake.chmod(0o755)
    return subprocess.run(
        ["sh", "scripts/setup"], cwd=tmp_path, env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


NO_VENV = '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; *) exit 0;; esac\n'


@pytest.mark.parametrize(
    ("python", "advice"),
    [(None, "Python 3.11"), ("#!/bin/sh\nexit 1\n", "Python 3.11"), (NO_VENV, "apt install python3-venv")],
    ids=["no Python", "too old", "no venv"],
)
def test_set_up_says_in_one_line_what_is_missing(tmp_path: Path, python: str | None, advice: str) -> None:
    done = setup_with(tmp_path, python)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert advice in done.stderr
    assert not (tmp_path / ".venv" / "ready").exists()
