import pytest

from engine.comparison import detectable_difference, duel, holm, wilson


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


def test_more_runs_take_noise_of_seeds_away_and_items_alone_do_not():
    alone = detectable_difference(500)
    with_seeds = detectable_difference(500, seed_sd=0.02)
    assert with_seeds > detectable_difference(500, seed_sd=0.02, runs=3) > alone
    assert detectable_difference(10**9, seed_sd=0.02) == pytest.approx(2.8 * 0.02 * 2**0.5, rel=1e-3)


def test_mcnemar_agrees_with_a_worked_value():
    # 15 and 5 items on which the two differ: 2 * P(Binomial(20, 1/2) <= 5) = 0.0414
    found = duel([1.0] * 15 + [0.0] * 5 + [1.0] * 40, [0.0] * 15 + [1.0] * 5 + [1.0] * 40)
    assert (found.won, found.lost, found.items) == (15, 5, 60)
    assert found.p == pytest.approx(0.04139, abs=1e-5)
    assert found.difference == pytest.approx(10 / 60)


def test_items_that_were_not_scored_take_no_part_and_equal_adapters_are_no_surprise():
    found = duel([1, None, 0, 1], [1, 0, None, 1])
    assert (found.items, found.p) == (2, 1.0)
    assert duel([None], [1]).difference is None
    with pytest.raises(ValueError, match="zip"):
        duel([1, 0], [1])


def test_holm_agrees_with_a_worked_value():
    # Holm 1979: 0.01, 0.04, 0.03 of three comparisons become 0.03, 0.06, 0.06
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([]) == ()
    assert holm([0.9, 0.8]) == (1.0, 1.0)
