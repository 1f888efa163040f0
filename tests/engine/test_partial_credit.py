"""Items that are half right count half in a comparison of their own, beside the one that counts right and wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.false_winners import World, pilot
from engine.domain import Measurement, Strategy
from engine.items import write_jsonl
from engine.records import CellRow
from engine.run_results import as_json, pairs_of, partial_pairs_of
from pages.shared import pair_parts

NQ = Strategy.NEW_QUESTION


@pytest.fixture
def measured() -> list[Measurement]:
    """A pilot in which no strategy gets more items right than another."""
    return pilot(np.random.default_rng(0), World("alike", seed=0.05, pool=0.05), 0.0)[0]


def rows(measured: list[Measurement], folder: Path, credit: float) -> list[CellRow]:
    """What new questions get wrong has so much credit."""
    found = []
    for number, one in enumerate(measured):
        own = folder / str(number)
        values = [value if value is None or value == 1.0 else credit * (one.cell.arm is NQ) for value in one.outcomes]
        write_jsonl(own / "predictions.jsonl", [{"id": str(at), "value": value} for at, value in enumerate(values)])
        found.append(CellRow(one.cell, "done", "", one, one.outcomes, {}, str(own)))
    return found


def test_a_strategy_that_is_less_wrong_wins_with_partial_credit_alone(
    measured: list[Measurement], tmp_path: Path
) -> None:
    cells = rows(measured, tmp_path, 0.6)
    plain, partial = pairs_of(cells), partial_pairs_of(cells)
    assert partial is not None
    assert not any(pair.winner for pair in plain.pairs)
    assert {pair.winner for pair in partial.pairs if NQ in (pair.one, pair.other)} == {NQ}
    assert not any(pair.winner for pair in partial.pairs if NQ not in (pair.one, pair.other))
    for one, other in zip(plain.pairs, partial.pairs, strict=True):
        if NQ not in (one.one, one.other):
            assert one.found.difference == pytest.approx(other.found.difference)
    told = as_json(plain, partial)
    assert told["partial_credit"]["verdict"] != told["verdict"]
    assert "First adapters: p (sign test)" in pair_parts.table(partial.pairs, partial=True)


def test_a_task_that_knows_right_and_wrong_alone_and_lost_predictions_have_no_such_comparison(
    measured: list[Measurement], tmp_path: Path
) -> None:
    cells = rows(measured, tmp_path, 0.0)
    assert partial_pairs_of(cells) is None
    assert as_json(pairs_of(cells), None)["partial_credit"] is None
    cells = rows(measured, tmp_path, 0.6)
    (tmp_path / "0" / "predictions.jsonl").unlink()
    assert partial_pairs_of(cells) is None
