"""The sandbox's atlas as what advice starts from: named, asked for, and never of the world that is asked about."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import prior, prior_worlds
from engine.advice import as_json, next_pilot, recommend
from engine.atlas.prior import fit, main
from engine.atlas.table import load, write
from engine.domain import Cell, Measurement, Situation, Strategy, TaskType
from engine.errors import InputError
from engine.evidence import published
from engine.settings import Settings
from tests.engine.atlas.made_up import LAWFUL

ATLAS = Situation(TaskType.MATH, 100, 3000, known="atlas")
PUBLISHED = replace(ATLAS, known="published")


def test_the_stored_file_is_what_the_shipped_cells_say() -> None:
    found, kept = fit(load(Settings().data / "atlas")), json.loads(prior_worlds.FILE.read_text())
    assert {name: found[name] for name in found if name != "worlds"} == {
        name: kept[name] for name in kept if name != "worlds"
    }
    for fresh, old in zip(found["worlds"], kept["worlds"], strict=True):
        assert {k: v for k, v in fresh.items() if k not in ("parameters", "width")} == {
            k: v for k, v in old.items() if k not in ("parameters", "width")
        }, "run python -m engine.atlas.prior"
        # other processors round otherwise, and a draw more or less moves a mean
        assert fresh["parameters"] == pytest.approx(old["parameters"], abs=0.05)
        assert fresh["width"] == pytest.approx(old["width"], abs=0.05)


def test_a_task_is_one_more_world_and_its_own_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    worlds = prior_worlds.stored()
    assert {world.task for world in worlds} > {TaskType.MATH, TaskType.STRUCTURED}
    before, of_code = prior_worlds.draws(TaskType.MATH), prior_worlds.draws(TaskType.CODE)
    moved = tuple(replace(w, parameters=(9.0,) * 11) if w.task is TaskType.MATH else w for w in worlds)
    monkeypatch.setattr(prior_worlds, "stored", lambda: moved)
    assert np.array_equal(prior_worlds.draws(TaskType.MATH), before)
    assert not np.array_equal(prior_worlds.draws(TaskType.CODE), of_code), "no world is of its type: all five speak"
    assert before.shape == prior.for_task(TaskType.MATH, "strong").shape


def test_advice_from_the_atlas_says_so_everywhere_and_is_never_confident() -> None:
    found = as_json(recommend(ATLAS))
    usual = as_json(recommend(PUBLISHED))
    assert found["headline"] != usual["headline"]
    assert found["headline"].endswith(
        "Confidence low: 4 worlds of the sandbox's atlas, no study of a real student."
    ) or found["headline"].startswith("Too close to call")
    assert (found["basis"], found["confidence"], found["studies"]) == ("prior", "low", 0)
    assert found["situation"]["known"] == "atlas"
    said = " ".join(one["text"] for one in (*found["reasons"], *found["caveats"]))
    cells = prior_worlds.cells(TaskType.MATH)
    assert f"starts from {cells:,} measured cells of the sandbox's atlas, in 4 worlds" in said
    assert "Nothing shows that it transfers" in said
    assert "Its cells end at" not in said
    far = " ".join(one.text for one in recommend(replace(ATLAS, queries=50_000)).caveats)
    assert "Its cells end at 3,200 examples: beyond, the law is all there is." in far
    assert "published studies with other students" not in said
    assert "published study" not in said
    of_strategy = {one["strategy"]: one["points"] for one in found["strategies"]}
    assert of_strategy == {name.value: prior_worlds.cells(TaskType.MATH, name) for name in list(Strategy)[:3]}
    assert "atlas" not in json.dumps(usual).replace('"known": "atlas"', ""), "nobody who did not ask for it meets it"
    assert published().studies(TaskType.MATH), "of which the usual advice tells"


def test_own_points_move_advice_from_the_atlas_and_the_words_say_what_started_it() -> None:
    shares = zip(list(Strategy)[:3], (300, 260, 220), strict=True)
    cells = [Measurement(Cell(arm, 100, 800, 0), right, 500, 0, 800) for arm, right in shares]
    before, after = recommend(ATLAS), recommend(ATLAS, cells)
    assert after.basis == "measured"
    p_best = {one.strategy: one.p_best for one in after.outlooks}
    assert (
        p_best[Strategy.ANSWER_AUGMENTATION]
        > {one.strategy: one.p_best for one in before.outlooks}[Strategy.ANSWER_AUGMENTATION]
    )
    said = " ".join(reason.text for reason in after.reasons)
    assert "3 cells of your own moved the curves; worlds of the sandbox's atlas only start them." in said


def test_a_weak_augmenter_lowers_new_questions_there_too() -> None:
    strong, weak = (
        {o.strategy: o.p_best for o in recommend(replace(ATLAS, augmenter=augmenter)).outlooks}
        for augmenter in ("strong", "weak")
    )
    assert weak[Strategy.NEW_QUESTION] < strong[Strategy.NEW_QUESTION]


def test_why_no_pilot_is_worth_its_price_names_what_is_known() -> None:
    told = {known: next_pilot(replace(ATLAS, known=known, seeds=1000)).why for known in ("atlas", "published")}
    assert "given the sandbox's atlas" in told["atlas"] or "are expected to end" in told["atlas"]
    assert "atlas" not in told["published"]


def test_another_start_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="What advice starts from: 'rumours'; expected published or atlas"):
        recommend(replace(ATLAS, known="rumours"))


def test_the_file_can_be_written_from_any_atlas_and_a_single_world_has_nothing_to_be_compared_with(
    tmp_path: Path,
) -> None:
    write(tmp_path / "cells.parquet", [one for one in LAWFUL if one.seeds in (100, 1000) and one.replicate == 0])
    main(["--atlas", str(tmp_path), "--out", str(tmp_path / "prior.json")])
    (world,) = json.loads((tmp_path / "prior.json").read_text())["worlds"]
    assert (world["name"], world["task"], set(world["width"])) == ("maths", "math", {1.0})
