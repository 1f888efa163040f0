"""How fast a teacher is asked: rules checked on given times."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pacing import Concurrency, Pace, Rate


@given(st.floats(1, 10_000), st.lists(st.floats(0, 30), max_size=60))
def test_no_minute_holds_more_than_the_rate_and_one(per_minute: float, pauses: list[float]):
    rate, now, went = Rate(per_minute), 0.0, []
    for pause in pauses:
        now += pause
        went.append(rate.take(1.0, now))
    for start in went:
        assert sum(start <= at < start + 60 for at in went) <= per_minute + 1.0 + 1e-6


@given(st.lists(st.floats(1, 5_000), min_size=1, max_size=40))
def test_tokens_are_spread_by_what_was_really_used(amounts: list[float]):
    rate = Rate(6_000)
    for amount in amounts:
        rate.take(100.0, 0.0)
        rate.correct(amount - 100.0)
    assert rate.take(0.0, 0.0) == pytest.approx(sum(amounts) / 100)


def test_without_a_limit_everything_goes_at_once():
    assert Rate(None).take(1e9, 5.0) == 5.0


def test_a_refusal_halves_and_those_sent_before_it_do_not_halve_again():
    pace = Concurrency(64)
    pace.refused(sent_at=1.0, now=2.0)
    pace.refused(sent_at=1.5, now=2.1)
    assert pace.limit == 32
    pace.refused(sent_at=2.2, now=2.3)
    assert pace.limit == 16


def test_a_storm_of_quick_refusals_within_one_round_trip_halves_once():
    pace = Concurrency(200)
    pace.succeeded(0.5)
    for i in range(100):
        pace.refused(sent_at=1.0 + i / 1000, now=1.0 + (i + 1) / 1000)
    assert pace.limit == 100


def test_successes_bring_it_back_in_half_a_round_trip_and_then_feel_their_way():
    pace = Concurrency(200)
    pace.limit = 100.0
    pace.refused(sent_at=0.0, now=1.0)
    assert pace.limit == 50
    for _ in range(1 + 25):
        pace.succeeded(0.5)
    assert pace.limit == 100
    for _ in range(100):
        pace.succeeded(0.5)
    assert 100.9 < pace.limit < 101.1


def test_while_refusals_come_between_successes_it_does_not_grow():
    pace, now = Concurrency(64), 0.0
    for _ in range(100):
        now += 0.1
        pace.succeeded(0.1)
        pace.refused(sent_at=now, now=now)
    assert pace.limit == 1


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), max_size=200), st.integers(1, 300))
def test_it_stays_between_one_and_the_most(events: list[tuple[bool, float]], most: int):
    pace, now = Concurrency(most), 0.0
    for good, seconds in events:
        now += seconds
        if good:
            pace.succeeded(seconds)
        else:
            pace.refused(now, now)
        assert 1 <= pace.limit <= most


def test_no_more_than_the_limit_are_on_their_way_and_all_get_through():
    pace, together, most = Pace(4), 0, 0

    async def one() -> None:
        nonlocal together, most
        async with pace.slot(1.0, 1) as slot:
            together += 1
            most = max(most, together)
            await asyncio.sleep(0)
            together -= 1
            slot.answered(1, 1)

    async def run() -> None:
        tasks = [asyncio.create_task(one()) for _ in range(50)]
        await asyncio.sleep(0)
        tasks[20].cancel()  # one that waits for its turn gives it up
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(d, asyncio.CancelledError) for d in done) == 1
        async with pace.slot(1.0, 1):
            pass

    asyncio.run(run())
    assert most == 4
