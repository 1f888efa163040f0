"""The money rules of the ledger, against a real server that misbehaves."""

import asyncio
import multiprocessing
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from engine.domain import Item, Message, Reply, Request, Strategy
from engine.errors import CeilingReachedError, OutcomeUnknownError, TeacherRefusedError, TeacherUnreachableError
from engine.generation import Generator
from engine.ledger import Account, Ceiling, Ledger, account, query_key
from engine.store import Store
from engine.tasks import load_task
from engine.teachers.openai_compatible import OpenAICompatibleTeacher
from tests.openai_server import KEY, MODEL, OpenAIServer, serving

MATH = load_task("math")
SEEDS = tuple(Item(f"s{i}", f"What is {i} plus {i}?", f"#### {2 * i}") for i in range(10))


def voice(messages: list[dict[str, str]]) -> str:
    return "I think.\n#### 4"


def request(sample: int = 0) -> Request:
    return Request((Message("user", "Question: 2+2?"),), max_tokens=100, temperature=0.7, sample_index=sample)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home" / "seedpilot.sqlite")
    for run_id in ("r1", "r2"):
        store.file_run(run_id, "pilot", {}, run_id)
    return store


def ledger(store: Store, queries: int | None = None, usd: float | None = None, run_id: str = "r1") -> Ledger:
    return Ledger(
        store, run_id, Ceiling(queries, usd), bound=lambda _: 0.01, price=lambda r: 0.001 * (r.output_tokens or 0)
    )


def teacher(server: OpenAIServer, timeout_s: float = 5.0) -> OpenAICompatibleTeacher:
    return OpenAICompatibleTeacher(server.base_url, MODEL, SecretStr(KEY), timeout_s=timeout_s)


async def pay(book: Ledger, who: OpenAICompatibleTeacher, asked: Request) -> Reply:
    key = query_key(who.name, "answer_augmentation", "s1", asked)
    paid = await book.pay(key, asked, teacher=who.name, strategy="answer_augmentation", seed_id="s1", send=who.ask)
    return paid.reply


def test_a_received_reply_is_never_bought_again_in_whatever_run(store: Store):
    with serving(voice) as server:
        for run_id in ("r1", "r1", "r2"):
            asyncio.run(pay(ledger(store, run_id=run_id), teacher(server), request()))
        assert server.answered == 1
    assert account(store, "r1").settled == 1
    assert account(store, "r2") == Account(0, 0, 0, 0)


def test_another_draw_of_the_same_prompt_is_another_query(store: Store):
    with serving(voice) as server:
        for sample in (0, 1):
            asyncio.run(pay(ledger(store), teacher(server), request(sample)))
        assert server.answered == 2


def test_a_key_is_what_it_was_when_the_first_replies_were_paid_for():
    # The number was computed by the first version: another one would buy every reply again.
    key = query_key("m at h", "answer_augmentation", "s1", request(2))
    assert key == "d1558976558bdd2a6cd1d2f8c17138f2120611c0fcc24b00daf4deb813a74bec"
    with_schema = replace(request(2), response_schema={"type": "object"})
    assert query_key("m at h", "answer_augmentation", "s1", with_schema) != key


def test_two_tasks_that_want_one_query_buy_it_once(store: Store):
    async def both(book: Ledger, who: OpenAICompatibleTeacher) -> list[Reply]:
        return await asyncio.gather(*(pay(book, who, request()) for _ in range(2)))

    with serving(voice) as server:
        server.latency_s = 0.2
        first, second = asyncio.run(both(ledger(store), teacher(server)))
        assert server.answered == 1
    assert first == second


def test_two_live_runs_that_want_one_query_buy_it_once(store: Store):
    async def both(who: OpenAICompatibleTeacher) -> None:
        await asyncio.gather(*(pay(ledger(store, run_id=run_id), who, request()) for run_id in ("r1", "r2")))

    for run_id in ("r1", "r2"):
        assert store.claim(run_id, 1, 1.0)
    with serving(voice) as server:
        server.latency_s = 0.3
        asyncio.run(both(teacher(server)))
        assert server.answered == 1


