"""An evaluation in rounds stops what is clearly beaten, asks nothing twice, and says how much was asked."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from engine.domain import (
    Cell,
    CellJob,
    CellResult,
    GoldLikelihood,
    Message,
    OnCellDone,
    OnProgress,
    Recipe,
    Strategy,
)
from engine.early_stop import DROP_LEVEL, Rules
from engine.looks import LOOKS, Looking, order_of
from engine.records import CellRow
from pages.shared import run_parts

ITEMS = 600
LOSERS = Rules(losers=True, futile=False)


class Knowing:
    """Answers each question right with a chance that the job's key names: `a-0.8`."""

    def __init__(self) -> None:
        self.asked: dict[str, list[str]] = {}
        self.rounds = 0

    def run(self, jobs: Sequence[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
        self.rounds += 1
        for job in jobs:
            chance = float(job.key.split("-")[1])
            texts = [question[0].content for question in job.questions]
            self.asked.setdefault(job.key, []).extend(texts)
            answers = tuple("right" if random.Random(f"{job.key} {one}").random() < chance else "no" for one in texts)
            gold = tuple(GoldLikelihood(-float(one), 1) for one in texts)
            on_done(job, CellResult(answers, None, 1, None, 0, 0.0, 1.0, gold=gold, unended=1))
        on_progress({job.key: 1.0 for job in jobs})


def job(key: str, out: Path, items: int = ITEMS) -> CellJob:
    questions = tuple((Message("user", str(n)),) for n in range(items))
    return CellJob(key, "student", (), Recipe(), 0, questions, 8, str(out / key), golds=("right",) * items)


def run(
    jobs: Sequence[CellJob], trainer: Knowing, rules: Rules = LOSERS, families: Sequence[str | None] | None = None
) -> dict[str, CellResult]:
    told: dict[str, CellResult] = {}
    shares: list[Mapping[str, float]] = []

    def heard(done: CellJob, result: CellResult | Exception) -> None:
        assert isinstance(result, CellResult)
        told[done.key] = result

    looking = Looking(
        trainer,
        rules,
        lambda key: None if key.startswith("base") else "race",
        lambda _, reply: float(reply == "right"),
        families or [None] * ITEMS,
    )
    looking.run(jobs, heard, shares.append)
    assert all(0 <= share <= 1 for found in shares for share in found.values())
    return told


def test_a_clear_loser_is_asked_no_more_and_the_others_everything(tmp_path: Path) -> None:
    trainer = Knowing()
    told = run([job(key, tmp_path) for key in ("a-0.8", "b-0.78", "c-0.3", "base-0.2")], trainer)
    assert set(told) == {"a-0.8", "b-0.78", "c-0.3", "base-0.2"}
    loser = told["c-0.3"]
    assert loser.stopped.startswith("beaten by ")
    assert 0 < len(loser.unasked) < ITEMS
    assert len(loser.unasked) % (ITEMS // LOOKS) == 0
    assert all(loser.answers[at] == "" and loser.gold[at] is None for at in loser.unasked)
    assert len(trainer.asked["c-0.3"]) == ITEMS - len(loser.unasked)
    for key in ("a-0.8", "b-0.78", "base-0.2"):
        assert told[key].unasked == ()
        assert len(trainer.asked[key]) == len(set(trainer.asked[key])) == ITEMS
    gold = told["a-0.8"].gold
    assert [one.log_likelihood for one in gold if one] == [-float(n) for n in range(ITEMS)], "each at its own place"
    assert told["a-0.8"].answer_seconds == told["a-0.8"].unended == LOOKS


def test_equals_are_asked_everything_nearly_always(tmp_path: Path) -> None:
    """The best of equals is any of them: at most 2 % may be stopped, and 20 races stop none or one."""
    stopped = 0
    for number in range(20):
        jobs = [job(f"{name}{number}-0.5", tmp_path) for name in "abc"]
        stopped += any(one.unasked for one in run(jobs, Knowing()).values())
    assert stopped <= 2, f"{stopped} of 20 races, each of three pairs at {DROP_LEVEL}"


def test_a_race_that_nobody_can_win_ends_where_the_plan_allows_it(tmp_path: Path) -> None:
    same = {"same-0.5": job("same-0.5", tmp_path)}
    twin = replace(same["same-0.5"], key="same-0.5 ", out=str(tmp_path / "twin"))

    class Same(Knowing):
        def run(self, jobs: Sequence[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
            for one in jobs:
                super().run([replace(one, key="same-0.5")], lambda _, r, one=one: on_done(one, r), on_progress)

    told = run([same["same-0.5"], twin], Same(), Rules(losers=False, futile=True))
    assert {one.stopped for one in told.values()} == {"nobody is ahead"}
    assert all(one.unasked for one in told.values())


def test_a_killed_run_asks_no_item_twice(tmp_path: Path) -> None:
    class Killed(Knowing):
        def run(self, jobs: Sequence[CellJob], on_done: OnCellDone, on_progress: OnProgress) -> None:
            if self.rounds == 3:
                raise KeyboardInterrupt
            super().run(jobs, on_done, on_progress)

    first, jobs = Killed(), [job(key, tmp_path) for key in ("a-0.8", "b-0.78")]
    with pytest.raises(KeyboardInterrupt):
        run(jobs, first)
    second = Knowing()
    told = run(jobs, second)
    for key in ("a-0.8", "b-0.78"):
        assert not set(first.asked[key]) & set(second.asked[key])
        assert sorted(first.asked[key] + second.asked[key], key=int) == [str(n) for n in range(ITEMS)]
        assert told[key].answers == run([job(key, tmp_path / "anew")], Knowing())[key].answers


def test_items_come_in_a_drawn_order_with_families_whole(tmp_path: Path) -> None:
    families = [f"f{n // 7}" for n in range(ITEMS)]
    order = order_of(families)
    assert sorted(order) == list(range(ITEMS))
    assert order == order_of(families) != list(range(ITEMS))
    trainer = Knowing()
    told = run([job("a-0.9", tmp_path), job("c-0.2", tmp_path)], trainer, families=families)
    unasked = {families[at] for at in told["c-0.2"].unasked}
    asked = {families[int(text)] for text in trainer.asked["c-0.2"]}
    assert unasked
    assert not unasked & asked, "a family is asked whole or not at all"


def test_the_page_says_how_much_was_asked_and_why(tmp_path: Path) -> None:
    cell = Cell(Strategy.NEW_QUESTION, 100, 200, 0)
    row = CellRow(
        cell,
        "done",
        "",
        None,
        (1.0,) * 200,
        {"asked": 100, "stopped": "beaten by new_question-plain-s100-q200-r0"},
        None,
    )
    said = run_parts.stopped(row)
    assert said == "Stopped early after 100 of 200 items: beaten by new questions. The share is of those."
    assert run_parts.stopped(replace(row, detail={})) == ""
    assert "in at most 2 % of such races" in LOSERS.told
    assert Rules(losers=False, futile=False).told == ""
