import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.cli import main
from engine.errors import InputError
from engine.fitting.archive import Archive, PastCurve
from engine.fitting.fit import Fit, fit
from engine.fitting.groups import LogitScale
from engine.fitting.points_file import parse_points_file
from tests.engine.fitting.samples import HEADER, counts, saturating

SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([0, 20, 100, 500]), st.integers(0, 40)), min_size=1, max_size=9
)


def fitted(text: str, at: float = 3200, **options: object) -> Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return fit(parse_points_file(text).groups[0], at, **options)  # type: ignore[arg-type]


def as_text(rows: list[tuple[str, int, int]]) -> str:
    return HEADER + "".join(f"{s},{n},{correct},40\n" for s, n, correct in rows)


def test_a_known_curve_is_extended_to_where_it_goes() -> None:
    found = fitted(counts({"a": 0.8, "b": 0.6}))
    for reached, ceiling in zip(found.reached, (0.8, 0.6), strict=True):
        assert reached.mean == pytest.approx(saturating(3200, ceiling), abs=0.05)
        assert reached.interval90 is not None
        assert reached.interval90[0] < saturating(3200, ceiling) < reached.interval90[1]
    assert found.reached[0].p_best > 0.8
    assert found.crossing < 0.2


@SLOW
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows: list[tuple[str, int, int]], random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert fitted(as_text(rows)) == fitted(as_text(shuffled))


@SLOW
@given(ROWS, st.sampled_from([1.0, 60.0, 900.0, 12_000.0]))
def test_intervals_are_nested_within_bounds_and_chances_sum_to_one(rows: list[tuple[str, int, int]], at: float) -> None:
    found = fitted(as_text(rows), at, raw=True)
    assert sum(r.p_best for r in found.reached) == pytest.approx(1)
    for r in found.reached:
        assert r.mean is not None
        assert r.interval80 is not None
        assert r.interval90 is not None
        low80, high80 = r.interval80
        low90, high90 = r.interval90
        assert 0 <= low90 <= low80 <= r.mean <= high80 <= high90 <= 1


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(2, 38), min_size=2, max_size=5), st.sampled_from([1, 2, 8]), st.sampled_from([3, 10, 30]))
@example([20, 20, 20, 16], 1, 10)
@example([3, 2, 11], 2, 30)
@example([3, 7], 8, 30)
@example([2, 17], 2, 10)
def test_more_of_the_same_data_never_widens_an_interval(correct: list[int], stretch: int, times: int) -> None:
    """Rising or falling, near or far: the points may even contradict every curve."""

    def width(k: int) -> float:
        rows = "".join(f"a,{100 * 2**i},{right * k},{40 * k}\n" for i, right in enumerate(correct))
        (reached,) = fitted(HEADER + rows, stretch * 100 * 2 ** (len(correct) - 1)).reached
        assert reached.interval80 is not None
        return reached.interval80[1] - reached.interval80[0]

    # what 1,200 draws leave to chance: 7 % was the worst of 3,900 pairs
    assert width(times) <= 1.08 * width(1)


@pytest.mark.parametrize("correct", [0, 40])
def test_nothing_or_everything_right_is_a_value_like_any_other(correct: int) -> None:
    (reached,) = fitted(HEADER + f"a,100,{correct},40\na,400,{correct},40\n", 800).reached
    assert reached.mean is not None
    assert 0 < reached.mean < 1
    assert abs(reached.mean - correct / 40) < 0.15


def test_no_interval_goes_below_what_guessing_gets_right() -> None:
    rows = HEADER + "".join(f"a,{n},100,400\n" for n in (50, 100, 200))
    (reached,) = fit(parse_points_file(rows, floor=0.25).groups[0], 1600).reached
    assert reached.interval90 is not None
    assert reached.interval90[0] >= 0.25


def test_one_point_is_answered_with_what_is_assumed() -> None:
    found = fitted(HEADER + "a,100,20,40\n", 200)
    assert found.reached[0].p_best == 1
    assert "a: steepness" in found.assumed
    assert found.reached[0].interval80 is not None


