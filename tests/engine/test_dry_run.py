import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr

from engine.costs import Price, queries_for
from engine.domain import Item, Strategy
from engine.dry_run import VISITS, dry_run
from engine.generation import Generator
from engine.ledger import Ceiling, Ledger
from engine.plan import TeacherPlan
from engine.query_pace import Measured
from engine.store import Store
from engine.strategies import PLAIN
from engine.tasks import load_task
from engine.teachers.openai_compatible import OpenAICompatibleTeacher
from engine.written import written_in
from tests.openai_server import KEY, MODEL, serving

SEEDS = tuple(Item(f"s{i}", f"What is {i} plus {i}?", f"#### {2 * i}") for i in range(10))
STRATEGIES = (Strategy.ANSWER_AUGMENTATION, Strategy.NEW_QUESTION)


def test_two_visits_of_each_strategy_are_asked_and_the_pilot_buys_none_of_them_again(tmp_path: Path):
    store = Store(tmp_path / "home" / "seedpilot.sqlite")
    math = load_task("math")
    with serving(lambda _: "So it is.\n#### 4") as server:
        server.latency_s = 0.05

        def generator(run_id: str) -> Generator:
            store.file_run(run_id, "pilot", {}, run_id)
            ledger = Ledger(store, run_id, Ceiling(None, None), bound=lambda _: 0.01, price=lambda _: 0.001)
            teacher = OpenAICompatibleTeacher(server.base_url, MODEL, SecretStr(KEY))
            return Generator(teacher, ledger, concurrency=4, check=lambda: None)

        found = asyncio.run(dry_run(generator("dry"), math, dict.fromkeys(STRATEGIES, SEEDS), PLAIN))
        asked = sum(queries_for(VISITS, strategy) for strategy in STRATEGIES)
        assert found is not None
        assert found.queries == server.answered == asked
        assert found.seconds >= 0.05
        assert found.output_tokens == 5
        wrote = written_in(store.folder("dry"))
        assert [row["strategy"] for row in wrote] == [s.value for s in STRATEGIES for _ in range(VISITS)]
        assert {row["seed"] for row in wrote} <= {seed.question for seed in SEEDS}
        by = {row["strategy"]: row for row in wrote}
        assert by["answer_augmentation"]["question"] == by["answer_augmentation"]["seed"]
        assert all((row["rejected"] is None) == (row["answer"] is not None) for row in wrote)
        for strategy in STRATEGIES:
            asyncio.run(generator("pilot").pool(strategy, math, SEEDS, 10, lambda: None))
        assert server.answered == sum(queries_for(10, strategy) for strategy in STRATEGIES)


def test_time_follows_the_tightest_limit():
    found = Measured(queries=6, seconds=2.0, input_tokens=300.0, output_tokens=100.0)
    assert found.time_s(1000, TeacherPlan(concurrency=8)) == pytest.approx(250)
    assert found.time_s(1000, TeacherPlan(concurrency=8, requests_per_minute=60)) == pytest.approx(1000)
    assert found.time_s(1000, TeacherPlan(concurrency=8, tokens_per_minute=12_000)) == pytest.approx(2000)
    assert found.time_s(1, TeacherPlan(concurrency=256)) == 2.0


def test_unknown_tokens_or_prices_give_no_price():
    found = Measured(6, 2.0, None, 100.0)
    assert found.usd(10, Price(1.0, 1.0)) is None
    assert Measured(6, 2.0, 300.0, 100.0).usd(10, Price(None, 1.0)) is None
    assert Measured(6, 2.0, 300.0, 100.0).usd(1000, Price(1.0, 2.0)) == pytest.approx(0.5)
    assert found.usd(10, Price(0.0, 0.0)) == 0.0
