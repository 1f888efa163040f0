import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.fitting import calibration
from engine.fitting.calibration import CAP, TAILS, Calibration, Margins, growing, interval, learn, p_best, score

RNG = np.random.default_rng(2)
TASKS, DRAWS = 600, 300


def _too_sure(factor: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecasts whose spread is a `factor` of what they miss by."""
    truth = 0.5 + 0.1 * RNG.standard_normal((TASKS, 3))
    centre = truth + 0.05 * RNG.standard_normal((TASKS, 3))
    draws = centre[:, None] + factor * 0.05 * RNG.standard_normal((TASKS, DRAWS, 3))
    return draws, truth, np.array([f"set {i % 20}" for i in range(TASKS)])


@pytest.mark.parametrize("factor", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("level", list(TAILS))
def test_intervals_cover_what_they_say_on_tasks_that_were_not_learned_from(factor: float, level: int) -> None:
    draws, truth, sets = _too_sure(factor)
    first = np.arange(TASKS) < TASKS // 2
    margins = learn(score(draws[first], truth[first]), sets[first], 8.0)
    margin = margins.level80 if level == 80 else margins.level90
    low, high = interval(np.swapaxes(draws[~first], 0, 1), level, margin)
    covered = ((truth[~first] >= low) & (truth[~first] <= high)).mean()
    assert covered == pytest.approx(level / 100, abs=0.04)


def test_chances_that_were_too_sure_come_true_after_calibration() -> None:
    draws, truth, sets = _too_sure(0.3)
    first = np.arange(TASKS) < TASKS // 2
    margins = learn(score(draws[first], truth[first]), sets[first], 8.0)
    raw = np.array([p_best(d, None) for d in draws[~first]])
    said = np.array([p_best(d, margins) for d in draws[~first]])
    won = truth[~first].argmax(axis=1) == said.argmax(axis=1)
    assert raw.max(axis=1).mean() > won.mean() + 0.05
    assert said.max(axis=1).mean() == pytest.approx(won.mean(), abs=0.06)


@settings(max_examples=60, deadline=None)
@given(
    arrays(float, (50, 3), elements=st.floats(0, 1)),
    st.floats(-2, 2),
    st.floats(0, 4),
    st.floats(0, 4),
    st.booleans(),
    st.booleans(),
)
def test_chances_sum_to_one_and_the_leader_stays_the_leader(draws, offset, gain, loss, capped, surer) -> None:
    margins = Margins(8.0, 0, 0, 0, 0, offset, gain, loss, 1)
    raw, found = p_best(draws, None), p_best(draws, margins, capped=capped, surer=surer)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()
    assert found[raw.argmax()] == pytest.approx(found.max())
    if capped:
        assert found.max() <= CAP + 1e-9


def test_a_calibration_that_may_not_be_surer_only_takes_from_the_leader() -> None:
    draws = np.stack([np.linspace(0, 1, 100), np.linspace(0.3, 0.6, 100)], axis=1)
    surest = Margins(8.0, 0, 0, 0, 0, 3.0, 1.0, 1.0, 1)
    raw = p_best(draws, None).max()
    assert p_best(draws, surest).max() > raw
    assert p_best(draws, surest, surer=False).max() <= raw + 0.01


def test_a_negative_margin_never_turns_an_interval_over() -> None:
    low, high = interval(np.random.default_rng(0).standard_normal((400, 2)), 80, -10.0)
    assert (low <= high).all()


def test_margins_grow_with_the_distance_and_are_read_between() -> None:
    found = growing([Margins(8.0, 0.02, 0.02, 0.1, 0.1, 0, 1, 1, 5), Margins(2.0, 0.03, 0.01, 0.2, 0.1, 0, 1, 1, 9)])
    assert [m.stretch for m in found] == [2.0, 8.0]
    assert [m.level80 for m in found] == [0.03, 0.03]
    known = Calibration("here", "m", "s", (found[0], found[1]))
    assert known.at(4.0).level90 == pytest.approx(0.015)
    assert known.at(0.5).level90 == 0.01
    assert known.at(100.0).level90 == 0.02


def test_a_file_of_margins_comes_back_as_it_was(tmp_path) -> None:
    known = Calibration("here", "m", "curves x", (Margins(8.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 8),))
    calibration.write(tmp_path / "margins.json", [known])
    assert calibration.read(tmp_path / "margins.json") == {"m": known}
