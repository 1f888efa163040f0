"""Before a pilot is paid: which grid is recommended, what the pilot is worth, and how to shrink it under a ceiling."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engine.case import Case
from engine.cli import main
from engine.domain import Situation, Strategy, TaskType
from engine.errors import InputError
from engine.next_pilot import DRAWS, LEAST_EFFECTIVE, MOST, effective
from engine.pilot_worth import pilot_worth
from engine.plan import check_plan
from engine.prepare import prepare
from engine.proposed_grid import proposed_grid

STRATEGIES = (Strategy.ANSWER_AUGMENTATION, Strategy.QUESTION_REPHRASE, Strategy.NEW_QUESTION)


@pytest.mark.parametrize(("seeds", "queries"), [(500, 20_000), (1000, 5000), (2000, 100_000), (10_000, 30_000)])
def test_the_recommended_grid_has_two_sizes_near_the_ratio_and_an_anchor(seeds: int, queries: int) -> None:
    situation = Situation(TaskType.MATH, seeds, queries)
    found = proposed_grid(situation, STRATEGIES, seeds)
    large, small = found.seed_sizes
    anchor, near = found.budgets
    assert near / large < situation.budget_ratio < near / small
    assert max(near / small, situation.budget_ratio**2 / (near / large)) < 1.6 * situation.budget_ratio
    assert anchor <= near / 4
    assert 2 * len(STRATEGIES) * near <= MOST * queries
    case = Case.of(situation, ()).thinned(DRAWS)
    least = LEAST_EFFECTIVE * effective(case, seeds, float(queries)).max()
    assert effective(case, small, float(near)).max() >= least
    assert f"{situation.budget_ratio:,.3g} a seed of your whole budget" in found.why


def test_few_seeds_leave_one_size_and_a_budget_that_is_too_small_says_so() -> None:
    found = proposed_grid(Situation(TaskType.MATH, 100, 3000), STRATEGIES, 100)
    assert (found.seed_sizes, found.budgets) == ((10,), (37, 300))
    tight = proposed_grid(Situation(TaskType.MATH, 20, 200), STRATEGIES, 20)
    assert "read the winner with care" in tight.why
    assert max(tight.budgets) * len(STRATEGIES) <= MOST * 200


def test_no_size_is_recommended_that_the_user_has_no_seeds_for() -> None:
    found = proposed_grid(Situation(TaskType.MATH, 2000, 100_000), STRATEGIES, 150)
    assert max(found.seed_sizes) <= 150


def test_the_worth_of_a_pilot_is_said_against_spending_everything_now() -> None:
    ready = prepare(check_plan({"target": {"queries": 20_000}}))
    found = pilot_worth(ready)
    assert found.first_points is not None
    assert "than spending 20,000 queries on what is published alone" in found.told
    fixed = pilot_worth(prepare(check_plan({"target": {"queries": 5000}, "grid": {"adaptive": False}})))
    assert fixed.gain_points is not None
    assert fixed.gain_points < 0, "4,800 queries of 5,000 leave nothing to spend on what was learned"
    assert "it costs more than it brings" in fixed.told
    assert pilot_worth(prepare(check_plan({}))).gain_points is None


def test_a_likely_tie_is_said_before_it_is_paid_for() -> None:
    ready = prepare(check_plan({}))
    blunt = pilot_worth(ready)
    assert blunt.too_close is not None
    assert blunt.too_close > 0.9
    assert "too close to call" in blunt.warning
    sharp = pilot_worth(replace(ready, estimate=replace(ready.estimate, detectable_points=0.1)))
    assert sharp.too_close is not None
    assert sharp.too_close < 0.5
    assert sharp.warning == ""


@pytest.mark.parametrize("ceiling", [100, 1000, 4000])
def test_a_ceiling_below_the_plan_comes_with_three_ways_that_fit(ceiling: int) -> None:
    plan = {"ceiling": {"queries": ceiling}, "grid": {"seed_sizes": [50, 100]}}
    with pytest.raises(InputError) as caught:
        prepare(check_plan(plan))
    (said,) = caught.value.problems
    ways = said.partition("for example ")[2].split("; ")
    assert [way[:4] for way in ways] == ["(1) ", "(2) ", "(3) "]
    for way in ways:
        settings, _, told = way[4:].rpartition(": ")
        assert told.endswith("queries, free"), "the sandbox costs nothing"
        shrunk = json.loads(json.dumps(plan))
        for setting in settings.split(" and "):
            name, value = setting.split(" = ")
            table, key = name.split(".")
            shrunk.setdefault(table, {})[key] = json.loads(value)
        needed = prepare(check_plan(shrunk)).estimate.queries
        assert needed <= ceiling
        assert told.startswith(f"{needed:,} queries")


def test_a_ceiling_in_dollars_is_kept_by_ways_with_their_upper_cost() -> None:
    teacher = {"kind": "openai_compatible", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    prices = {"usd_per_million_input": 1.0, "usd_per_million_output": 4.0}
    with pytest.raises(InputError) as caught:
        prepare(check_plan({"teacher": teacher | prices, "ceiling": {"usd": 0.5}}))
    (said,) = caught.value.problems
    assert said.startswith("ceiling.usd: the plan is expected to cost $")
    assert said.count("at most $0.") == 3, "no way costs more than the ceiling"


def test_a_ceiling_that_nothing_fits_under_says_that() -> None:
    with pytest.raises(InputError, match="no smaller grid of these strategies fits under it"):
        prepare(check_plan({"ceiling": {"queries": 10}}))


def test_the_command_line_says_the_worth_and_the_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("[target]\nqueries = 20000\n")
    with pytest.raises(SystemExit):
        main(["pilot", str(path), "--dry-run", "--json"])
    said = capsys.readouterr()
    assert json.loads(said.out)["worth"]["first_points"] is not None
    assert "worth: The first look" in said.err
    assert "too close to call" in said.err
    path.write_text("[ceiling]\nqueries = 1000\n")
    with pytest.raises(SystemExit):
        main(["pilot", str(path), "--dry-run"])
    assert "(3) grid." in capsys.readouterr().err
