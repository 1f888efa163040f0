import pytest

from engine.comparison import detectable_difference, wilson


def test_nothing_scored_gives_no_interval():
    assert wilson(0, 0) is None


def test_an_interval_stays_within_0_and_1_and_holds_its_share():
    for correct in (0, 1, 50, 99, 100):
        interval = wilson(correct, 100)
        assert interval is not None
        assert 0 <= interval.low80 <= interval.mean <= interval.high80 <= 1


def test_wilson_agrees_with_a_worked_value():
    # Wilson 95 % of 10 in 20: 0.299 to 0.701 (Newcombe 1998, method 3)
    interval = wilson(10, 20, z=1.959964)
    assert interval is not None
    assert interval.low80 == pytest.approx(0.2993, abs=1e-4)
    assert interval.high80 == pytest.approx(0.7007, abs=1e-4)


def test_more_items_detect_a_smaller_difference():
    assert detectable_difference(500) == pytest.approx(0.056, abs=1e-3)
    assert detectable_difference(1000) < detectable_difference(500)