def test_where_both_bought_one_query_all_the_same_both_are_charged_and_the_first_reply_holds(store: Store):
    async def both(who: OpenAICompatibleTeacher) -> list[Reply]:
        return await asyncio.gather(*(pay(ledger(store, run_id=r), who, request()) for r in ("r1", "r2")))

    with serving(voice) as server:  # neither run has a worker that says that it lives
        server.latency_s = 0.3
        replies = asyncio.run(both(teacher(server)))
        assert server.answered == 2
    assert replies[0] == replies[1]
    assert account(store, "r1").settled == account(store, "r2").settled == 1


def test_a_reply_whose_asker_was_cancelled_stays_charged(store: Store):
    async def cancelled(who: OpenAICompatibleTeacher) -> None:
        task = asyncio.create_task(pay(ledger(store), who, request()))
        while not server.seen:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with serving(voice) as server:
        server.latency_s = 1.0
        asyncio.run(cancelled(teacher(server)))
    assert account(store, "r1") == Account(0, 1, 0, pytest.approx(0.01))


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_who_is_cancelled_before_anything_was_sent_is_charged_nothing(store: Store, turns: int):
    async def sent(_: Request) -> Reply:
        raise AssertionError("nothing is sent after it was cancelled")

    async def cancelled() -> None:
        paying = ledger(store).pay("key", request(), teacher="t", strategy="s", seed_id="i", send=sent)
        task = asyncio.create_task(paying)
        for _ in range(turns):  # until the reservation is asked for, written and on its way to the disk
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert account(store, "r1") == Account(0, 0, 0, 0)


def test_the_reservation_is_on_disk_before_the_request_is_sent(store: Store):
    seen: list[tuple[str, float]] = []

    async def send(_: Request) -> Reply:
        with sqlite3.connect(store.path) as connection:
            seen.extend(connection.execute("SELECT state, reserved_usd FROM queries"))
        return Reply("x", "stop", 1, 1)

    asyncio.run(ledger(store).pay("key", request(), teacher="t", strategy="s", seed_id="i", send=send))
    assert seen == [("reserved", 0.01)]


def test_the_ceiling_in_queries_refuses_before_anything_is_sent(store: Store):
    with serving(voice) as server:
        book = ledger(store, queries=2)
        for sample in (0, 1):
            asyncio.run(pay(book, teacher(server), request(sample)))
        with pytest.raises(CeilingReachedError, match="ceiling of 2 queries"):
            asyncio.run(pay(book, teacher(server), request(2)))
        assert server.requests == 2


def test_the_ceiling_in_money_counts_reservations_at_their_bound(store: Store):
    # The bound is 0.01 a query: 0.025 lets two be on their way at once, not three.
    with serving(voice) as server:
        server.latency_s = 0.3

        async def three() -> list[object]:
            book, who = ledger(store, usd=0.025), teacher(server)
            return await asyncio.gather(*(pay(book, who, request(i)) for i in range(3)), return_exceptions=True)

        outcomes = asyncio.run(three())
        assert sum(isinstance(o, CeilingReachedError) for o in outcomes) == 1
        assert server.requests == 2


def test_a_lost_reply_stays_charged_and_its_retry_is_a_new_reservation(store: Store):
    with serving(voice) as server:
        server.faults = ["garbage"]
        with pytest.raises(OutcomeUnknownError):
            asyncio.run(pay(ledger(store), teacher(server), request()))
        asyncio.run(pay(ledger(store), teacher(server), request()))
    paid = account(store, "r1")
    assert (paid.settled, paid.unknown) == (1, 1)
    assert paid.usd == pytest.approx(0.01 + 0.001 * 4)


def test_a_rate_limit_and_a_refused_connection_release_their_reservations(store: Store):
    nobody = OpenAICompatibleTeacher("http://127.0.0.1:9/v1", MODEL, None, timeout_s=2)
    with pytest.raises(TeacherUnreachableError):
        asyncio.run(pay(ledger(store), nobody, request()))
    with serving(voice) as server:
        server.faults = ["429"] * 3
        generator = Generator(teacher(server), ledger(store, queries=1), concurrency=1, check=lambda: None)
        asyncio.run(generator.replies("x", SEEDS[:1], [request()], lambda: None))
    assert account(store, "r1") == Account(1, 0, 0, pytest.approx(0.004))


