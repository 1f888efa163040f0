"""Decisions on atlases whose truth is known: what each method chooses, loses and says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import _atlas_prior
from benchmarks._atlas import atlas_rows, decisions
from engine.advice import as_json, recommend
from engine.atlas.design import ANSWERS, NEW
from engine.domain import Situation, TaskType
from tests.engine.atlas.made_up import LAWFUL, atlas


def test_regret_is_what_was_lost_in_the_other_replicates_and_every_method_decides_the_same_cases() -> None:
    rows = {row["method"]: row for row in atlas_rows(decisions(LAWFUL))}
    assert set(rows) == {
        "always answers",
        "always new questions",
        "threshold 17",
        "advice with its own pilot",
        "advice with a pilot of an eighth",
        "last point of a pilot of an eighth",
        "pow3 on a pilot of an eighth",
        "the full budget measured once",
    }
    # 4 numbers of seeds, 2 full budgets, 3 replicates; rephrasings have one replicate at the larger budget
    assert {name: row["decisions"] for name, row in rows.items() if row["decisions"] != 24} == {
        "the full budget measured once": 12
    }
    truth = {
        arm: sum(c.accuracy for c in LAWFUL if (c.arm, c.seeds, c.budget) == (arm, 100, 3200) and plain(c)) / 3
        for arm in (ANSWERS, NEW)
    }
    assert truth[NEW] > truth[ANSWERS] + 0.05
    assert rows["always new questions"]["regret_points"]["mean"] < rows["always answers"]["regret_points"]["mean"]
    assert 0 <= rows["advice with a pilot of an eighth"]["coverage80"] <= 1
    assert rows["always answers"]["regret_points"]["interval90"] is None  # one world


def plain(cell: object) -> bool:
    return (cell.augmenter, cell.check, cell.student) == ("strong", "plain", "first")  # type: ignore[attr-defined]


def test_where_answers_are_best_everywhere_always_answers_loses_nothing_and_the_last_point_sees_it() -> None:
    better = {ANSWERS: 0.7, NEW: 0.4}
    cells = atlas("facts", lambda place: better.get(place.arm, 0.5))
    made = decisions([cell for cell in cells if cell.seeds == 100])
    regrets = {method: [one.regret for one in made if one.method == method] for method in {one.method for one in made}}
    assert max(regrets["always answers"]) == max(regrets["last point of a pilot of an eighth"]) == 0
    assert min(regrets["always new questions"]) > 20


def test_noise_of_the_truth_is_the_regret_of_who_measures_the_full_budget_and_needs_two_replicates() -> None:
    alike = atlas("facts", lambda place: 0.5)
    rows = {row["method"]: row for row in atlas_rows(decisions(alike))}
    assert 0 < rows["the full budget measured once"]["regret_points"]["mean"] < 3
    once = [cell for cell in alike if cell.replicate == 0]
    assert "the full budget measured once" not in {row["method"] for row in atlas_rows(decisions(once))}


def test_a_partial_atlas_gives_the_rows_that_it_can_and_an_empty_one_none() -> None:
    assert atlas_rows(decisions([])) == []
    alone = [cell for cell in LAWFUL if cell.arm == NEW]
    assert atlas_rows(decisions(alone)) == []
    some = [cell for cell in LAWFUL if cell.seeds == 300 and cell.replicate == 0]
    found = decisions([*some, *(replace(cell, world="facts") for cell in some)])
    assert {one.world for one in found} == {"maths", "facts"}
    with_pilots = [one for one in found if one.spent]
    assert all(one.spent in (300, 1200) for one in with_pilots)


@pytest.mark.parametrize("world", ["tickets"])
def test_a_world_without_other_answers_is_decided_between_what_it_has(world: str) -> None:
    cells = atlas(world, lambda place: 0.6 if place.arm == NEW else 0.4)
    made = decisions([cell for cell in cells if cell.seeds == 100 and cell.replicate == 0])
    assert {one.method for one in made} >= {"always answers", "advice with a pilot of an eighth"}
    assert all(one.regret == 0 for one in made if one.method == "always new questions")


def test_knowing_other_worlds_in_which_answers_win_moves_the_advice_to_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short chains: which way it moves is asked, not by how much."""
    monkeypatch.setattr(_atlas_prior, "WARM_UP", 60)
    monkeypatch.setattr(_atlas_prior, "STEPS", 80)
    better = {ANSWERS: 0.8, NEW: 0.4}
    elsewhere = [cell for world in ("facts", "open") for cell in atlas(world, lambda place: better.get(place.arm, 0.5))]
    draws, _ = _atlas_prior.learned([*LAWFUL, *elsewhere], "maths")
    situation = Situation(TaskType.MATH, 100, 3200, calls="paper")

    def chance_of_answers() -> float:
        said = as_json(recommend(situation))["strategies"]
        return next(one["p_best"] for one in said if one["strategy"] == ANSWERS)

    before = chance_of_answers()
    with _atlas_prior.deciding_with(draws):
        knowing = chance_of_answers()
    assert knowing > before + 0.2
    assert chance_of_answers() == before, "and forgets them again"
