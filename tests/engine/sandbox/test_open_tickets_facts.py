"""The worlds of facts, tickets and open answers: what each of them has that the others have not."""

from __future__ import annotations

import asyncio
import json
import random
import tomllib
from collections import Counter
from typing import Any

import pytest
from tokenizers import Regex, pre_tokenizers

from engine.curation import curate
from engine.determined import not_applicable
from engine.domain import Item, Outcome, Paid, Request, Strategy
from engine.sandbox import facts, open_answers, tickets
from engine.sandbox.fact_base import BASE, RELATIONS, SORTS
from engine.sandbox.student import _PIECES, SPACE
from engine.sandbox.worlds import WEAK, World
from engine.strategies import PLAIN, Visit, drafter
from engine.tasks import Task, task_from
from engine.teachers.sandbox import SandboxTeacher

AnyWorld = World[Any]
MODULES = (facts, tickets, open_answers)
SPLIT = pre_tokenizers.Split(Regex(_PIECES), "isolated")


def task_of(world: AnyWorld) -> Task:
    return task_from(tomllib.loads(world.task), world.folder, world.name)


def tokens(text: str) -> list[str]:
    return [piece for piece, _ in SPLIT.pre_tokenize_str(text.replace(" ", SPACE))]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.WORLD.name)
def test_every_token_of_what_is_asked_and_answered_is_a_known_word_and_texts_are_short(module: Any) -> None:
    world, rng = module.WORLD, random.Random(0)
    known, task = world.words(), task_of(world)

    def check(text: str, longest: int = 999) -> None:
        found = tokens(text)
        strange = {one for one in found if not one.isdigit() and one.strip(SPACE + "\n")} - known
        assert not {one for one in strange if one.removeprefix(SPACE) not in known}, text
        assert len(found) <= longest, text

    for item in (*world.seeds(300), *world.test_items(300)):
        problem = world.read(item.question, rng)
        check(task.student_prompt(item.asked)[0].content, 60)
        check(item.answer, 60)
        check(world.answered(problem, rng, flawed=True), 60)
        check(world.rephrased(problem, item.question, rng, flawed=rng.random() < 0.5))
        check(world.invented(problem, rng, WEAK))
        for text in (*world.easy(rng), world.texts(rng)):
            check(text)


def test_a_hundred_seeds_leave_a_large_part_of_each_world_unseen() -> None:
    for module in MODULES:
        world, rng = module.WORLD, random.Random(0)
        types = [world.type_of(world.read(item.question, rng)) for item in world.test_items(500)]
        seeds = {world.type_of(world.read(item.question, rng)) for item in world.seeds(100)}
        assert 0.3 < sum(one in seeds for one in types) / len(types) < 0.78


# --- facts --------------------------------------------------------------------------------------------


def test_every_relation_leads_from_each_thing_of_its_sort_to_one_of_the_other_and_never_to_itself() -> None:
    assert len(BASE) == sum(len(SORTS[relation.source]) for relation in RELATIONS.values())
    assert all(BASE[name, start] in SORTS[RELATIONS[name].target] for name, start in BASE)
    assert all(start != end for (_, start), end in BASE.items())


def test_a_question_of_facts_is_reasoned_out_hop_by_hop() -> None:
    rng = random.Random(0)
    chain = facts.with_choices(facts.Chain("Ada", ("friend", "trade", "tool")), rng)
    friend = BASE["friend", "Ada"]
    trade = BASE["trade", friend]
    assert chain.steps == (("friend", "Ada"), ("trade", friend), ("tool", trade))
    said = facts.answered(chain, rng, flawed=False)
    assert all(word in said for word in (friend, trade, BASE["tool", trade]))
    assert said.endswith(f"Final answer: {'ABCD'[chain.choices.index(BASE['tool', trade])]}")


def test_a_question_without_the_right_choice_or_without_a_start_is_unanswerable() -> None:
    rng = random.Random(0)
    for item in facts.WORLD.seeds(30):
        right = facts.WORLD.read(item.question, rng)
        assert right is not None
        assert facts.WORLD.read(item.question.replace(f". {right.end}", ". nothing"), rng) is None
        assert facts.WORLD.read(item.question.split("\n")[0], rng) is None


