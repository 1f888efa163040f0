import numpy as np
import pytest

from engine.fitting.sampling import sample


def test_a_normal_model_has_its_exact_posterior_and_evidence() -> None:
    # y = 2 x + e, e ~ normal(0, 0.5), x standard normal, y = 1.5
    def residuals(draws: np.ndarray) -> np.ndarray:
        return (1.5 - 2 * draws[:, :1]) / 0.5

    found = sample(residuals, 1)
    precision = 1 + 4 / 0.25
    mean, sd = (2 * 1.5 / 0.25) / precision, precision**-0.5
    draws = found.resample(4000)[:, 0]
    assert draws.mean() == pytest.approx(mean, abs=0.02)
    assert draws.std() == pytest.approx(sd, rel=0.06)
    # mean likelihood without the constant: exp(-y^2 / (2 (sd^2 + 4))) * sd_noise / sqrt(sd_noise^2 + 4)
    exact = -(1.5**2) / (2 * 4.25) + np.log(0.5 / np.sqrt(4.25))
    assert found.log_evidence == pytest.approx(exact, abs=0.1)
    assert found.widths()[0] == pytest.approx(sd, rel=0.06)


def test_two_modes_are_both_found() -> None:
    def residuals(draws: np.ndarray) -> np.ndarray:
        return (np.abs(draws[:, :1]) - 1.0) / 0.2

    draws = sample(residuals, 1).resample(2000)[:, 0]
    assert 0.2 < (draws > 0).mean() < 0.8
    assert np.abs(draws).mean() == pytest.approx(1.0, abs=0.1)


def test_data_that_say_nothing_leave_the_prior() -> None:
    found = sample(lambda draws: np.zeros((len(draws), 1)), 5)
    assert found.widths() == pytest.approx(np.ones(5), abs=0.15)
    assert found.log_evidence == pytest.approx(0.0, abs=0.05)


def test_the_same_model_gives_the_same_draws() -> None:
    def residuals(draws: np.ndarray) -> np.ndarray:
        return draws[:, :2] - 1.0

    first, second = sample(residuals, 3), sample(residuals, 3)
    np.testing.assert_array_equal(first.draws, second.draws)
    np.testing.assert_array_equal(first.weights, second.weights)
