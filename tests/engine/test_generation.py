"""Visits in order, streamed; and what a pause, a slow reply and a changed mind about reasoning cost."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from engine.domain import Item, Message, Request, Strategy
from engine.errors import CeilingReachedError
from engine.generation import Generator
from engine.in_order import LOOKAHEAD, VISITS_PER_SLOT, InOrder
from engine.ledger import Account, Ceiling, Ledger, account
from engine.store import Store
from engine.tasks import load_task
from engine.teachers.openai_compatible import OpenAICompatibleTeacher
from tests.openai_server import KEY, MODEL, OpenAIServer, serving

SEEDS = tuple(Item(f"s{i}", f"What is {i} plus {i}?", f"#### {2 * i}") for i in range(10))


def voice(messages: list[dict[str, str]]) -> str:
    return "I think.\n#### 4"


def request(sample: int = 0) -> Request:
    return Request((Message("user", "Question: 2+2?"),), max_tokens=100, temperature=0.7, sample_index=sample)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home" / "seedpilot.sqlite")
    store.file_run("r1", "pilot", {}, "r1")
    return store


def generator(store: Store, server: OpenAIServer, concurrency: int = 4, **options: object) -> Generator:
    ledger = Ledger(store, "r1", Ceiling(None, None), bound=lambda _: 0.01, price=lambda _: 0.001)
    teacher = OpenAICompatibleTeacher(server.base_url, MODEL, SecretStr(KEY), timeout_s=5)
    return Generator(teacher, ledger, concurrency=concurrency, check=lambda: None, **options)  # type: ignore[arg-type]


class Silent(Generator):
    """A generator for visits that ask nobody."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency = concurrency
        self._failures = 0


@settings(deadline=None, max_examples=40)
@given(
    pauses=st.lists(st.integers(0, 4), max_size=60),
    concurrency=st.integers(1, 7),
    ends=st.one_of(st.none(), st.integers(0, 60)),
)
def test_results_come_in_order_and_what_came_behind_a_refused_visit_is_given_out_too(
    pauses: list[int], concurrency: int, ends: int | None
):
    finished: list[int] = []

    async def visit(index: int) -> int:
        for _ in range(pauses[index]):
            await asyncio.sleep(0)
        if index == ends:
            raise CeilingReachedError("full")
        finished.append(index)
        return index

    async def run() -> tuple[list[int | None], str, int]:
        seen = 0

        def on_visit() -> None:
            nonlocal seen
            seen += 1

        visits = InOrder(Silent(concurrency), visit, len(pauses), on_visit)
        return [result async for result in visits], visits.why, seen

    results, why, seen = asyncio.run(run())
    reached = ends is not None and ends < len(pauses)
    assert results == [index if index in finished else None for index in range(max(finished, default=-1) + 1)]
    assert len(finished) == len(pauses) or reached
    assert why == ("full" if reached else "")
    assert seen == len(finished)


def test_one_slow_visit_lets_the_others_run_ahead_and_only_so_far():
    slow, begun = asyncio.Event(), 0

    async def visit(index: int) -> int:
        nonlocal begun
        begun += 1
        if index == 0:
            await slow.wait()
        return index

    async def run() -> list[int | None]:
        visits = InOrder(Silent(2), visit, 1000, lambda: None)
        taking = asyncio.create_task(_all(visits))
        for _ in range(2000):
            await asyncio.sleep(0)
        ahead = LOOKAHEAD * VISITS_PER_SLOT * 2
        assert ahead - 4 <= begun <= ahead + 4, "held back, so that memory stays flat"
        slow.set()
        return await taking

    assert asyncio.run(run()) == list(range(1000))


async def _all(visits: InOrder[int]) -> list[int | None]:
    return [result async for result in visits]


def test_who_stops_early_waits_for_what_was_sent_and_loses_nothing(store: Store):
    async def first_two(asks: Generator) -> int:
        drafts = asks.drafts(Strategy.ANSWER_AUGMENTATION, load_task("math"), SEEDS, 200, lambda: None)
        taken = 0
        async with aclosing(aiter(drafts)) as stream:
            async for _ in stream:
                taken += 1
                if taken == 2:
                    break
        return taken

    with serving(voice) as server:
        server.latency_s = 0.02
        assert asyncio.run(first_two(generator(store, server))) == 2
        paid = account(store, "r1")
        assert (paid.unknown, paid.reserved) == (0, 0)
        assert 2 <= paid.settled == server.answered < 200


def test_another_mind_about_reasoning_asks_nothing_anew(store: Store):
    with serving(voice) as server:
        server.reasoning = "Two and two."
        texts = [
            asyncio.run(
                generator(store, server, keep_reasoning=keep).replies("x", SEEDS[:1], [request()], lambda: None)
            )
            for keep in (False, True)
        ]
        assert server.answered == 1
    assert texts == [["I think.\n#### 4"], ["<think>\nTwo and two.\n</think>\nI think.\n#### 4"]]


def test_a_refused_request_waits_as_long_as_it_was_asked_to_and_the_others_go_on(store: Store):
    with serving(voice) as server:
        server.faults = ["429"]
        server.retry_after = "1.0"
        asks = generator(store, server, concurrency=2)
        order: list[int] = []

        async def visit(index: int) -> None:
            await asks.ask("x", f"s{index}")(request(index))
            order.append(index)

        asyncio.run(_each(InOrder(asks, visit, 12, lambda: None)))
        assert sorted(order) == list(range(12))
        assert order[-1] in (0, 1), "the one that was refused came last, the others did not wait for it"
    assert account(store, "r1") == Account(12, 0, 0, pytest.approx(0.012))


async def _each(visits: InOrder[None]) -> None:
    async for _ in visits:
        pass


def test_where_the_endpoint_bears_few_at_once_fewer_are_sent_and_all_are_answered(store: Store):
    with serving(voice) as server:
        server.latency_s, server.most_at_once, server.retry_after = 0.02, 4, "0.02"
        asks = generator(store, server, concurrency=64)
        items = [Item(f"s{i}", "2+2?", "4") for i in range(300)]
        texts = asyncio.run(asks.replies("x", items, [request(i) for i in range(300)], lambda: None))
        assert texts.count(None) == 0
        assert server.answered == 300
        assert asks.pace.concurrency.limit < 32, "it learnt from the refusals"
    assert account(store, "r1") == Account(300, 0, 0, pytest.approx(0.3))


def test_five_nested_budgets_pay_for_the_largest_alone(store: Store):
    with serving(voice) as server:
        asks = generator(store, server, concurrency=16)
        for visits in (5, 10, 20, 40, 80):
            asyncio.run(asks.pool(Strategy.QUESTION_REPHRASE, load_task("math"), SEEDS, visits, lambda: None))
        assert server.answered == 160
        assert 2 * (5 + 10 + 20 + 40 + 80) / server.answered >= 1.9
        asyncio.run(asks.pool(Strategy.QUESTION_REPHRASE, load_task("math"), SEEDS, 80, lambda: None))
        assert server.answered == 160, "a finished grid run again asks nothing"
