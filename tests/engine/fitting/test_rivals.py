import numpy as np
import pytest
from scipy.optimize import least_squares

from engine.fitting.groups import Group, LogitScale, LogScale, Method, Series
from engine.fitting.pooling import PooledCurves, QualityReach
from engine.fitting.rivals import FLOOR_SD, BayesianMixture, GaussianProcess, LastPoint, LeastSquares, LogLinear
from engine.fitting.saturating import SaturatingCurves
from tests.engine.fitting.samples import saturating

SCALE = LogitScale()
N = np.array([64.0, 128.0, 256.0, 512.0])
AT = np.array([512.0, 4096.0])
METHODS: list[Method] = [
    LastPoint(),
    LeastSquares("pow3"),
    LeastSquares("pow4"),
    LeastSquares("mmf4"),
    LogLinear(),
    GaussianProcess(),
    BayesianMixture(),
    SaturatingCurves(),
    PooledCurves(),
    QualityReach(),
]


def group(*ceilings: float) -> Group:
    series = []
    for place, ceiling in enumerate(ceilings):
        right = np.array([saturating(n, ceiling) for n in N])
        variance = right * (1 - right) / 4000 * SCALE.slope(right) ** 2
        series.append(Series(f"s{place}", N, SCALE.to_working(right), variance))
    return Group("", tuple(series), SCALE)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_every_method_forecasts_all_strategies_at_all_budgets_and_repeats_itself(method: Method) -> None:
    found = method.forecast(group(0.8, 0.6, 0.5), AT).draws
    assert found.shape[1:] == (3, 2)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, method.forecast(group(0.8, 0.6, 0.5), AT).draws)
    near, far = SCALE.to_natural(found).mean(axis=0).T
    for place, ceiling in enumerate((0.8, 0.6, 0.5)):
        assert near[place] == pytest.approx(saturating(512, ceiling), abs=0.05)
        assert far[place] == pytest.approx(saturating(4096, ceiling), abs=0.25)


def test_pow3_is_the_least_squares_optimum() -> None:
    rng = np.random.default_rng(3)
    for _ in range(5):
        right = np.clip(
            np.array([saturating(n, rng.uniform(0.5, 0.9), 0.1) for n in N]) + 0.01 * rng.standard_normal(4), 0, 1
        )
        variance = np.full(4, 0.01**2) * SCALE.slope(right) ** 2
        series = Series("a", N, SCALE.to_working(right), variance)
        ours = SCALE.to_natural(LeastSquares("pow3").forecast(Group("", (series,), SCALE), N).draws)[0, 0]
        weight = 1 / np.sqrt(0.01**2 + FLOOR_SD**2)

        def residuals(v: np.ndarray, right: np.ndarray = right, weight: float = weight) -> np.ndarray:
            return (v[0] - v[1] * N ** -v[2] - right) * weight

        best = min(
            (
                least_squares(residuals, start, bounds=([0, 0, 0.01], [1, np.inf, 5]))
                for start in ([0.9, 1.0, 0.5], [0.6, 1.0, 0.2], [0.6, 20.0, 1.0])
            ),
            key=lambda fit: fit.cost,
        )
        cost = 0.5 * (((ours - right) * weight) ** 2).sum()
        assert cost <= best.cost * 1.02 + 1e-9


def test_the_last_point_stays_and_a_line_never_falls() -> None:
    falling = Series("a", N, SCALE.to_working(np.array([0.6, 0.5, 0.45, 0.4])), np.full(4, 0.01))
    one = Group("", (falling,), SCALE)
    assert SCALE.to_natural(LastPoint().forecast(one, AT).draws).ravel() == pytest.approx([0.4, 0.4])
    line = LogLinear().forecast(one, AT).draws.ravel()
    assert line[0] == line[1]


def test_losses_fall_towards_what_is_left() -> None:
    loss = np.log(60 / (20 + N**0.6) + 1.2)
    one = Group("", (Series("a", N, loss, np.zeros(4)),), LogScale())
    for method in (SaturatingCurves(), LeastSquares("pow3"), LogLinear()):
        near, far = np.exp(np.median(method.forecast(one, AT).draws[:, 0], axis=0))
        assert far < near
        assert near == pytest.approx(np.exp(loss[-1]), rel=0.05)
