"""Decisions on atlases whose truth is known: what each method chooses, loses and says."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from benchmarks import _atlas_prior
from benchmarks._atlas import ALWAYS_NEW, EIGHTH, ELSEWHERE, OWN, PILOTS, POW3, WHOLE, decisions
from benchmarks._atlas_cases import Decision, bought, charged, replicate_noise, widened
from benchmarks._atlas_methods import advised, advised_bounds
from benchmarks._atlas_rows import atlas_rows
from benchmarks.decisions import main
from engine.advice import as_json, next_pilot, recommend
from engine.atlas.design import ANSWERS, NEW, REPHRASE, Place, planned
from engine.atlas.prior import before_any_study, knowing_others, parameters
from engine.atlas.table import AtlasCell, packed, write
from engine.domain import Situation, TaskType
from engine.prior_model import CURVE_SPREAD, TAU_SCALE
from engine.prior_worlds import SPREAD_DF, one_more
from tests.engine.atlas.made_up import LAWFUL, atlas, cell


@pytest.fixture(scope="module")
def lawful() -> list[Decision]:
    return decisions(LAWFUL)


def test_regret_is_what_was_lost_in_the_other_replicates_and_every_method_decides_the_same_cases(
    lawful: list[Decision],
) -> None:
    rows = {row["method"]: row for row in atlas_rows(lawful)}
    assert list(PILOTS) == ["an eighth", "a quarter", "a half"]
    on_pilots = {
        f"{method} a pilot of {size}"
        for size in PILOTS
        for method in (
            "advice with",
            "last point of",
            "pow3 on",
            "saturating curve on",
            "quality x reach on",
            "partial pooling on",
            "Gaussian process on",
        )
    }
    assert set(rows) == on_pilots | {
        "always answers",
        "always new questions",
        "threshold 17",
        "advice with its own pilot",
        "advice without a pilot",
        "the full budget measured once",
    }
    # 4 numbers of seeds, 2 full budgets, 3 replicates
    assert {row["decisions"] for row in rows.values()} == {24}
    truth = {
        arm: sum(c.accuracy for c in LAWFUL if (c.arm, c.seeds, c.budget) == (arm, 100, 3200) and plain(c)) / 3
        for arm in (ANSWERS, NEW)
    }
    assert truth[NEW] > truth[ANSWERS] + 0.05
    assert rows["always new questions"]["regret_points"]["mean"] < rows["always answers"]["regret_points"]["mean"]
    assert rows["always answers"]["regret_points"]["interval90"] is None  # one world


def plain(cell: object) -> bool:
    return (cell.augmenter, cell.check, cell.student) == ("strong", "plain", "first")  # type: ignore[attr-defined]


def test_where_answers_are_best_everywhere_always_answers_loses_nothing_and_who_sees_the_pilot_knows() -> None:
    better = {ANSWERS: 0.7, NEW: 0.4}
    cells = atlas("facts", lambda place: better.get(place.arm, 0.5))
    made = decisions([cell for cell in cells if cell.seeds == 100])
    regrets = {method: [one.regret for one in made if one.method == method] for method in {one.method for one in made}}
    saw_it = [method for method in regrets if method.endswith(" on a pilot of an eighth")]
    assert len(saw_it) == 5  # four engines and pow3
    for method in ("always answers", "last point of a pilot of an eighth", *saw_it):
        assert max(regrets[method]) == 0, method
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
    # of three strategies each: an eighth, a quarter and a half of 800 and of 3,200
    assert {one.spent for one in with_pilots if one.method != OWN} == {300, 600, 1200, 2400, 4800}


def test_a_pilot_is_charged_what_was_delivered_and_each_pool_once() -> None:
    known = {cell.place: cell for cell in LAWFUL}
    case = Place("maths", "", 100, 3200, 0)
    # nearest to 50, 260 and 350 examples are 100, 200 and 400; the smaller ones are cut from the largest
    pilot = bought(known, case, [(NEW, 100, 50), (NEW, 100, 260), (NEW, 100, 350), (ANSWERS, 100, 90)])
    assert pilot is not None
    assert [one.cell.budget for one in pilot] == [100, 200, 400, 100]
    assert charged(pilot) == 400 + 100
    # 33 seeds become 30, a pool of its own, and the budget keeps its ratio
    other = bought(known, case, [(NEW, 100, 400), (NEW, 33, 400)])
    assert other is not None
    assert {(one.cell.seeds, one.cell.budget) for one in other} == {(100, 400), (30, 400)}
    assert charged(other) == 800
    assert bought({}, case, []) == []
    assert charged([]) == 0


def test_the_share_of_decisions_without_a_pilot_is_how_often_the_advice_would_buy_none(
    lawful: list[Decision],
) -> None:
    rows = {row["method"]: row for row in atlas_rows(lawful)}
    places = [(seeds, full) for seeds in (30, 100, 300, 1000) for full in (800, 3200)]
    none = [not next_pilot(Situation(TaskType.MATH, *place, calls="paper")).cells for place in places]
    assert 0 < sum(none) < len(none)
    assert rows[OWN]["without_pilot"] == pytest.approx(sum(none) / len(none), abs=0.001)
    assert rows[EIGHTH]["without_pilot"] == 0
    assert rows[ALWAYS_NEW]["without_pilot"] == 1
    assert all(one.spent % 100 == 0 for one in lawful)  # measured budgets, whatever was proposed


def test_who_follows_the_other_worlds_takes_what_lost_least_there_and_never_looks_at_its_own() -> None:
    def where(world: str, best: str, gap: float) -> list[AtlasCell]:
        made = atlas(world, lambda place: 0.5 + gap if place.arm == best else 0.5)
        return [cell for cell in made if cell.seeds == 100 and cell.replicate == 0]

    cells = [*where("maths", NEW, 0.1), *where("sql", ANSWERS, 0.3), *where("facts", NEW, 0.1)]
    followed = {"maths": "always answers", "sql": ALWAYS_NEW, "facts": "always answers"}
    # answers win by far in sql, new questions by less in the two others: sql follows them, and they follow sql
    for world, method in followed.items():
        regrets = {one.method: one.regret for one in decisions(cells, [world]) if one.full == 3200}
        assert regrets[ELSEWHERE] == regrets[method] > 5
    assert ELSEWHERE not in {one.method for one in decisions(where("maths", NEW, 0.1))}


def decided(method: str, seeds: int, world: str, regret: float, said: float | None = None) -> Decision:
    return Decision(method, world, seeds, 800, 0, regret, 0, {80: 0.5, 90: 1.0} if said else None, said)


def test_methods_are_compared_on_the_cases_that_all_of_them_have_and_the_yardstick_narrows_none() -> None:
    made = [
        *(decided(ALWAYS_NEW, seeds, world, 1.0) for seeds in (30, 100, 300) for world in ("maths", "sql")),
        *(decided(POW3, seeds, world, seeds / 100) for seeds in (100, 300) for world in ("maths", "sql")),
        decided(EIGHTH, 100, "maths", 4.0, 0.5),
        decided(EIGHTH, 300, "maths", 4.0, 0.5),
        decided(EIGHTH, 100, "sql", 0.0, 0.5),
        decided(EIGHTH, 1000, "sql", 50.0, 0.5),
        decided(WHOLE, 100, "sql", 0.5),
    ]
    rows = {row["method"]: row for row in atlas_rows(made)}
    assert {name: row["common"]["decisions"] for name, row in rows.items()} == {
        ALWAYS_NEW: 3,
        POW3: 3,
        EIGHTH: 3,
        WHOLE: 1,
    }
    there = rows[EIGHTH]["common"]
    assert there["regret_points"]["mean"] == pytest.approx(8 / 3, abs=0.001)
    assert there["regret_less"][ALWAYS_NEW]["mean"] == pytest.approx((3 + 3 - 1) / 3, abs=0.001)
    # both sql and maths may be drawn alone: -1 and 3
    assert there["regret_less"][ALWAYS_NEW]["interval90"] == [-1, 3]
    assert there["regret_less"][POW3]["mean"] == pytest.approx((3 + 1 - 1) / 3, abs=0.001)
    assert set(rows[POW3]["common"]["regret_less"]) == {ALWAYS_NEW, WHOLE}
    beside_the_yardstick = there["regret_less"][WHOLE]
    assert (beside_the_yardstick["mean"], beside_the_yardstick["decisions"]) == (-0.5, 1)
    assert rows[EIGHTH]["regret_points"]["mean"] == pytest.approx(58 / 4)


def test_p_best_is_judged_in_thirds_and_by_its_brier_score() -> None:
    said = (0.3, 0.4, 0.5, 0.6, 0.9, 1.0)
    made = [
        decided(EIGHTH, at, "maths" if at % 2 else "sql", regret=0.0 if share > 0.5 else 2.0, said=share)
        for at, share in enumerate(said)
    ]
    silent = replace(made[0], seeds=1000, covered=None)  # far beyond its pilot no value is given
    (row,) = atlas_rows([*made, silent])
    assert (row["decisions"], row["coverage90"]["decisions"]) == (7, 6)
    (row,) = atlas_rows(made)
    found = row["p_best"]
    assert [(one["decisions"], one["said"], one["came_true"]) for one in found["bins"]] == [
        (2, 0.35, 0.0),
        (2, 0.55, 0.5),
        (2, 0.95, 1.0),
    ]
    assert found["brier"]["mean"] == pytest.approx((0.09 + 0.16 + 0.25 + 0.16 + 0.01 + 0) / 6, abs=0.001)
    assert found["gap_points"]["mean"] == pytest.approx(100 * (3 - sum(said)) / 6, abs=0.1)
    assert (row["coverage80"]["mean"], row["coverage90"]["mean"]) == (0.5, 1.0)


def test_the_noise_of_replicates_is_read_from_single_strategies_by_world_and_seeds() -> None:
    right = {0: 250, 1: 270, 2: 260}
    cells = [
        cell(place, packed([n < (right[place.replicate] if place.seeds == 100 else 250) for n in range(500)]), 500)
        for place in planned(("sql",))
        if place.seeds
    ]
    noise = replicate_noise(cells)
    assert set(noise) == {("sql", seeds) for seeds in (30, 100, 300, 1000)}
    assert noise["sql", 100] == pytest.approx(0.02, rel=0.1)
    assert noise["sql", 300] == 0
    assert replicate_noise([one for one in cells if one.replicate == 0]) == {}


@pytest.mark.parametrize("level", [80, 90])
def test_an_interval_that_is_widened_by_the_truths_noise_holds_it_as_often_as_it_says(level: int) -> None:
    rng = np.random.default_rng(0)
    mean, sd, noise = 0.5, 0.02, 0.03
    truths = rng.normal(mean, sd, 20_000) + rng.normal(0, noise, 20_000)
    half = sd * NormalDist().inv_cdf(0.5 + level / 200)
    low, high = widened(mean - half, mean + half, level, noise)
    assert np.mean((truths >= low) & (truths <= high)) == pytest.approx(level / 100, abs=0.01)
    assert np.mean(abs(truths - mean) <= half) < level / 100 - 0.2, "as it stands it holds it less often"
    assert widened(0.4, 0.5, level, 0.0) == pytest.approx((0.4, 0.5))


def test_the_advices_intervals_of_90_hold_those_of_80_that_it_prints() -> None:
    situation = Situation(TaskType.MATH, 100, 3200, calls="paper")
    pilot = bought({cell.place: cell for cell in LAWFUL}, Place("maths", "", 100, 3200, 0), [(NEW, 100, 400)])
    assert pilot is not None
    for told in ([], pilot):
        printed = {one["strategy"]: one["accuracy"] for one in as_json(recommend(situation, told))["strategies"]}
        at80, at90 = (advised_bounds(situation, told, level) for level in (80, 90))
        for name, (low, high) in at80.items():
            assert (low, high) == pytest.approx((printed[name]["low80"], printed[name]["high80"]), abs=1e-4)
            assert at90[name][0] < low < high < at90[name][1]
    said = advised(situation, pilot, {ANSWERS, NEW})
    assert set(said.bounds[90]) == {ANSWERS, NEW}
    assert said.p_best >= 0.5, "of two strategies the likelier one was chosen"


def test_the_tables_are_written_between_the_pages_marks_and_tell_what_they_were_made_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [cell for cell in LAWFUL if cell.seeds == 100 and cell.arm in (ANSWERS, REPHRASE, NEW)]
    write(tmp_path / "cells.parquet", cells)
    page = tmp_path / "atlas.md"
    with pytest.raises(SystemExit, match="add the two lines"):
        main(["--atlas", str(tmp_path), "--into", str(page)])
    page.write_text("before\n<!-- atlas decisions: begin -->\nstale figures\n<!-- atlas decisions: end -->\nafter\n")
    main(["--atlas", str(tmp_path), "--into", str(page)])
    rows = json.loads(capsys.readouterr().out)
    assert {row["on"] for row in rows} == {"atlas"}, "the atlas alone was named, and it alone was run"
    said = page.read_text()
    assert said.startswith("before\n<!-- atlas decisions: begin -->\n`seedpilot bench decisions --atlas ")
    assert said.endswith("<!-- atlas decisions: end -->\nafter\n")
    assert "stale figures" not in said
    assert (
        f"**{len(cells):,} of {len(planned()):,} cells**, 1 world; every method decides 3 cases" in said
    )  # the advice's own pilot at 3,200 has fewer seeds
    first, after = said.split("| method: regret, points |")
    larger = ("a quarter", "a half")
    for row in rows:
        told = f"\n| {row['method']} | {row['decisions']} | {row['regret_points']['mean']:.1f} |"
        assert (told in first) is not row["method"].endswith(larger)
    common = {row["method"]: row["common"] for row in rows}

    def regret(method: str) -> str:
        return f"{common[method]['regret_points']['mean']:.1f}"

    on_pow3 = [regret(f"pow3 on a pilot of {size}") for size in PILOTS]
    assert f"\n| pow3 |  | {' |  | '.join(on_pow3)} |  |" in after
    advice = [regret("advice without a pilot")]
    for size in PILOTS:
        method = f"advice with a pilot of {size}"
        less = common[method]["regret_less_pow3_on_it"]["mean"]
        advice += [regret(method), f"{less:+.1f}"]
        assert less == pytest.approx(
            common[method]["regret_points"]["mean"] - common[f"pow3 on a pilot of {size}"]["regret_points"]["mean"],
            abs=0.002,
        )
    assert f"\n| advice | {' | '.join(advice)} |" in after


@pytest.mark.parametrize("world", ["tickets"])
def test_a_world_without_other_answers_is_decided_between_what_it_has(world: str) -> None:
    cells = atlas(world, lambda place: 0.6 if place.arm == NEW else 0.4)
    made = decisions([cell for cell in cells if cell.seeds == 100 and cell.replicate == 0])
    assert {one.method for one in made} >= {"always answers", "advice with a pilot of an eighth"}
    assert all(one.regret == 0 for one in made if one.method == "always new questions")


def chance_of_answers() -> float:
    said = as_json(recommend(Situation(TaskType.MATH, 100, 3200, calls="paper")))["strategies"]
    return next(float(one["p_best"]) for one in said if one["strategy"] == ANSWERS)


def test_knowing_other_worlds_in_which_answers_win_moves_the_advice_to_answers_and_its_own_world_is_not_looked_at() -> (
    None
):
    better = {ANSWERS: 0.8, NEW: 0.4}
    elsewhere = [cell for world in ("facts", "open") for cell in atlas(world, lambda place: better.get(place.arm, 0.5))]
    before = chance_of_answers()
    with _atlas_prior.deciding_with(before_any_study()):
        alone = chance_of_answers()
    draws = knowing_others(parameters([*LAWFUL, *elsewhere]), "maths")
    with _atlas_prior.deciding_with(draws):
        assert chance_of_answers() > alone + 0.2
    assert chance_of_answers() == before, "and forgets them again"
    assert np.array_equal(draws, knowing_others(parameters(elsewhere), "maths"))


def test_one_more_world_lies_where_it_is_said_to_as_often_as_it_is_said() -> None:
    """Worlds drawn as the formula takes them to be: four are shown, the fifth is asked for."""
    rng = np.random.default_rng(0)
    assumed = np.concatenate([TAU_SCALE, CURVE_SPREAD])
    inside = []
    for _ in range(200):
        spread = assumed * np.sqrt(SPREAD_DF / rng.chisquare(SPREAD_DF, 11))
        *shown, fifth = rng.normal(2.0, spread, (5, 11))
        low, high = np.quantile(one_more(np.array(shown)), [0.1, 0.9], axis=0)
        inside.append((low < fifth) & (fifth < high))
    assert np.mean(inside) == pytest.approx(0.8, abs=0.03)


def test_pilots_of_every_size_hold_the_smaller_ones() -> None:
    sizes = [set(parts) for parts in PILOTS.values()]
    assert all(small < large for small, large in pairwise(sizes))
