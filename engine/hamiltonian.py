"""Hamiltonian Monte Carlo over parallel chains, and how far the chains agree. Pure numpy.

    leapfrog    a trajectory that follows the gradient, taken or left by Metropolis' rule (Neal 2011, arXiv 1206.1901)
    warm-up     step size by dual averaging (Hoffman and Gelman 2014, section 3.2); scales from all chains together
    R-hat, ESS  split chains (Gelman et al., Bayesian Data Analysis, 3rd edition, sections 11.4 and 11.5)

The gradient may be approximate where the density has corners: trajectories stay reversible, and the
density itself decides what is kept, so the draws are right and only the acceptance suffers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from engine.law import Array

Density = Callable[[Array], tuple[Array, Array]]
"""(C, D) positions -> log density (C,) and its gradient (C, D); a position without a density gives NaN or -inf."""

TARGET_ACCEPTANCE = 0.8


class Chains(NamedTuple):
    """What a run leaves."""

    draws: Array
    """(N, C, D): iterations, chains, parameters."""
    acceptance: float
    """Mean probability with which a trajectory was taken after warm-up."""
    step: float
    """Step size that the warm-up settled on, in units of each parameter's spread."""


def run(
    density: Density, start: Array, rng: np.random.Generator, *, warm_up: int, steps: int, leapfrogs: int
) -> Chains:
    """Draws from `density`, every chain from its own row of `start` (C, D).

    Each iteration follows a trajectory of 1 to `leapfrogs` steps. Warm-up estimates every parameter's
    spread at a fifth, two fifths, ... of its length, from what all chains did since the last time.
    """
    position = start.copy()
    value, slope = density(position)
    if not np.isfinite(value).all():
        raise ValueError("a chain starts where the density is zero or not a number")
    shape = np.eye(position.shape[1])
    adapt = _StepSize(0.1)
    kept, seen, accepted = [], [], []
    renew = {warm_up * part // 5 for part in (1, 2, 3, 4)}
    for iteration in range(warm_up + steps):
        warming = iteration < warm_up
        step = (adapt.step if warming else adapt.average) * rng.uniform(0.8, 1.2)
        momentum = rng.standard_normal(position.shape)
        energy = value - (momentum**2).sum(axis=1) / 2
        new, new_value, new_slope = position, value, slope
        with np.errstate(all="ignore"):  # a trajectory that flies off ends in NaN and is left
            for _ in range(int(rng.integers(1, leapfrogs + 1))):
                momentum = momentum + step / 2 * new_slope @ shape
                new = new + step * momentum @ shape.T
                new_value, new_slope = density(new)
                momentum = momentum + step / 2 * new_slope @ shape
            chance = np.exp(np.minimum(new_value - (momentum**2).sum(axis=1) / 2 - energy, 0.0))
        chance = np.where(np.isfinite(chance) & np.isfinite(new_slope).all(axis=1), chance, 0.0)
        take = rng.random(len(position)) < chance
        position = np.where(take[:, None], new, position)
        slope = np.where(take[:, None], new_slope, slope)
        value = np.where(take, new_value, value)
        if warming:
            adapt.learn(float(chance.mean()))
            seen.append(position)
            if iteration + 1 in renew:
                shape = _shape(np.concatenate(seen[len(seen) // 3 :]))
                seen, adapt = [], _StepSize(adapt.average)
        else:
            kept.append(position)
            accepted.append(float(chance.mean()))
    return Chains(np.array(kept), float(np.mean(accepted)), adapt.average)


def _shape(seen: Array) -> Array:
    """Cholesky factor of the covariance of (N, D) positions, drawn towards its diagonal where they are few."""
    count, size = seen.shape
    covariance = np.cov(seen.T)
    trust = count / (count + 5 * size)
    return np.linalg.cholesky(trust * covariance + (1 - trust) * np.diag(np.diag(covariance)) + 1e-10 * np.eye(size))


class _StepSize:
    """Dual averaging of the log step size towards `TARGET_ACCEPTANCE`."""

    def __init__(self, start: float) -> None:
        self.centre = np.log(3 * start)
        self.step = self.average = start
        self.count, self.error = 0, 0.0

    def learn(self, acceptance: float) -> None:
        self.count += 1
        weight = 1 / (self.count + 10)
        self.error = (1 - weight) * self.error + weight * (TARGET_ACCEPTANCE - acceptance)
        log_step = self.centre - np.sqrt(self.count) / 0.05 * self.error
        share = self.count**-0.75
        self.step = float(np.exp(log_step))
        self.average = float(np.exp(share * log_step + (1 - share) * np.log(self.average)))


def r_hat(draws: Array) -> Array:
    """Potential scale reduction of every parameter over split chains; 1 is mixed. (N, C, D) -> (D,)."""
    halves = _split(draws)
    within = halves.var(axis=0, ddof=1).mean(axis=0)
    between = halves.mean(axis=0).var(axis=0, ddof=1)
    return np.asarray(np.sqrt((len(halves) - 1) / len(halves) + between / within))


def effective_size(draws: Array) -> Array:
    """Independent draws that would say as much on each parameter's mean. (N, C, D) -> (D,)."""
    halves = _split(draws)
    length, chains, _ = halves.shape
    centred = halves - halves.mean(axis=0)
    spectrum = np.fft.rfft(centred, 2 * length, axis=0)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), axis=0)[:length] / length
    within = covariance[0].mean(axis=0) * length / (length - 1)
    total = within * (length - 1) / length + halves.mean(axis=0).var(axis=0, ddof=1)
    correlation = 1 - (within - covariance.mean(axis=1)) / total
    pairs = correlation[: length // 2 * 2].reshape(length // 2, 2, -1).sum(axis=1)  # Geyer's: positive, falling
    pairs = np.minimum.accumulate(pairs, axis=0)
    pairs = np.where(np.cumprod(pairs > 0, axis=0) > 0, pairs, 0.0)
    return np.asarray(length * chains / np.maximum(2 * pairs.sum(axis=0) - 1, 1 / np.log10(length * chains)))


def _split(draws: Array) -> Array:
    half = len(draws) // 2
    return np.concatenate([draws[:half], draws[half : 2 * half]], axis=1)