def test_far_away_values_are_refused_with_the_reason_and_chances_capped() -> None:
    text = counts({"a": 0.9, "b": 0.4})
    capped = fitted(text, 9 * 800)
    assert max(r.p_best for r in capped.reached) <= 0.95 + 1e-9
    far = fitted(text, 33 * 800)
    assert all(r.mean is None and "33 times the largest point" in r.reason for r in far.reached)
    raw = fitted(text, 33 * 800, raw=True)
    assert all(r.mean is not None for r in raw.reached)


def test_a_strategy_measured_at_nothing_only_is_refused_a_value() -> None:
    reached = fitted(HEADER + "a,0,10,40\nb,100,20,40\n", 200).reached
    assert reached[0].mean is None
    assert "from 0 examples alone" in reached[0].reason
    assert reached[1].mean is not None


@pytest.mark.parametrize("at", [0.0, -5.0, float("nan"), float("inf")])
def test_a_budget_that_cannot_be_is_refused(at: float) -> None:
    with pytest.raises(InputError, match="expected a number above 0"):
        fitted(counts({"a": 0.8}), at)


def test_a_loss_that_falls_as_the_rectified_law_is_extended_along_it() -> None:
    def loss(n: float) -> float:
        return 60 / (20 + n**0.6) + 1.2

    rows = "".join(f"a,{n},{loss(n)},lower\nb,{n},{loss(n) + 0.3},lower\n" for n in (100, 200, 400, 800, 1600))
    found = fitted("strategy,n,value,direction\n" + rows, 12_800)
    assert found.reached[0].mean == pytest.approx(loss(12_800), rel=0.1)
    assert found.reached[0].interval90 is not None
    assert found.reached[0].interval90[0] < loss(12_800) < found.reached[0].interval90[1]
    assert found.reached[0].p_best > 0.8
    assert found.domain == "fine-tuning losses (FLAN, 30 models)"


def test_a_strategy_goes_on_as_it_went_on_elsewhere() -> None:
    n = np.array([25.0, 50, 100, 200, 400, 800, 1600, 3200, 6400])
    scale = LogitScale()
    jump = np.where(n < 1000, 0.3, 0.8)  # flat at first, then far up: no saturating curve would
    past = Archive(tuple(PastCurve(f"task {i}", "a", n, scale.to_working(jump)) for i in range(3)))
    flat = HEADER + "".join(f"a,{k},600,2000\nb,{k},600,2000\n" for k in (100, 200, 400))
    a, b = fitted(flat, 3200, archive=past).reached
    assert a.mean is not None
    assert b.mean is not None
    assert a.mean > 0.7
    assert b.mean < 0.5, "a strategy without a past is a saturating curve"
    forgotten = past.without("task 0").without("task 1").without("task 2")
    assert fitted(flat, 3200, archive=forgotten).reached[0].mean == pytest.approx(b.mean, abs=0.05)


def test_the_command_prints_one_object_with_the_designs_keys(tmp_path: Path, capsys) -> None:
    (tmp_path / "points.csv").write_text(counts({"a": 0.8, "b": 0.6}))
    with pytest.raises(SystemExit) as ended:
        main(["fit", str(tmp_path / "points.csv"), "--at", "3200", "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["at"] == 3200
    (group,) = told["groups"]
    assert set(group["crossing"]) == {"probability"}
    assert set(group["strategies"][0]) == {"strategy", "mean", "low80", "high80", "low90", "high90", "p_best"}
    with pytest.raises(SystemExit):
        main(["fit", str(tmp_path / "points.csv"), "--at", "3200"])
    assert "calibrated on tabular learning curves" in capsys.readouterr().out


def test_the_command_ends_with_2_and_every_problem(tmp_path: Path, capsys) -> None:
    (tmp_path / "bad.csv").write_text(HEADER + "a,10,30,20\n,5,1,10\n")
    with pytest.raises(SystemExit) as ended:
        main(["fit", str(tmp_path / "bad.csv"), "--at", "3200", "--json"])
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 2
