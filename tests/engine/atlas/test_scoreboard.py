"""Claims over atlases whose truth is known: what holds is said to hold, what is nothing stays undecided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.atlas.claims import ALL, CLAIMS, FAILED, HELD, UNDECIDED, Crossing, _better_single, crossing, judged
from engine.atlas.design import ANSWERS, ERRING, MIXED, NARROW, NEW, SECOND, UNTUNED, WEAK, Place
from engine.atlas.resampled import DRAWS, Resampled
from engine.atlas.scoreboard import BEGIN, END, headline, scoreboard, text, written_into
from engine.atlas.table import write
from engine.cli import main
from engine.errors import InputError
from tests.engine.atlas.made_up import LAWFUL, accuracy, atlas


def test_a_world_that_follows_the_law_is_seen_to() -> None:
    said = {one.claim: one for one in judged(LAWFUL, ("maths",))[0] if one.world == "maths"}
    assert [name for name, _, _ in CLAIMS] == list(said)
    for claim in ("Up to 4", "From 32", "A weak augmenter", "Verification"):
        one = next(v for name, v in said.items() if name.startswith(claim))
        assert one.verdict == HELD, one
        assert one.low90 is not None
        assert one.effect is not None
        assert 0 < one.low90 < one.effect
    never = next(v for name, v in said.items() if name.startswith("With 1,000 seeds"))
    assert never.verdict in (HELD, UNDECIDED)


def alike(place: Place) -> float:
    return 0.3 if place.arm == UNTUNED else 0.5


def test_over_worlds_in_which_nothing_differs_a_claim_has_a_verdict_about_as_often_as_its_interval_allows() -> None:
    counts = Counter[str]()
    for seed in range(12):
        verdicts = judged(atlas("maths", alike, seed=seed), ("maths",))[0]
        # That rephrasings lose less than 2 points is so where nothing differs: to see it is no false verdict.
        true = {"A weak augmenter costs rephrasings less than 2 points": HELD}
        counts.update(one.claim for one in verdicts if one.verdict not in (UNDECIDED, true.get(one.claim)))
    # Each of ten claims in each of twelve worlds, one in ten by its interval's own measure.
    assert sum(counts.values()) <= 12 * len(CLAIMS) / 10 + 4, counts
    assert max(counts.values(), default=0) <= 5, counts


def test_over_worlds_together_an_interval_is_narrower_and_one_world_is_no_mean() -> None:
    two = [*LAWFUL, *atlas("sql", accuracy, seed=6)]
    said = {one.world: one for one in judged(two, ("maths", "sql"))[0] if one.claim.startswith("From 32")}
    both, alone = said[ALL], [said["maths"], said["sql"]]
    assert both.effect == pytest.approx(sum(one.effect or 0 for one in alone) / 2)
    assert both.comparisons == sum(one.comparisons for one in alone)
    width = (both.high90 or 0) - (both.low90 or 0)
    assert width < 0.85 * min((one.high90 or 0) - (one.low90 or 0) for one in alone), "as of independent worlds"
    single = [one for one in judged(LAWFUL, ("maths",))[0] if one.world == ALL]
    assert all(one.effect is None for one in single)


def test_where_strategies_are_alike_no_crossover_is_seen_and_none_falls_with_the_seeds() -> None:
    verdicts, crossings = judged(atlas("maths", alike), ("maths",))
    assert not any(one.seen for one in crossings)
    falls = next(one for one in verdicts if one.claim.startswith("The crossover's ratio falls"))
    assert (falls.verdict, falls.effect) == (UNDECIDED, None)
    assert "not known yet" in headline(crossings)


def test_a_mix_is_held_against_what_is_better_beside_its_place_not_against_the_luckier_cell() -> None:
    known = Resampled(LAWFUL)
    for seeds in (30, 1000):
        place = Place("maths", MIXED, seeds, 1600, 0)
        better = _better_single(known, place)
        truth = max((ANSWERS, NEW), key=lambda arm: accuracy(replace(place, arm=arm)))
        assert better is not None
        assert better.arm == truth


def verdict(claim: str, truth: Callable[[Place], float]) -> str:
    """Of the claim that begins so, where the world is so."""
    return next(one for one in judged(atlas("facts", truth), ("facts",))[0] if one.claim.startswith(claim)).verdict


def test_errors_of_the_teacher_and_the_seeds_tail_are_judged_against_the_cells_beside_them() -> None:
    better = {ANSWERS: 0.4, NEW: 0.6}

    def by(setting: str, arm: str, loss: float) -> Callable[[Place], float]:
        return lambda at: better.get(at.arm, 0.5) - loss * (at.setting == setting and at.arm == arm)

    assert verdict("Whether the teacher errs", by(ERRING, NEW, 0.0)) == HELD
    assert verdict("Whether the teacher errs", lambda at: 0.5 - 0.3 * (at.setting == ERRING)) == FAILED
    assert verdict("Seeds without the long tail", by(NARROW, ANSWERS, 0.2)) == HELD
    assert verdict("Seeds without the long tail", by(NARROW, NEW, 0.2)) == FAILED
    assert verdict("Seeds without the long tail", by(NARROW, NEW, 0.0)) == UNDECIDED
    assert verdict("A weak augmenter costs rephrasings", lambda at: 0.5 - 0.1 * (at.augmenter == WEAK)) == FAILED


@pytest.mark.parametrize(("other", "said"), [(64.0, "by more than"), (9.0, "by less than"), (26.0, "is undecided")])
def test_the_first_sentence_says_how_far_apart_worlds_cross(other: float, said: str) -> None:
    noise = 0.3 * np.random.default_rng(0).standard_normal((2, 1 + DRAWS))

    def crosses(world: str, ratio: float, at: int, seen: bool = True) -> Crossing:
        return Crossing(world, 100, ratio, ratio, ratio, 0.0, np.log2(100 * ratio) + noise[at], seen)

    found = headline([crosses("maths", 8.0, 0), crosses("sql", other, 1)])
    assert said in found
    assert "maths" in found
    assert "not known yet" in headline([crosses("maths", 8.0, 0), crosses("sql", other, 1, seen=False)])


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
    assert "Not shown to transfer" in said
    assert "**held**" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["atlas", "scoreboard", "--out", str(tmp_path / "nothing")])
    assert ended.value.code == 2
    page.write_text("# No marks", encoding="utf-8")
    with pytest.raises(InputError, match="no part between"):
        written_into(page, scoreboard(LAWFUL))
