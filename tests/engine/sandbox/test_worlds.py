"""Every world of the sandbox keeps to what `worlds.World` says, by its own task's scorer."""

from __future__ import annotations

import random
import tomllib
from typing import Any

import pytest

from engine.domain import Item, Outcome
from engine.errors import InputError
from engine.sandbox.catalogue import NAMES, WORLDS, world_of
from engine.sandbox.measure import unseen_types
from engine.sandbox.worlds import STRONG, WEAK, Augmenter, World, is_held_out
from engine.tasks import Task, task_from

FAULTLESS = Augmenter(unanswerable=0.0, off_distribution=0.2, changed=0.0)
AnyWorld = World[Any]


@pytest.fixture(params=WORLDS, ids=NAMES)
def world(request: pytest.FixtureRequest) -> AnyWorld:
    found: AnyWorld = request.param
    return found


@pytest.fixture
def task(world: AnyWorld) -> Task:
    return task_from(tomllib.loads(world.task), world.folder, world.name)


def problem_of(world: AnyWorld, question: str) -> Any:
    found = world.read(question, random.Random(0))
    assert found is not None, question
    return found


def keys(world: AnyWorld, items: tuple[Item, ...]) -> set[str]:
    return {world.key(problem_of(world, item.question)) for item in items}


def test_a_smaller_draw_is_the_beginning_of_a_larger_one(world: AnyWorld) -> None:
    for draw in (world.seeds, world.test_items, world.inputs):
        assert draw(40, 1) == draw(90, 1)[:40]
        assert draw(40, 1) != draw(40, 2)
        assert len({item.id for item in draw(90)}) == len({item.asked for item in draw(90)}) == 90
    assert not any(item.answer for item in world.inputs(40))


def test_no_test_problem_is_ever_a_seed_or_an_input_in_any_wording(world: AnyWorld) -> None:
    tested = keys(world, world.test_items(300))
    assert all(map(is_held_out, tested))
    for other in (world.seeds(300), world.seeds(300, 7), world.inputs(300)):
        assert not tested & keys(world, other)
        assert not any(map(is_held_out, keys(world, other)))


def test_what_the_teacher_answers_is_right_unless_it_is_flawed(world: AnyWorld, task: Task) -> None:
    rng = random.Random(0)
    wrong = 0
    for item in (*world.seeds(300), *world.test_items(300)):
        problem = problem_of(world, item.question)
        assert task.parse_answer(item.answer) == item.answer.strip()
        if task.judge is None:
            right = task.parse_answer(world.answered(problem, rng, flawed=False))
            assert right is not None
            assert task.score_item(item, right).outcome is Outcome.RIGHT, (item, right)
            slip = task.parse_answer(world.answered(problem, rng, flawed=True))
            wrong += slip is None or task.score_item(item, slip).outcome is Outcome.WRONG
    assert task.judge is not None or wrong >= 594


def test_a_rephrasing_asks_the_same_in_other_words_unless_it_is_flawed(world: AnyWorld) -> None:
    rng = random.Random(0)
    changed = 0
    for item in world.seeds(300):
        problem = problem_of(world, item.question)
        said = world.rephrased(problem, item.question, rng, flawed=False)
        assert said != item.question
        assert world.key(problem_of(world, said)) == world.key(problem)
        other = world.read(world.rephrased(problem, item.question, rng, flawed=True), rng)
        changed += other is None or world.key(other) != world.key(problem)
    assert changed >= 285


def test_a_new_question_is_answerable_unless_the_augmenter_slips_and_hardly_ever_a_tested_one(world: AnyWorld) -> None:
    rng = random.Random(0)
    tested = keys(world, world.test_items(300))
    for augmenter in (FAULTLESS, STRONG, WEAK):
        made = [
            world.read(world.invented(problem_of(world, item.question), rng, augmenter), rng)
            for item in world.seeds(300)
            for _ in range(2)
        ]
        refused = sum(one is None for one in made) / len(made)
        assert abs(refused - augmenter.unanswerable) <= 3.5 * (0.25 / len(made)) ** 0.5
        assert augmenter is not FAULTLESS or refused == 0
        assert sum(one is not None and world.key(one) in tested for one in made) <= 0.1 * len(made)


def test_pretraining_shows_no_held_out_problem(world: AnyWorld, task: Task) -> None:
    rng = random.Random(0)
    questions = 0
    for _ in range(200):
        asked, answer = world.easy(rng)
        assert task.parse_answer(answer) == answer.strip()
        assert not is_held_out(world.key(problem_of(world, asked.rsplit("\n\n", 1)[-1])))
        text = world.read(world.texts(rng).rsplit("\n\n", 1)[-1], rng)
        assert text is None or not is_held_out(world.key(text))
        questions += text is not None  # the others are answers without their questions
    assert questions > 60


def test_a_hundred_seeds_leave_a_large_part_of_the_types_unseen(world: AnyWorld) -> None:
    few, many = unseen_types(world.name, (100, 1000), 300)
    assert 0.2 < few < 0.97
    assert many < few


def test_other_texts_are_of_no_world(world: AnyWorld) -> None:
    for text in ("", "What is love?", "How many apples does Mia have now?"):
        assert world.read(text, random.Random(0)) is None


def test_no_world_reads_the_questions_of_another(world: AnyWorld) -> None:
    rng = random.Random(0)
    for other in WORLDS:
        if other is not world:
            assert all(other.read(item.question, rng) is None for item in world.seeds(200))


def test_an_unknown_world_is_an_error_that_names_the_known_ones() -> None:
    assert world_of("maths").name == "maths"
    with pytest.raises(InputError, match=r"'chess'.*maths"):
        world_of("chess")