# --- tickets ------------------------------------------------------------------------------------------


def test_a_tickets_answer_is_determined_so_that_another_answer_is_not_applicable() -> None:
    task = task_of(tickets.WORLD)
    assert task.determined
    assert not_applicable(task, Strategy) == {Strategy.ANSWER_AUGMENTATION}
    ticket = tickets.WORLD.read("Hello, my kettle has not arrived. It is urgent. My order is 4217.", random.Random(0))
    assert ticket is not None
    said = {tickets.answered(ticket, random.Random(n), flawed=False) for n in range(20)}
    assert said == {'{"category": "shipping", "priority": "high", "order": 4217}'}


def test_the_categories_of_tickets_have_skewed_shares() -> None:
    shares = Counter(json.loads(item.answer)["category"] for item in tickets.WORLD.seeds(1000))
    assert shares["shipping"] > 300
    assert 0 < shares["legal"] < 50
    assert "other" not in shares


# --- open answers -------------------------------------------------------------------------------------


def test_most_open_questions_have_several_right_answers_and_no_scorer_knows_them() -> None:
    task, rng = task_of(open_answers.WORLD), random.Random(0)
    problems = [open_answers.read(item.question, rng) for item in open_answers.WORLD.test_items(300)]
    assert sum(len(one.fitting) > 1 for one in problems if one is not None) > 200
    item = open_answers.WORLD.seeds(1)[0]
    assert task.score_item(item, item.answer).outcome is Outcome.NOT_SCORED


def test_the_judge_of_the_sandbox_answers_the_prompt_of_a_real_one() -> None:
    task, rng, teacher = task_of(open_answers.WORLD), random.Random(0), SandboxTeacher()
    judge = task.judge
    assert judge is not None

    def outcome(item: Item, reply: str) -> Outcome:
        return judge.verdict(asyncio.run(teacher.ask(judge.request(item, reply))).text).outcome

    for item in (*open_answers.WORLD.seeds(100), *open_answers.WORLD.test_items(100)):
        problem = open_answers.read(item.question, rng)
        assert problem is not None
        assert outcome(item, item.answer) is Outcome.RIGHT
        assert outcome(item, open_answers.answered(problem, rng, flawed=False)) is Outcome.RIGHT
        assert outcome(item, open_answers.answered(problem, rng, flawed=True)) is Outcome.WRONG
    assert outcome(open_answers.WORLD.seeds(1)[0], "I cannot say.") is Outcome.WRONG


@pytest.mark.parametrize(
    ("reply", "grade"),
    [
        ("The flute. It costs 25 dollars.", 5),
        ("The songbook for 12 dollars.", 5),
        ("The flute. It costs 24 dollars.", 3),
        ("The flute.", 3),
        ("The flute for 25 dollars or the songbook for 12 dollars.", 3),
        ("The drum costs 40 dollars.", 2),
        ("The radio, it costs 30 dollars.", 2),
        ("A smile.", 1),
    ],
)
def test_an_open_answer_is_graded_by_fit_and_price(reply: str, grade: int) -> None:
    question = "What is a good present for Nora? Nora likes music. It must not be loud. I can pay 30 dollars."
    assert open_answers.judged(question, reply) == grade


# --- all three, through the strategies ------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.WORLD.name)
def test_most_of_what_the_strategies_make_of_a_world_is_kept(module: Any) -> None:
    world, task, teacher = module.WORLD, task_of(module.WORLD), SandboxTeacher()
    seeds, tests = world.seeds(50), world.test_items(300)

    async def ask(request: Request) -> Paid:
        return Paid(await teacher.ask(request), 1)

    async def drafts(strategy: Strategy) -> list[Any]:
        visits = (Visit(task, seed, nth, ask, ask, making=PLAIN) for nth in range(4) for seed in seeds)
        return [await drafter(strategy)(visit) for visit in visits]

    for strategy, least in ((Strategy.QUESTION_REPHRASE, 0.6), (Strategy.NEW_QUESTION, 0.6)):
        found = curate(strategy, seeds, tests, asyncio.run(drafts(strategy)))
        assert found.counts["kept"] >= least * 200, found.counts
