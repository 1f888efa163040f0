"""Claims over atlases whose truth is known: what holds is said to hold, what is nothing stays undecided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.atlas.claims import CLAIMS, FAILED, HELD, UNDECIDED, crossing, judged
from engine.atlas.design import ANSWERS, MIXED, NEW, REPHRASE, SECOND, SEEDS_ONLY, UNTUNED, WEAK, Place, planned
from engine.atlas.resampled import DRAWS, Resampled
from engine.atlas.scoreboard import BEGIN, END, scoreboard, text, written_into
from engine.atlas.table import AtlasCell, packed, write
from engine.cli import main
from engine.errors import InputError

REACH = {ANSWERS: (1.0, 6.0), REPHRASE: (0.9, 12.0), NEW: (0.7, 60.0)}
"""Quality and reach, as design.md has them."""


def accuracy(place: Place) -> float:
    """A world that is as the law says, where mixes win, checks do nothing and weak augmenters spoil new questions."""
    parts = {ANSWERS: 0.5, NEW: 0.5} if place.arm == MIXED else {place.arm: 1.0}
    useful = float(place.seeds)
    for arm, share in parts.items():
        quality, reach = REACH.get(arm, (0.8, 30.0))
        if arm in (SEEDS_ONLY, UNTUNED):
            continue
        quality *= 0.4 if place.augmenter == WEAK and arm == NEW else 1.0
        useful += quality * reach * place.seeds * (1 - np.exp(-share * place.budget / (reach * place.seeds)))
    return 0.1 + 0.8 * useful**0.8 / (useful**0.8 + 200)


def atlas(world: str, truth: Callable[[Place], float], replicates: int = 3, items: int = 500) -> list[AtlasCell]:
    rng = np.random.default_rng(5)
    hard = rng.random(items)
    cells = []
    for place in planned((world,)):
        if place.replicate < replicates:
            share = truth(place) + 0.01 * rng.standard_normal()
            right = 0.7 * hard + 0.3 * rng.random(items) < share
            cells.append(cell(place, packed([bool(one) for one in right]), items))
    return cells


def cell(place: Place, right: bytes, items: int) -> AtlasCell:
    of = [getattr(place, name) for name in place.__slots__]
    return AtlasCell(
        *of, place.budget, place.budget, items, right, 60, None, 1.0, 2.0, 3.0, 5.0, "a", "b", "0", "2026-11-21"
    )


LAWFUL = atlas("maths", accuracy)


def test_a_world_that_follows_the_law_is_seen_to() -> None:
    said = {one.claim: one for one in judged(LAWFUL, ("maths",))[0]}
    assert [name for name, _, _ in CLAIMS] == list(said)
    for claim in ("Up to 4", "From 32", "A weak augmenter", "Verification"):
        one = next(v for name, v in said.items() if name.startswith(claim))
        assert one.verdict == HELD, one
        assert one.low90 is not None
        assert one.effect is not None
        assert 0 < one.low90 < one.effect
    never = next(v for name, v in said.items() if name.startswith("With 1,000 seeds"))
    assert never.verdict in (HELD, UNDECIDED)


def test_a_world_in_which_nothing_differs_has_hardly_any_verdict() -> None:
    verdicts = judged(atlas("maths", lambda place: 0.3 if place.arm == UNTUNED else 0.5), ("maths",))[0]
    assert sum(one.verdict != UNDECIDED for one in verdicts) <= 2


def test_a_claim_that_is_wrong_fails() -> None:
    turned = {ANSWERS: 0.6, NEW: 0.4}
    verdicts = judged(atlas("maths", lambda place: turned.get(place.arm, 0.5)), ("maths",))[0]
    assert next(one for one in verdicts if one.claim.startswith("From 32")).verdict == FAILED


def test_a_crossover_lies_where_the_law_puts_it() -> None:
    known = Resampled(LAWFUL)
    for seeds in (30, 100):
        budgets = np.geomspace(100, 3200, 400)
        lead = [
            accuracy(Place("maths", NEW, seeds, int(b), 0)) - accuracy(Place("maths", ANSWERS, seeds, int(b), 0))
            for b in budgets
        ]
        truth = budgets[np.argmax(np.array(lead) > 0)] / seeds
        found = crossing(known, "maths", seeds)
        assert found is not None
        assert found.low90 / 1.6 <= truth <= found.high90 * 1.6
        assert len(found.log2) == DRAWS + 1


def test_a_partial_atlas_says_what_it_does_not_know_and_one_replicate_has_wider_intervals() -> None:
    first = [one for one in LAWFUL if one.replicate == 0 and one.budget in (0, 100, 3200) and one.student != SECOND]
    verdicts = judged(first, ("maths", "sql"))[0]
    of_sql = [one for one in verdicts if one.world == "sql"]
    assert all((one.verdict, one.effect, one.comparisons) == (UNDECIDED, None, 0) for one in of_sql)
    place = Place("maths", NEW, 100, 3200, 0)
    once = Resampled(first).mean(place)
    assert once[0] == next(one.accuracy for one in first if one.place == place)
    assert once[1:].std() > (once[0] * (1 - once[0]) / 500) ** 0.5
    assert Resampled(LAWFUL).replicates(place) == 3


def test_the_scoreboard_is_written_between_the_marks_of_a_page_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "atlas.md"
    page.write_text(f"# Before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write(tmp_path / "cells.parquet", LAWFUL)
    with pytest.raises(SystemExit) as ended:
        main(["atlas", "scoreboard", "--out", str(tmp_path), "--into", str(page)])
    assert ended.value.code == 0
    said = page.read_text(encoding="utf-8")
    assert said.startswith("# Before\n")
    assert said.endswith(f"{END}\nafter\n")
    assert "old" not in said
    assert text(scoreboard(LAWFUL)) in said
    assert "**held**" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["atlas", "scoreboard", "--out", str(tmp_path / "nothing")])
    assert ended.value.code == 2
    page.write_text("# No marks", encoding="utf-8")
    with pytest.raises(InputError, match="no part between"):
        written_into(page, scoreboard(LAWFUL))
