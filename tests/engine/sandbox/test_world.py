"""The sandbox world: problems that work out, texts that can be read back, tests that nobody has seen."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain import Outcome
from engine.sandbox import language, problems, wording, world
from engine.sandbox.problems import HIGH, LOW, Part, Problem, Scene, Sum
from engine.tasks.math import TASK

SCENE = Scene("Mia", "Tom", "apples", "boxes", "friends")


def problem(*parts: tuple[str, tuple[int, ...]]) -> Problem:
    return Problem(SCENE, tuple(Part(kind, numbers) for kind, numbers in parts))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((("have", (12,)), ("gain", (5,)), ("left", ())), 17),
        ((("mixed", (3, 4)), ("lose", (2,)), ("money", (6,))), 30),
        ((("packed", (3, 4)), ("gain_packs", (2, 5)), ("share", (11,))), 2),
        ((("daily", (5, 4)), ("give_each", (2, 3)), ("bags", (7,))), 2),
        ((("have", (30,)), ("daily_use", (4, 5)), ("more_than", (8,))), 18),
        ((("have", (9,)), ("multiply", (3,)), ("fewer_than", (7,))), 20),
        ((("have", (20,)), ("part_lost", (4,)), ("together", (5,))), 35),
        ((("have", (20,)), ("part_kept", (4,)), ("goal", (50,))), 45),
        ((("have", (20,)), ("swap", (6, 9)), ("times_other", (3,))), 69),
        ((("have", (20,)), ("aside", (40,)), ("left", ())), 20),
    ],
)
def test_every_kind_computes_what_its_sentences_say(
    parts: tuple[tuple[str, tuple[int, ...]], ...], expected: int
) -> None:
    one = problem(*parts)
    assert problems.answer(one) == expected
    assert language.worked(one, random.Random(0)).endswith(f"#### {expected}")


def test_a_problem_that_does_not_work_out_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not work out"):
        problems.solve(problem(("have", (10,)), ("lose", (9,)), ("left", ())))
    with pytest.raises(ValueError, match="rest"):
        _ = Sum(7, "/", 2).result


@given(st.integers(0, 10**9))
@settings(max_examples=150, deadline=None)
def test_what_is_written_can_be_read_back_and_scores_right(seed: int) -> None:
    rng = random.Random(seed)
    one = problems.sample_problem(rng)
    text = language.write(one, rng)
    read = language.read(text, rng)
    assert read is not None
    assert read.parts == one.parts
    assert all(
        getattr(read.scene, slot) == getattr(one.scene, slot)
        for slot in ("name", "things")
        if getattr(one.scene, slot) in text
    )
    gold = f"#### {problems.answer(one)}"
    assert TASK.score(gold, language.worked(one, rng)).outcome is Outcome.RIGHT
    numbers = [n for s in problems.solve(one) for n in (s.left, s.right, s.result)]
    assert all(LOW <= n <= HIGH for n in numbers)


@given(st.integers(0, 10**9))
@settings(max_examples=50, deadline=None)
def test_a_rephrasing_keeps_every_number_and_the_answer(seed: int) -> None:
    rng = random.Random(seed)
    one = problems.sample_problem(rng)
    for text in islice(language.rephrasings(one, rng), 4):
        read = language.read(text, rng)
        assert read is not None
        assert (read.parts, problems.answer(read)) == (one.parts, problems.answer(one))


def test_every_sentence_of_every_kind_can_be_read_back() -> None:
    starts, asks = problem(("have", (24,))).parts, problem(("left", ())).parts
    numbers = {1: (4,), 2: (4, 5), 0: ()}
    for kind, templates in language.SENTENCES.items():
        for template in templates:
            count = len(problems._numbers(kind, random.Random(0)))
            part = Part(kind, (60,) if kind == "goal" else numbers[count])
            parts = (
                (part, *asks)
                if kind in wording.START
                else (*starts, part)
                if kind in wording.ASK
                else (*starts, part, *asks)
            )
            text = " ".join(
                language.sentence(template if p is part else language.SENTENCES[p.kind][0], SCENE, p) for p in parts
            )
            read = language.read(text, random.Random(0))
            assert read is not None, text
            assert read.parts == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What is love?",
        "Mia has 4 apples.",
        "How many apples does Mia have now?",
        "Mia has some apples. Then she buys 3 more apples. How many apples does Mia have now?",
    ],
)
def test_other_texts_are_not_read(text: str) -> None:
    assert language.read(text, random.Random(0)) is None


def test_a_text_that_changes_its_person_is_not_read() -> None:
    text = "Mia has 4 apples. Ben finds 3 more. How many apples does Mia have now?"
    assert language.read(text, random.Random(0)) is None
    assert language.read(text.replace("Ben", "Mia"), random.Random(0)) is not None


def test_seeds_are_a_prefix_of_more_seeds_and_the_same_every_time() -> None:
    assert world.seeds(30, 1) == world.seeds(100, 1)[:30]
    assert world.seeds(30, 1) != world.seeds(30, 2)
    assert len({item.id for item in world.seeds(100)}) == len({item.question for item in world.seeds(100)}) == 100


def test_seeds_are_the_same_in_another_process() -> None:
    script = "from engine.sandbox.world import seeds; print(seeds(3)[2].question)"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == world.seeds(3)[2].question


def test_no_test_problem_is_ever_a_seed_in_any_wording() -> None:
    rng = random.Random(0)

    def computations(items: tuple[world.Item, ...]) -> set[tuple[Part, ...]]:
        read = [language.read(item.question, rng) for item in items]
        return {one.parts for one in read if one is not None}

    tests = computations(world.test_items(400, 0))
    assert len(tests) > 350
    assert not tests & computations(world.seeds(400, 0))
    assert not tests & computations(world.seeds(400, 7))


def test_a_hundred_seeds_do_not_cover_the_world() -> None:
    rng = random.Random(0)
    seen = {language.read(item.question, rng).kinds for item in world.seeds(100)}  # type: ignore[union-attr]
    tested = [language.read(item.question, rng).kinds for item in world.test_items(400)]  # type: ignore[union-attr]
    assert sum(kinds in seen for kinds in tested) / len(tested) < 0.3


def test_the_weights_of_starts_steps_and_questions_each_add_up_to_one() -> None:
    for table in (wording.START, wording.MIDDLE, wording.ASK):
        assert sum(problems.WEIGHTS[kind] for kind in table) == pytest.approx(1)
