"""The SQL world: every form of a query gives the same rows, and every question can be read back."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from engine.domain import Item, Outcome, Paid, Request, Strategy
from engine.sandbox.sql import WORLD, context
from engine.sandbox.sql_databases import SCHEMAS, Schema, build, folder, rows_of
from engine.sandbox.sql_language import ASKED, SAID, read, write
from engine.sandbox.sql_problems import ASKS, CONDITIONS, COUNTS, ODD, Problem, query, sample, sample_problem, written
from engine.strategies import Visit, drafter
from engine.tasks import load_task
from engine.tasks.sql import schema as schema_in
from engine.teachers.sandbox import SandboxTeacher

PROBLEMS = [sample_problem(rng) for rng in [random.Random(0)] for _ in range(1500)]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda one: one.name)
def test_the_shipped_database_is_the_one_that_is_written(schema: Schema, tmp_path: Path) -> None:
    shipped = folder() / "database" / f"{schema.name}.sqlite"
    with sqlite3.connect(tmp_path / "new.sqlite") as fresh, sqlite3.connect(shipped) as old:
        build(schema, fresh)
        assert list(old.iterdump()) == list(fresh.iterdump())
    assert schema_in(shipped) == context(schema.name)
    assert shipped.stat().st_size < 10_000


def test_what_is_written_can_be_read_back() -> None:
    rng = random.Random(1)
    for problem in PROBLEMS:
        text = write(problem, rng)
        assert read(text, rng) == problem, text


def test_every_sentence_of_every_ask_and_condition_can_be_read_back() -> None:
    rng = random.Random(2)
    assert set(ASKED) == set(ASKS)
    assert set(SAID) == set(CONDITIONS)
    for ask in ASKS:
        problem = sample(ask, ("is",), rng)
        assert problem is not None
        for text in {write(problem, rng) for _ in range(200)}:
            assert read(text, rng) == problem, text
    for kind in CONDITIONS:
        problem = sample("count", (kind,), rng)
        assert problem is not None
        for text in {write(problem, rng) for _ in range(200)}:
            assert read(text, rng) == problem, text


def test_every_form_of_a_query_gives_the_same_rows_and_never_none() -> None:
    rng = random.Random(3)
    for problem in PROBLEMS:
        rows = rows_of(problem.schema, query(problem))
        assert rows
        for form in {written(problem, rng) for _ in range(4)}:
            assert Counter(rows_of(problem.schema, form)) == Counter(rows), form


def test_the_projects_scorer_runs_the_query_on_the_real_database() -> None:
    task = load_task("text_to_sql", folder() / "seeds.jsonl")
    item = WORLD.test_items(1)[0]
    assert task.score_item(item, item.answer).outcome is Outcome.RIGHT
    assert task.score_item(item, "SELECT nothing FROM nowhere").outcome is Outcome.WRONG
    assert task.score_item(item, "DROP TABLE pupils").outcome is Outcome.WRONG
    lost = Item("x", item.question, item.answer, fields={"db_id": "nowhere"})
    assert task.score_item(lost, item.answer).outcome is Outcome.NOT_SCORED


def test_weights_add_up_to_one_and_a_hundred_seeds_leave_a_third_to_a_half_of_the_types_unseen() -> None:
    for weights in (ASKS.values(), CONDITIONS.values(), COUNTS.values()):
        assert sum(weights) == pytest.approx(1)
    rng = random.Random(0)

    def types(items: tuple[Item, ...]) -> list[tuple[str, ...]]:
        found = [read(item.question, rng) for item in items]
        return [one.type for one in found if one is not None]

    seen = set(types(WORLD.seeds(100)))
    tested = types(WORLD.test_items(1000))
    assert 1 / 3 < sum(one not in seen for one in tested) / len(tested) < 0.52
    odd = sum(one[0] in ODD or len(one) > 3 for one in tested) / len(tested)
    assert odd < 0.03


def test_another_answer_to_a_question_is_often_another_query_and_every_strategy_keeps_most() -> None:
    task = load_task("text_to_sql", folder() / "seeds.jsonl")
    teacher = SandboxTeacher()

    async def ask(request: Request) -> Paid:
        return Paid(await teacher.ask(request), 1)

    for strategy in Strategy:
        visits = [Visit(task, seed, nth, ask, ask) for seed in WORLD.seeds(30) for nth in range(3)]
        drafts = [asyncio.run(drafter(strategy)(visit)) for visit in visits]
        kept = {(one.question, one.answer) for one in drafts if one.rejected is None}
        assert len(kept) > 0.5 * len(drafts), strategy


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many pupils are there?", "SELECT COUNT(*) FROM pupils"),
        ("Count the goods with the shade red.", "SELECT COUNT(*) FROM products WHERE colour = 'red'"),
        (
            "Which 3 players of teams with the division east have the most hits?",
            "SELECT players.name FROM players JOIN teams ON players.team = teams.id WHERE league = 'east' "
            "ORDER BY goals DESC LIMIT 3",
        ),
        (
            "Which cities have no inns with fewer than 20 rooms?",
            "SELECT name FROM cities WHERE id NOT IN (SELECT city FROM hotels WHERE rooms < 20)",
        ),
    ],
)
def test_a_question_means_its_query(question: str, expected: str) -> None:
    problem = read(question, random.Random(0))
    assert problem is not None
    assert query(problem) == expected


@pytest.mark.parametrize(
    "text",
    [
        "How many pupils with the shade red are there?",
        "How many pupils whose town is Paris are there?",
        "How many pupils with more than some points are there?",
        "How many pupils with more than 20 points and are there?",
        "Show the height of all pupils.",
    ],
)
def test_what_no_database_has_is_not_read(text: str) -> None:
    assert read(text, random.Random(0)) is None


def test_conditions_are_the_same_problem_in_any_order() -> None:
    problem = next(one for one in PROBLEMS if len(one.conditions) == 2)
    turned = Problem(problem.schema, problem.ask, problem.columns, problem.limit, problem.conditions[::-1])
    assert WORLD.key(turned) == WORLD.key(problem)
