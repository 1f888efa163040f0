"""The atlas beside published studies in one prior, and what that prior is worth for papers that it does not know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks._atlas_prior import ATLAS, with_one_study
from benchmarks.weak_prior import ALONE, WITH, judged
from engine.atlas.design import ANSWERS, MIXED, NEW, WEAK, Place
from engine.evidence import published
from engine.law import expit
from engine.prior_left_out import Pair, Paper, Predicted
from engine.prior_rows import rows
from tests.engine.atlas.made_up import accuracy, atlas

CELLS = [*atlas("sql", accuracy, seed=1), *atlas("facts", accuracy, seed=2)]
BEFORE = rows(published())


def test_all_worlds_together_are_one_study_with_a_curve_each_and_a_row_for_all_replicates() -> None:
    after = with_one_study(BEFORE, CELLS)
    assert after.studies == (*BEFORE.studies, ATLAS)
    assert after.curves[len(BEFORE.curves) :] == ((ATLAS, "sql", "atlas"), (ATLAS, "facts", "atlas"))
    mine = slice(len(BEFORE.ids), None)
    assert set(after.study[mine]) == {len(BEFORE.studies)}
    assert set(after.curve[mine]) == {len(BEFORE.curves), len(BEFORE.curves) + 1}
    assert list(after.curve_study[len(BEFORE.curves) :]) == [len(BEFORE.studies)] * 2
    plain = {
        replace(cell.place, replicate=0)
        for cell in CELLS
        if cell.arm not in (MIXED, "untuned", "real_question")
        and (cell.augmenter, cell.check, cell.student, cell.setting) == ("strong", "plain", "first", "usual")
    }
    assert len(after.ids) - len(BEFORE.ids) == len(plain)
    assert not any(MIXED in name or f"-{WEAK}-" in name for name in after.ids)
    assert np.array_equal(after.target[: len(BEFORE.ids)], BEFORE.target), "what was published stands as it stood"


def test_a_row_is_the_mean_of_its_replicates_free_of_what_guessing_gets() -> None:
    after = with_one_study(BEFORE, CELLS)
    same = [cell for cell in CELLS if replace(cell.place, replicate=0) == Place("facts", NEW, 100, 400, 0)]
    assert len(same) == 3
    (at,) = [n for n, name in enumerate(after.ids) if name in {cell.key for cell in same}]
    mean = np.mean([cell.accuracy for cell in same])
    assert 0.25 + 0.75 * expit(after.target[at]) == pytest.approx(mean, abs=1e-9), "four choices: a quarter is guessed"
    assert list(after.examples[at]) == [0, 0, same[0].examples]
    assert (after.seeds[at], after.human[at]) == (100, 100)


def paper(error: float, ahead: float, r_hat: float = 1.01) -> Paper:
    def predicted(value: float, mean: float) -> Predicted:
        return {"ids": ["x"], "value": value, "mean": mean, "quantiles": [mean + d for d in (-9, -5, 0, 5, 9)]}

    pair: Pair = {**predicted(3.0, ahead), "strategies": [NEW, ANSWERS], "ratio": 2.0, "probability": 0.7}
    tie: Pair = {**pair, "value": 0.2}
    return {
        "rows": [predicted(50.0, 50.0 + error)],
        "pairs": [pair, tie],
        "shifts": [],
        "beyond": None,
        "r_hat": r_hat,
        "effective_size": 400,
        "cpu_seconds": 2.0,
    }


def test_priors_are_judged_on_the_same_papers_and_beside_the_first() -> None:
    alone = {"A": paper(6.0, -1.0), "B": paper(2.0, 1.0)}
    both = {"A": paper(3.0, 1.0, r_hat=1.2), "B": paper(2.0, 1.0)}
    first, second = judged({ALONE: alone, WITH: both})
    assert first["level_error"]["mean"] == 4
    assert first["level_covered80"]["mean"] == 0.5
    assert first["pairs_in_order"] == {"mean": 0.5, "interval90": [0, 1], "of": 2}, "ties are in no share"
    assert second["level_error, less the first"]["mean"] == -1.5
    assert second["pairs_in_order, less the first"]["mean"] == 0.5
    assert second["largest_r_hat"] == 1.2
    assert "level_error, less the first" not in first
