"""A search that stands still, judged by its own past; shares that few cases do not carry away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from selfproof.learn import plateau
from selfproof.learn.plateau import History, seen, widened
from selfproof.learn.shares import ENOUGH, Tally, posterior, shrunk, wilson

LEAST = 96
scores = st.lists(st.floats(0.1, 10.0), min_size=1, max_size=60)
counts = st.integers(0, 5000)
ALL = ["constant", "replace", "wrap", "blend", "pool", "unwrap", "insert", "crossover"]


def after(bests: list[float], step: int = 48) -> tuple[History, int]:
    history = History()
    for number, best in enumerate(bests):
        history = seen(history, number * step, best)
    return history, (len(bests) - 1) * step


@given(scores, counts, counts)
def test_the_longer_nothing_gets_better_the_surer_it_is(values: list[float], more: int, yet: int) -> None:
    history, tried = after(values)
    levels = [plateau.plateau(history, tried + n, LEAST) for n in (0, more, more + yet)]
    assert 0.0 <= levels[0] <= levels[1] <= levels[2] <= 1.0
    assert plateau.plateau(history, tried + 10**9, LEAST) == 1.0


@given(scores, st.floats(1e-3, 1e3))
def test_it_hangs_on_no_unit(values: list[float], unit: float) -> None:
    exact = [2.0 ** round(value) for value in values]  # so that a change of unit rounds nothing
    scale = 2.0 ** round(unit % 8)
    assert after(exact)[0].at == after([scale * value for value in exact])[0].at


@given(st.integers(1, 12))
def test_a_search_that_gets_better_as_usual_is_in_no_plateau(batches: int) -> None:
    steady = [5.0 * 0.9**number for number in range(20)]
    history, tried = after(steady, step=48 * batches)
    assert plateau.plateau(history, tried, LEAST) == 0.0
    assert plateau.plateau(history, tried + 2 * 48 * batches, LEAST) == 0.0, "twice the usual distance is no plateau"
    assert plateau.plateau(history, tried + 7 * max(LEAST, 48 * batches), LEAST) == 1.0


@given(scores)
def test_gains_too_slight_to_matter_are_none(values: list[float]) -> None:
    history, tried = after(values)
    assert history.best is not None
    assert seen(history, tried + 48, history.best * (1 - plateau.SLIGHT / 2)) == history
    assert seen(history, tried + 48, history.best * (1 - 3 * plateau.SLIGHT)).at[-1] == tried + 48


def test_scores_that_are_measured_anew_are_no_gain() -> None:
    history, tried = after([3.0, 2.0, 2.0])
    easier = plateau.rescored(history, 1.0)
    assert easier.at == history.at
    assert seen(easier, tried + 48, 1.0).at == history.at
    assert plateau.rescored(History(), 1.0) == History()


def test_in_a_plateau_one_view_in_two_asks_for_what_changes_the_form() -> None:
    assert widened(ALL, 0.0, 1) == ALL
    assert widened(ALL, 0.5, 0) == ALL
    assert set(widened(ALL, 0.5, 1)) == set(plateau.WIDE)
    assert widened(["constant"], 1.0, 1) == ["constant"], "the constants-only control stays what it is"
    assert widened(["constant", "crossover"], 1.0, 1) == ["constant", "crossover"], "a file without a focus function"


@given(st.integers(0, 500), st.integers(1, 500), st.floats(0.001, 1.0))
def test_a_shrunk_share_lies_between_the_share_and_what_is_usual(kept: int, tried: int, pooled: float) -> None:
    kept = min(kept, tried)
    low, high = sorted((kept / tried, pooled))
    assert low - 1e-12 <= posterior(kept, tried, pooled) <= high + 1e-12
    assert posterior(0, 0, pooled) == posterior(0.0, 0.0, pooled)
    assert abs(posterior(0, 0, pooled) - pooled) < 1e-12


@given(st.integers(0, 300), st.integers(1, 300))
def test_intervals_hold_their_share_and_narrow(kept: int, tried: int) -> None:
    kept = min(kept, tried)
    low, high = wilson(kept, tried)
    assert 0.0 <= low <= kept / tried <= high <= 1.0
    more = wilson(10 * kept, 10 * tried)
    assert more[1] - more[0] < high - low


def test_wilsons_interval_is_the_published_one() -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I: 81 of 263."""
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0) == (0.0, 1.0)


def test_one_hit_among_few_says_less_than_many_among_many() -> None:
    told = shrunk(
        {
            ("wrap", "Name"): Tally(1000, 100, 20),
            ("blend", "Name"): Tally(4, 2, 1),
            ("unwrap", "Call"): Tally(1000, 10, 0),
        }
    )
    shares = {name: row["certified"] for name, row in told["operators"].items()}
    assert shares["unwrap"] < shares["blend"] < shares["wrap"] < 0.02
    assert set(told["sites"]) == {"wrap Name", "unwrap Call"}, f"only where there were {ENOUGH:.0f}"
    assert shrunk({}) == {"operators": {}, "sites": {}}
