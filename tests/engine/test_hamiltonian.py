"""The sampler draws what it is given, and says when it did not."""

import numpy as np
import pytest

from engine import hamiltonian
from engine.law import Array

COVARIANCE = np.array([[4.0, 1.9, 0.0], [1.9, 1.0, 0.0], [0.0, 0.0, 0.01]])
MEAN = np.array([3.0, -1.0, 0.5])


def normal(position: Array) -> tuple[Array, Array]:
    off = position - MEAN
    slope = -off @ np.linalg.inv(COVARIANCE)
    return (off * slope).sum(axis=1) / 2, slope


def run(density: hamiltonian.Density, start: Array, *, warm_up: int = 300, steps: int = 500) -> hamiltonian.Chains:
    return hamiltonian.run(density, start, np.random.default_rng(1), warm_up=warm_up, steps=steps, leapfrogs=16)


def test_a_correlated_normal_comes_out_with_its_mean_and_covariance():
    chains = run(normal, np.zeros((8, 3)))
    draws = chains.draws.reshape(-1, 3)
    assert draws.mean(axis=0) == pytest.approx(MEAN, abs=0.15)
    assert np.cov(draws.T) == pytest.approx(COVARIANCE, abs=0.25)
    assert 0.6 < chains.acceptance < 0.95
    assert (hamiltonian.r_hat(chains.draws) < 1.02).all()
    assert (hamiltonian.effective_size(chains.draws) > 500).all()


def test_a_crooked_gradient_costs_acceptance_and_not_truth():
    def crooked(position: Array) -> tuple[Array, Array]:
        value, slope = normal(position)
        return value, 0.8 * slope

    draws = run(crooked, np.zeros((8, 3)), steps=1500).draws.reshape(-1, 3)
    assert draws.mean(axis=0) == pytest.approx(MEAN, abs=0.2)
    assert np.cov(draws.T) == pytest.approx(COVARIANCE, abs=0.4)


def test_positions_without_a_density_are_never_kept():
    def half(position: Array) -> tuple[Array, Array]:
        value, slope = normal(position)
        return np.where(position[:, 0] > 0, value, np.nan), slope

    draws = run(half, np.full((8, 3), 1.0)).draws
    assert (draws[..., 0] > 0).all()


def test_a_chain_that_starts_nowhere_is_refused():
    with pytest.raises(ValueError, match="starts where the density is zero"):
        run(lambda x: (np.full(len(x), -np.inf), x), np.zeros((2, 3)))


def test_chains_that_disagree_are_told():
    apart = np.random.default_rng(2).standard_normal((200, 4, 1)) + np.array([0.0, 0.0, 0.0, 3.0])[:, None]
    assert hamiltonian.r_hat(apart)[0] > 1.5
    assert hamiltonian.effective_size(apart)[0] < 20


def test_a_chain_that_drifts_is_told():
    drifting = np.linspace(0, 5, 400)[:, None, None] + np.random.default_rng(2).standard_normal((400, 4, 1))
    assert hamiltonian.r_hat(drifting)[0] > 1.2


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_the_effective_size_of_an_autoregression_is_the_textbook_s(memory: float):
    rng = np.random.default_rng(3)
    steps = np.zeros((4000, 8, 1))
    for i in range(1, len(steps)):
        steps[i] = memory * steps[i - 1] + rng.standard_normal((8, 1))
    expected = 4000 * 8 * (1 - memory) / (1 + memory)
    assert hamiltonian.effective_size(steps)[0] == pytest.approx(expected, rel=0.2)
