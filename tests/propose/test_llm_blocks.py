"""Edits as models write them: what is understood, what is dropped, and that nothing else ever changes."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from selfproof.propose import blocks, regions

SOLVER = "import math\n\n\ndef area(r):\n    x = r * r\n    return math.pi * x\n\n\ndef side(a):\n    return a ** 0.5\n"


def block(search: str, replace: str, path: str = "solver.py") -> str:
    return f"{path}\n<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n"


def read(reply: str, files: dict[str, str] | None = None, editable: tuple[str, ...] = ("solver.py",)) -> blocks.Reading:
    return blocks.read(reply, {"solver.py": SOLVER} if files is None else files, editable)


def test_exact_lines_are_replaced() -> None:
    got = read(block("    x = r * r\n    return math.pi * x", "    return math.pi * r * r"))
    assert got.files == {
        "solver.py": SOLVER.replace("    x = r * r\n    return math.pi * x", "    return math.pi * r * r")
    }
    assert got.dropped == ()


@pytest.mark.parametrize(
    "search",
    [
        "x = r * r\nreturn math.pi * x",  # not indented
        "    x  =  r * r\n\n    return math.pi * x",  # other spaces, and a blank line
        "    x = r*r\n    return math.pi*x",  # no spaces
        "    x = r * r  # square\n    return math.pi * x",  # a word too many
    ],
)
def test_a_piece_that_is_nearly_right_is_found(search: str) -> None:
    replace = "return 3 * r * r" if search.startswith("x") else "    return 3 * r * r"
    text = read(block(search, replace)).files["solver.py"]
    assert text == SOLVER.replace("    x = r * r\n    return math.pi * x", "    return 3 * r * r")


def test_a_piece_that_fits_two_places_fits_none() -> None:
    twice = "def f():\n    return 1\n\n\ndef g():\n    return 1\n"
    got = read(block("    return 1", "    return 2"), {"solver.py": twice})
    assert got.files == {} and "more than one place" in got.dropped[0]
    got = read(block("    return  1", "    return 2"), {"solver.py": twice})
    assert got.files == {} and "more than one place" in got.dropped[0]


def test_two_stretches_that_are_about_as_similar_are_not_guessed_between() -> None:
    alike = "def f(x):\n    a = x + 1\n    return a * 3 + b\n\n\ndef g(x):\n    a = x + 2\n    return a * 3 + b\n"
    got = read(block("    a = x + 7\n    return a * 3 + b", "    return 0"), {"solver.py": alike})
    assert got.files == {}
    assert got.dropped


def test_what_is_not_there_is_dropped() -> None:
    got = read(block("while True:\n    serve()", "pass"))
    assert got.files == {} and "is not in the file" in got.dropped[0]


@pytest.mark.parametrize(
    "path",
    [
        "score.py",
        "../solver.py",
        "/etc/passwd",
        "tasks/answers.py",
        ".git/hooks/post-commit",
        "solver.py/x.py",
        "a/../b.py",
    ],
)
def test_only_what_is_editable_changes(path: str) -> None:
    """Whatever a reply calls a file, and whether it is a block, a new file or a whole file."""
    files = {"solver.py": SOLVER, "score.py": "best = 0\n"}
    for reply in (
        block("best = 0", "best = 1", path),
        block("", "x = 1", path),
        f"{path}\n```\nbest = 1\nx = 2\n```\n",
    ):
        got = read(reply, files, ("solver.py", "*.md"))
        assert set(got.files) <= {"solver.py"}, (reply, got)
        assert "best = 1" not in "".join(got.files.values())


def test_new_files_only_within_the_globs() -> None:
    editable = ("solver.py", "prompts/*.txt")
    assert read(block("", "Think.", "prompts/system.txt"), editable=editable).files == {"prompts/system.txt": "Think."}
    assert read(block("", "Think.", "notes.txt"), editable=editable).files == {}
    assert read(block("", "x", "solver.py"), editable=editable).files == {}, "a file is not emptied by an empty piece"


def test_a_whole_file_in_a_fence() -> None:
    for reply in (
        "solver.py\n```python\nimport math\nx = 1\n```",
        "```python solver.py\nimport math\nx = 1\n```",
        "```python\n# FILE: solver.py\nimport math\nx = 1\n```",
        "**solver.py**\n\n````python\nimport math\nx = 1\n````",
    ):
        got = read(reply)
        assert got.files == {"solver.py": "import math\nx = 1\n"}, reply
        assert got.whole


def test_a_fence_that_explains_is_no_file() -> None:
    assert read("For example:\n```python\nprint(1)\n```").files == {}
    both = "Instead of\n```python\nimport math\nx = 1\n```\nI write\n" + block(
        "    return a ** 0.5", "    return math.sqrt(a)"
    )
    assert read(both).files == {"solver.py": SOLVER.replace("a ** 0.5", "math.sqrt(a)")}


def test_blocks_within_fences_and_several_files() -> None:
    files = {"solver.py": SOLVER, "prompt.md": "Be brief.\n"}
    reply = (
        "`solver.py`\n```python\n<<<<<<< SEARCH\n    return a ** 0.5\n=======\n"
        "    return math.sqrt(a)\n>>>>>>> REPLACE\n```\n"
        "And:\n```python\n<<<<<<< SEARCH\n    x = r * r\n=======\n    x = r ** 2\n>>>>>>> REPLACE\n```\n"
        "### prompt.md\n<<<<<<< SEARCH\nBe brief.\n=======\nBe exact.\n>>>>>>> REPLACE"
    )
    got = read(reply, files, ("solver.py", "prompt.md"))
    assert got.dropped == ()
    assert got.files["prompt.md"] == "Be exact.\n"
    assert "math.sqrt(a)" in got.files["solver.py"] and "r ** 2" in got.files["solver.py"]


def test_a_block_without_a_name_means_the_only_file_that_it_fits() -> None:
    nameless = block("    return a ** 0.5", "    return math.sqrt(a)", "Here it is")
    assert set(read(nameless, {"solver.py": SOLVER, "b.py": "y = 1\n"}, ("*.py",)).files) == {"solver.py"}
    assert read(nameless, {"solver.py": SOLVER, "b.py": SOLVER}, ("*.py",)).files == {}


def test_a_block_that_is_cut_off_is_dropped_and_the_rest_is_read() -> None:
    cut = (
        block("    x = r * r", "    x = r ** 2") + "solver.py\n<<<<<<< SEARCH\n    return a ** 0.5\n=======\n    return"
    )
    got = read(cut)
    assert got.files == {"solver.py": SOLVER.replace("r * r", "r ** 2")}
    assert any("cut off" in why for why in got.dropped)


def test_line_ends_of_the_file_are_kept() -> None:
    dos = SOLVER.replace("\n", "\r\n")
    got = read(block("    x = r * r", "    x = r ** 2\n    y = 0"), {"solver.py": dos})
    assert got.files["solver.py"] == dos.replace("r * r", "r ** 2\r\n    y = 0")


MARKED = "# fixed\n# EVOLVE-BLOCK-START\na = 1\nb = 2\n# EVOLVE-BLOCK-END\ndef score():\n    return a\n"


def test_marked_parts_are_the_only_ones_that_change() -> None:
    inside = read(block("a = 1", "a = 5"), {"solver.py": MARKED})
    assert inside.files == {"solver.py": MARKED.replace("a = 1", "a = 5")}
    outside = read(block("    return a", "    return 99"), {"solver.py": MARKED})
    assert outside.files == {} and "outside the EVOLVE-BLOCK" in outside.dropped[0]
    across = read(block("b = 2\n# EVOLVE-BLOCK-END\ndef score():", "b = 3\ndef score():"), {"solver.py": MARKED})
    assert across.files == {}
    quoting = read(block("# EVOLVE-BLOCK-START\na = 1", "# EVOLVE-BLOCK-START\na = 7"), {"solver.py": MARKED})
    assert quoting.files == {"solver.py": MARKED.replace("a = 1", "a = 7")}


def test_marked_parts_cannot_be_moved() -> None:
    grow = read(block("b = 2", "b = 2\n# EVOLVE-BLOCK-END\nx = 1\n# EVOLVE-BLOCK-START"), {"solver.py": MARKED})
    assert grow.files == {} and "holds an EVOLVE-BLOCK marker" in grow.dropped[0]


def test_of_a_whole_file_only_the_marked_parts_are_taken() -> None:
    whole = MARKED.replace("a = 1", "a = 8").replace("# fixed", "import os").replace("return a", "return 99")
    assert read(f"solver.py\n```\n{whole}```\n", {"solver.py": MARKED}).files == {
        "solver.py": MARKED.replace("a = 1", "a = 8")
    }
    bare = whole.replace("# EVOLVE-BLOCK-START\n", "").replace("# EVOLVE-BLOCK-END\n", "")
    assert read(f"solver.py\n```\n{bare}```\n", {"solver.py": MARKED}).files == {}


@pytest.mark.parametrize("signs", ["START", "END", "END START", "START START END", "START END START"])
def test_markers_that_do_not_match_up_leave_nothing_to_change(signs: str) -> None:
    text = "\n".join(f"// EVOLVE-BLOCK-{sign}\nx = {n}" for n, sign in enumerate(signs.split()))
    assert regions.regions(text.split("\n")) == []
    assert read(block("x = 0", "x = 9"), {"solver.py": text}).files == {}


def test_code_that_speaks_of_markers_is_not_marked() -> None:
    assert regions.regions(['if "EVOLVE-BLOCK-START" in line:', "    pass"]) is None


def test_a_reply_is_read_in_linear_time() -> None:
    """Texts that make looking ahead, comparing and counting as dear as they can be.

    With the square of the lines in any of it, this would run for an hour.
    """
    large = "\n".join(["    x = x + 1"] * 15_000)
    nasty = [
        "```a\n" * 40_000,
        "~~~~\n````\n" * 20_000,
        "<<<<<<< SEARCH\n" * 20_000,
        "<<<<<<< SEARCH\n=======\n" * 20_000,
        (block("\n".join(["    x = x + 1"] * 700) + "\n    y", "z") + "\n") * 3,
        "<" * 500_000,
    ]
    for reply in nasty:
        assert blocks.read(reply, {"solver.py": large}, ("solver.py",)).files == {}


def test_no_more_than_a_bounded_change_is_taken() -> None:
    assert read(block("", "x" * (blocks.LARGEST_FILE + 1), "new.txt"), editable=("*.txt",)).files == {}
    many = "".join(block("", f"x = {n}", f"f{n}.txt") for n in range(blocks.MOST_FILES + 1))
    assert read(many, editable=("*.txt",)).files == {}
    assert read(block("", "\ud800", "new.txt"), editable=("*.txt",)).files == {}, "what cannot be stored is no text"


LINES = st.text("ab =#\t(x)", max_size=8) | st.sampled_from(
    ["", "    x = 1", "def f():", "# EVOLVE-BLOCK-START", "```", "a.py"]
)
TEXTS = st.lists(LINES, max_size=12).map("\n".join)
PATHS = st.sampled_from(["a.py", "b/c.md", "d.txt"])
SOUP = st.lists(
    LINES
    | st.sampled_from(
        ["<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "```python", "a.py", "b/c.md", "secret.py", "../a.py", "x.py",
         "# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END", "<prediction>", "</prediction>", "\x00\ud800\r", "~~~~ a.py"]
    )
    | st.text(max_size=20),
    max_size=60,
).map("\n".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(SOUP, st.dictionaries(PATHS, TEXTS, max_size=3), TEXTS)
def test_nothing_raises_and_nothing_protected_changes(reply: str, files: dict[str, str], secret: str) -> None:
    before = {**files, "secret.py": secret}
    got = blocks.read(reply, before, ("a.py", "b/*", "d.txt"))
    assert set(got.files) <= {"a.py", "d.txt"} | {path for path in got.files if path.startswith("b/")}
    for path, text in got.files.items():
        assert ".." not in path and text != before.get(path)
        text.encode()
        if path in before and regions.regions(before[path].split("\n")) is not None:
            assert outside(text) == outside(before[path])


def outside(text: str) -> list[str]:
    lines = text.split("\n")
    inside = {n for first, last in regions.regions(lines) or [] for n in range(first, last)}
    return [line for n, line in enumerate(lines) if n not in inside]


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, PATHS)
@example("x\n", "x", "a.py")
@example("", "\n", "a.py")
@example("a\na\na", "a\na", "a.py")
@example("\n\n", "\n", "a.py")
def test_a_diff_that_is_written_is_read_back_exactly(before: str, after: str, path: str) -> None:
    assume("EVOLVE" not in before + after and "=======" not in (before + "\n" + after).split("\n"))
    reply = blocks.written({path: before, "e.txt": "e"}, {path: after, "e.txt": "e"})
    got = blocks.read("Here.\n\n" + reply, {path: before, "e.txt": "e"}, (path, "e.txt"))
    assert got.files == ({path: after} if before != after else {}), reply
    assert got.dropped == ()


def test_a_diff_that_cannot_be_written_says_so() -> None:
    for text in ("=======\n", "<<<<<<< SEARCH\n", "a\r\nb\n"):
        with pytest.raises(ValueError, match=r"a\.py"):
            blocks.written({"a.py": "x\n"}, {"a.py": text})