def test_what_a_dead_worker_left_on_its_way_becomes_unknown_and_stays_charged(store: Store):
    with serving(voice) as server:
        server.latency_s = 30
        process = multiprocessing.get_context("spawn").Process(target=_pay_and_wait, args=(store.path, server.base_url))
        process.start()
        while account(store, "r1").reserved == 0:
            assert process.is_alive()
        process.kill()
        process.join()
    assert ledger(store).close_open_reservations() == 1
    assert account(store, "r1") == Account(0, 1, 0, pytest.approx(0.01))


def _pay_and_wait(path: Path, base_url: str) -> None:
    who = OpenAICompatibleTeacher(base_url, MODEL, SecretStr(KEY), timeout_s=60)
    asyncio.run(pay(ledger(Store(path)), who, request()))


def test_a_price_that_is_unknown_makes_the_sum_unknown_and_not_zero(store: Store):
    book = Ledger(store, "r1", Ceiling(None, None), bound=lambda _: None, price=lambda _: None)
    with serving(voice) as server:
        asyncio.run(pay(book, teacher(server), request()))
    assert account(store, "r1").usd is None


@pytest.mark.parametrize("ceiling", [25, 60, 400])
def test_the_money_rules_hold_in_a_storm_of_failures(store: Store, ceiling: int):
    rates = {"429": 0.1, "500": 0.05, "garbage": 0.05, "cut_connection": 0.05, "cut_off": 0.05, "slow": 0.02}
    with serving(voice, fault_rates=rates) as server:
        server.slow_s = 0.6
        who = teacher(server, timeout_s=0.4)
        generator = Generator(who, ledger(store, queries=ceiling), concurrency=8, check=lambda: None)
        drafts, why = asyncio.run(
            generator.pool(Strategy.QUESTION_REPHRASE, MATH, SEEDS, visits=40, on_visit=lambda: None)
        )
        paid = account(store, "r1")
        assert paid.reserved == 0
        assert paid.settled <= server.answered <= paid.settled + paid.unknown <= ceiling
        assert bool(why) == (len(drafts) < 40)
        before = server.answered
        # Again, with a parser that takes nothing: only what never arrived may be asked.
        lost = paid.queries
        asyncio.run(generator.pool(Strategy.QUESTION_REPHRASE, MATH, SEEDS, visits=len(drafts), on_visit=lambda: None))
        again = account(store, "r1")
        assert again.settled - paid.settled <= sum(d is None for d in drafts) * 2
        assert again.settled <= server.answered <= again.settled + again.unknown <= ceiling
        assert server.answered >= before
        assert again.queries >= lost


def test_a_wrong_key_ends_the_pool_with_one_message_and_charges_nothing(store: Store):
    with serving(voice) as server:
        wrong = OpenAICompatibleTeacher(server.base_url, MODEL, SecretStr("sk-wrong"), timeout_s=5)
        generator = Generator(wrong, ledger(store), concurrency=4, check=lambda: None)
        with pytest.raises(TeacherRefusedError, match="refused the key"):
            asyncio.run(generator.pool(Strategy.ANSWER_AUGMENTATION, MATH, SEEDS, 40, lambda: None))
    assert account(store, "r1") == Account(0, 0, 0, 0)


def test_an_endpoint_that_is_not_well_stops_the_run_after_a_bounded_number_of_failures(store: Store):
    with serving(voice, fault_rates={"garbage": 1.0}) as server:
        generator = Generator(teacher(server), ledger(store), concurrency=32, check=lambda: None)
        with pytest.raises(OutcomeUnknownError):
            asyncio.run(generator.pool(Strategy.ANSWER_AUGMENTATION, MATH, SEEDS, 400, lambda: None))
        assert server.answered < 400


def test_the_calls_of_each_strategy_are_those_that_its_price_counts(store: Store):
    from engine.costs import calls_per_example
    from engine.law import STRATEGIES

    for strategy in STRATEGIES:
        with serving(voice) as server:
            generator = Generator(teacher(server), ledger(store), concurrency=1, check=lambda: None)
            asyncio.run(generator.pool(strategy, MATH, SEEDS, 1, lambda: None))
            assert server.answered == calls_per_example(strategy)
