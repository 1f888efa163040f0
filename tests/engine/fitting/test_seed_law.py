"""Points of several seed counts: what another count would reach."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.cli import main
from engine.errors import InputError
from engine.fitting.fit import fit
from engine.fitting.points_file import parse_points_file
from engine.fitting.seed_law import SeedLaw

HEADER = "strategy,seeds,n,correct,total\n"
REACH = {"answers": 4.0, "questions": 60.0}
QUALITY = {"answers": 1.0, "questions": 0.5}


def truth(strategy: str, seeds: float, n: float, exponent: float = 0.0) -> float:
    """The law, written out once more."""
    room = REACH[strategy] * (seeds / 1000) ** exponent * seeds
    useful = QUALITY[strategy] * room * (1 - math.exp(-n / room))
    return 0.1 + 0.75 * (1 - 1 / (1 + ((seeds + useful) / 2000) ** 0.9))


def points(seeds: tuple[int, ...], exponent: float = 0.0, items: int = 4000) -> str:
    rows = [
        f"{strategy},{s},{ratio * s},{round(items * truth(strategy, s, ratio * s, exponent))},{items}"
        for strategy in REACH
        for s in seeds
        for ratio in (0, 2, 8, 32)
    ]
    return HEADER + "\n".join(rows) + "\n"


def test_a_larger_seed_set_is_forecast_from_smaller_ones() -> None:
    (group,) = parse_points_file(points((50, 200))).groups
    found = fit(group, 400 * 16, seeds=400)
    for reached in found.reached:
        expected = truth(reached.strategy, 400, 400 * 16)
        assert reached.interval90 is not None
        assert reached.interval90[0] < expected < reached.interval90[1]
        assert reached.mean == pytest.approx(expected, abs=0.05)
    assert found.reached[1].strategy == "questions"
    assert found.reached[1].p_best > 0.9
    assert found.domain is None, "margins were learned on curves without seeds"


def test_only_the_law_that_depends_on_seeds_follows_a_reach_that_does() -> None:
    (group,) = parse_points_file(points((30, 300), exponent=-0.6, items=40_000)).groups
    error = {}
    for moves in (True, False):
        method = SeedLaw(depends_on_seeds=moves)
        draws = method.forecast(replace(group, at_seeds=1000), np.array([4000.0])).draws
        mean = group.scale.to_natural(draws[:, :, 0]).mean(axis=0)
        expected = [truth(s, 1000, 4000, exponent=-0.6) for s in group.strategies]
        error[moves] = float(np.abs(mean - expected).max())
    assert error[True] < error[False]


def test_the_largest_seed_set_is_looked_at_where_none_is_named() -> None:
    (group,) = parse_points_file(points((50, 200))).groups
    assert fit(group, 1600) == fit(group, 1600, seeds=200)


def test_a_seed_count_without_seeds_in_the_points_is_refused() -> None:
    (group,) = parse_points_file("strategy,n,correct,total\na,10,5,10\n").groups
    with pytest.raises(InputError, match="expected a column seeds"):
        fit(group, 100, seeds=50)


def test_far_more_seeds_than_were_measured_are_refused_a_value() -> None:
    (group,) = parse_points_file(points((50, 100))).groups
    assert all("beyond 32 times" in r.reason for r in fit(group, 100, seeds=5000).reached)


def test_a_row_without_its_seeds_is_named() -> None:
    with pytest.raises(InputError) as refused:
        parse_points_file(HEADER + "a,,10,5,10\na,0,20,5,10\n")
    assert [p.split(":")[0] for p in refused.value.problems] == ["points line 2", "points line 3"]


def test_the_command_says_for_how_many_seeds(tmp_path: Path, capsys) -> None:
    (tmp_path / "points.csv").write_text(points((50, 200)))
    with pytest.raises(SystemExit):
        main(["fit", str(tmp_path / "points.csv"), "--at", "3200", "--seeds", "400", "--json"])
    (group,) = json.loads(capsys.readouterr().out)["groups"]
    assert group["seeds"] == 400
    with pytest.raises(SystemExit):
        main(["fit", str(tmp_path / "points.csv"), "--at", "3200", "--seeds", "400"])
    assert "examples beside 400 seeds" in capsys.readouterr().out
