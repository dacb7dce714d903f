"""``selfproof gate``: a stranger's file, with everything that can be wrong with it."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from selfproof.cli import gate
from selfproof.nouns import UsageError

STAKES = np.array([0.05, 0.10, 0.17, 0.27, 0.40, 0.55, 0.72, 0.90])
CONTRACT = {"verdict", "e_value", "threshold", "pairs", "effect", "interval", "assumes"}
Rows = list[tuple[float, float]]


def pairs(n: int, gain: float, seed: int = 1) -> Rows:
    """Losses (lower is better): samples differ much more than the two versions do."""
    rng = random.Random(seed)
    rows = []
    for _ in range(n):
        sample = rng.gauss(1, 0.05)
        rows.append((sample + rng.gauss(0, 0.01), sample - gain + rng.gauss(0, 0.01)))
    return rows


def text_of(rows: Iterable[tuple[float, float]]) -> str:
    return "pair,incumbent,candidate\n" + "".join(f"{i},{a!r},{b!r}\n" for i, (a, b) in enumerate(rows))


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., Any]:
    """The JSON for a file with these rows or this text."""

    def run(content: Rows | str, *options: str) -> Any:
        file = tmp_path / "pairs.csv"
        file.write_text(content if isinstance(content, str) else text_of(content))
        done = CliRunner().invoke(gate.command, [str(file), *options, "--json"], catch_exceptions=False)
        assert done.exit_code == 0
        return json.loads(done.stdout)

    return run


def e_value(ys: np.ndarray, scale: float) -> float:
    return float(np.prod(1 + np.outer(np.clip(ys / (1.5 * scale), -1, 1), STAKES), axis=0).mean())


@pytest.mark.parametrize(("gain", "verdict"), [(0.012, "certified"), (-0.012, "refused"), (0.0, "undecided")])
def test_the_verdict_is_recomputed_by_hand(judged: Any, gain: float, verdict: str) -> None:
    rows = pairs(60, gain)
    row = judged(rows, "--better", "lower")
    assert row.keys() >= CONTRACT and row["verdict"] == verdict
    ys = np.array(rows) @ [1, -1]
    spread = 1.4826 * np.median(abs(ys[:8] - np.median(ys[:8])))
    assert row["scale"] == pytest.approx(spread) and row["dropped"] == 8 and row["threshold"] == pytest.approx(20)
    used = ys[8 : 8 + row["pairs"]]
    assert row["e_value"] == pytest.approx(e_value(used, spread), rel=1e-9)
    assert (row["e_value"] >= 20) == (verdict == "certified")
    assert e_value(used[:-1], spread) < 20
    assert row["effect"] == pytest.approx(np.median(ys[8:]))
    assert row["interval"][0] < gain < row["interval"][1]
    assert row["q_star"] == pytest.approx(1 - 0.05 ** (1 / row["pairs"]))


def test_speed_is_a_ratio_of_times(judged: Any) -> None:
    rng = random.Random(2)
    rows = [(t := rng.lognormvariate(0, 0.3), t / 1.25 * rng.lognormvariate(0, 0.2)) for _ in range(80)]
    row = judged(rows, "--kind", "speed", "--min-gain", "0.1")
    logs = np.log(np.array(rows)) @ [1, -1]
    assert row["verdict"] == "certified" and row["effect"] == pytest.approx(math.exp(np.median(logs[8:])))
    assert row["interval"][0] < 1.25 < row["interval"][1]
    assert row["e_value"] == pytest.approx(e_value(logs[8 : 8 + row["pairs"]] - math.log(1.1), row["scale"]), rel=1e-9)
    assert judged(rows, "--kind", "speed", "--min-gain", "0.6")["verdict"] == "refused"
    assert judged([(b, a) for a, b in rows], "--kind", "speed")["verdict"] == "refused"


def test_higher_is_better_unless_it_is_said(judged: Any) -> None:
    rows = pairs(60, 0.03)
    assert judged(rows, "--better", "lower")["verdict"] == "certified"
    assert judged(rows, "--better", "higher")["verdict"] == "refused"
    row = judged([(b, a) for a, b in rows])
    assert row["verdict"] == "certified" and any("--better lower" in note for note in row["notes"])


def test_a_pair_that_decides_ends_it_and_no_ceiling_does(judged: Any) -> None:
    assert judged(pairs(60, 0.03) + pairs(300, -0.2), "--better", "lower")["verdict"] == "certified"
    slow = [(0.0, 0.5 + (-1, 0, 1, 0)[i % 4]) for i in range(100)]
    row = judged(slow, "--alpha", "1e-9")
    assert (row["verdict"], row["pairs"], row["pairs_given"]) == ("undecided", 90, 100)


@pytest.mark.parametrize(("n", "dropped"), [(9, 8), (80, 8), (90, 9), (500, 50)])
def test_the_first_eight_or_a_tenth_set_the_scale_and_decide_nothing(judged: Any, n: int, dropped: int) -> None:
    rows = pairs(n, 0.0)
    row = judged(rows, "--better", "lower")
    assert row["dropped"] == dropped
    shuffled = rows[:dropped][::-1] + rows[dropped:]
    again = judged(shuffled, "--better", "lower")
    assert again["e_value"] == pytest.approx(row["e_value"]) and again["interval"] == row["interval"]


def test_a_span_is_the_last_scale_and_gives_the_mean_an_interval(judged: Any) -> None:
    rng = random.Random(5)
    rows = [(0.0, 0.0)] * 8 + [(float(rng.random() < 0.4), float(rng.random() < 0.8)) for _ in range(200)]
    row = judged(rows, "--span", "1", "--scale-pairs", "8")
    ys = [b - a for a, b in rows[8:]]
    assert row["scale"] == 1.0 and row["verdict"] == "certified" and row["estimate"] == "mean difference"
    assert row["effect"] == pytest.approx(statistics.fmean(ys)) and row["interval"][0] < 0.4 < row["interval"][1]


def test_few_pairs_are_undecided_and_say_how_many_it_takes(judged: Any) -> None:
    row = judged([(1.0 + i / 100, 3.0 + i / 50) for i in range(14)])
    assert row["verdict"] == "undecided" and row["interval"] is None and "at least 7" in row["notes"][0]
    assert judged([(1.0 + i / 100, 3.0 + i / 50) for i in range(15)])["verdict"] == "certified"


def looks(n: int, seed: int, fixed: bool) -> bool:
    """Whether somebody who looks again after every ten pairs of a null ever sees "certified"."""
    rng = random.Random(seed)
    ys = [rng.gauss(0, 1) for _ in range(n)]
    for size in range(20, n + 1, 10):
        table = gate.Table()
        table.incumbent.extend([0.0] * size)
        table.candidate.extend(ys[:size])
        asked = gate.Asked(False, "higher", 0.05, 0.0, 1e9, 8 if fixed else None)
        dropped = asked.scale_pairs or max(8, size // 10)
        if gate.verdict_of(ys[:size], dropped, asked)[0].answer == "certified":
            return True
    return False


def test_looking_again_at_a_file_that_grows_needs_a_fixed_scale() -> None:
    """With a scale that moves each look is another test: the page says so, and this is how much it is."""
    held = sum(looks(600, seed, fixed=True) for seed in range(60))
    moved = sum(looks(600, seed, fixed=False) for seed in range(60))
    assert held <= 60 * 0.05 + 3.1 * math.sqrt(60 * 0.05 * 0.95) and held < moved


def test_what_is_assumed_follows_the_options(judged: Any) -> None:
    rows = pairs(40, 0.0)
    assert any("was fixed before" in line for line in judged(rows)["assumes"])
    assumed = judged(rows, "--scale-pairs", "9", "--alpha", "0.01")["assumes"]
    assert any("first 9 pairs at every look" in line for line in assumed)
    assert any("alpha 0.01" in line for line in assumed) and not any("was fixed before" in line for line in assumed)


@pytest.mark.parametrize("form", ["bom", "crlf", "semicolons", "tabs", "quoted", "spaces", "blank lines", "no newline"])
def test_files_as_other_programs_write_them(judged: Any, form: str) -> None:
    rows = pairs(30, 0.01)
    plain = text_of(rows)
    table = [line.split(",") for line in plain.splitlines()]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows(table)
    texts = {
        "bom": "\ufeff" + plain, "crlf": plain.replace("\n", "\r\n"), "semicolons": plain.replace(",", ";"),
        "tabs": plain.replace(",", "\t"), "quoted": out.getvalue(), "no newline": plain.rstrip("\n"),
        "spaces": plain.replace(",", " , ").replace("pair", "Pair "), "blank lines": plain.replace("\n", "\n\n"),
    }  # fmt: skip
    assert judged(texts[form])["e_value"] == pytest.approx(judged(rows)["e_value"])


def test_more_columns_are_ignored_and_named(judged: Any) -> None:
    lines = ["commit,candidate,pair,incumbent"] + [f"c{i},{b},{i},{a}" for i, (a, b) in enumerate(pairs(30, 0.01))]
    row = judged("\n".join(lines))
    assert row["notes"][0] == "columns that were ignored: commit"
    assert row["e_value"] == pytest.approx(judged(pairs(30, 0.01))["e_value"])


HEAD = "pair,incumbent,candidate\n"


@pytest.mark.parametrize(
    ("text", "options", "wanted"),
    [
        ("", [], ["empty", "pair,incumbent,candidate"]),
        ("\n\n", [], ["empty"]),
        (HEAD, [], ["0 pairs are too few", "At least 15"]),
        (text_of(pairs(8, 0)), [], ["8 pairs are too few", "At least 15"]),
        (text_of(pairs(8, 0)), ["--alpha", "0.001"], ["At least 22"]),
        ("1,0.5,0.6\n2,0.5,0.6\n", [], ["column pair is missing", "first line must be"]),
        ("pair,baseline,candidate\n1,2,3\n", [], ["incumbent is missing", "Rename the column 'baseline'"]),
        ("pair,incumbent,candidat\n1,2,3\n", [], ["candidate is missing", "Rename the column 'candidat'"]),
        ("pair,pair,incumbent,candidate\n1,1,2,3\n", [], ["pair is there more than once"]),
        (HEAD + "1,2\n", [], ["line 2", "2 cells"]),
        (HEAD + "1,0,5,0,6\n", [], ["line 2", "decimal point"]),
        (HEAD + "1,1,2\n\n1,1,2\n", [], ["line 4", "pair '1'", "second time"]),
        (HEAD + "1,1,2\n,1,2\n", [], ["line 3", "no name"]),
        (HEAD + "1,1,2\n2,x,2\n", [], ["line 3, incumbent", "'x'", "worst value"]),
        (HEAD + "1,1,nan\n", [], ["line 2, candidate", "'nan'"]),
        (HEAD + "1,-inf,1\n", [], ["line 2, incumbent", "'-inf'"]),
        (HEAD + "1,,1\n", [], ["line 2, incumbent", "''"]),
        (HEAD + "1,1_0,1\n", [], ["'1_0'"]),
        (HEAD + "1,1e308,-1e308\n", [], ["line 2", "larger than a number"]),
        (HEAD + "1,1,0\n", ["--kind", "speed"], ["line 2, candidate", "more than 0 seconds"]),
        (HEAD + "1,-1,1\n", ["--kind", "speed"], ["line 2, incumbent", "--kind speed"]),
        (HEAD + "1,0,3\n", ["--span", "2"], ["line 2", "--span 2"]),
        (text_of([(1.0, 1.0)] * 30), [], ["all equal", "--span"]),
        (text_of([(1.0, 1.0)] * 30), ["--kind", "speed"], ["all equal", "clock"]),
        (text_of(pairs(30, 0)), ["--kind", "speed", "--better", "higher"], ["less time is better"]),
        (text_of(pairs(30, 0)), ["--alpha", "nan"], ["finite"]),
        (text_of(pairs(30, 0)), ["--min-gain", "inf"], ["finite"]),
        (text_of(pairs(30, 0)), ["--span", "inf"], ["finite"]),
        (HEAD + '1,"1,2\n', [], ["line"]),
        (HEAD + "1\x00,1,2\n", [], []),
        (HEAD + "1,1,\x1b[31m2\n", [], ["\\x1b"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line_and_what_to_do(
    cli: Any, tmp_path: Path, text: str, options: list[str], wanted: list[str]
) -> None:
    file = tmp_path / "mine.csv"
    file.write_bytes(text.encode())
    with pytest.raises(UsageError) as caught:
        CliRunner().invoke(gate.command, [str(file), *options], catch_exceptions=False)
    said = f"{caught.value} {caught.value.advice()}"
    assert caught.value.advice() and all(word in said for word in wanted), said
    assert said.isprintable()


@pytest.mark.parametrize("content", [b"\xff\xfe\x00p", b"pair,incumbent,candidate\n1,2,\xff\n"])
def test_a_file_that_is_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(UsageError, match="not a CSV file"):
        CliRunner().invoke(gate.command, [str(tmp_path / "mine.csv")], catch_exceptions=False)


def test_as_a_user_types_it(cli: Any, tmp_path: Path) -> None:
    """Exit code 0 whatever the verdict, 2 for what cannot be judged; the text says what the JSON says."""
    for gain, verdict in ((0.012, "certified"), (-0.012, "refused"), (0.0, "undecided")):
        (tmp_path / "p.csv").write_text(text_of(pairs(60, gain)))
        done = cli.run("gate", tmp_path / "p.csv", "--better", "lower")
        assert done.code == 0 and done.out.startswith(f"{verdict}: ") and done.err == ""
        for words in ("the first 8 set the scale", "95% interval", "blind spot", "This holds if", "fresh"):
            assert words in done.out
    done = cli.run("gate", tmp_path / "gone.csv")
    assert done.code == 2 and "gone.csv" in done.err and "Traceback" not in done.err
    assert cli.run("gate", tmp_path).code == 2


def test_standard_input_and_many_rows() -> None:
    """Read as a stream: more than the numbers and names of the pairs is never held."""
    script = (
        "import sys\nprint('pair,incumbent,candidate')\n"
        "for i in range(int(sys.argv[1])):\n    print(f'{i},{i % 7},{i % 7 + i % 3 - 1 + .01 * (i % 5)}')"
    )
    measured = (
        "import re, sys\nfrom selfproof.cli import main\ntry:\n    main(['gate', '-', '--json'])\nfinally:\n"
        "    print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)"
    )
    for n, most_mb in ((3_000, 60), (300_000, 180)):
        rows = subprocess.run([sys.executable, "-c", script, str(n)], capture_output=True, check=True).stdout
        done = subprocess.run([sys.executable, "-c", measured], input=rows, capture_output=True, check=True)
        row = json.loads(done.stdout)
        assert row["pairs_given"] == n and row["dropped"] == n // 10
        assert int(done.stderr) < 1024 * most_mb


def test_the_command_loads_no_heavy_library(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(text_of(pairs(40, 0.01)))
    script = (
        "import sys\nfrom selfproof.cli import main\ntry:\n    main(['gate', sys.argv[1], '--json'])\n"
        "finally:\n    print(*sorted(sys.modules), file=sys.stderr)"
    )
    words = [sys.executable, "-c", script, str(tmp_path / "p.csv")]
    loaded = set(subprocess.run(words, capture_output=True, text=True, check=True).stderr.split())
    assert not loaded & {"numpy", "rich", "cryptography", "msgspec", "sqlite3", "selfproof.life", "selfproof.ledger"}
