"""Batches against a real server: bought once, whatever dies in between."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from engine.batches import BatchGenerator
from engine.domain import Item, Message, Reply, Request
from engine.errors import OutcomeUnknownError, RateLimitedError, TeacherRefusedError
from engine.generation import ATTEMPTS
from engine.ledger import Account, Ceiling, Ledger, account
from engine.store import Store
from engine.teachers.openai_compatible import OpenAICompatibleTeacher
from tests.openai_server import KEY, MODEL, OpenAIServer, serving

ITEMS = tuple(Item(f"s{i}", f"What is {i} plus {i}?", str(2 * i)) for i in range(20))
REQUESTS = [Request((Message("user", item.question),), 50, 0.7, 0) for item in ITEMS]


def voice(messages: list[dict[str, str]]) -> str:
    return f"{messages[-1]['content']} 4"


TEXTS = [voice([{"content": item.question}]) for item in ITEMS]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "home" / "seedpilot.sqlite")
    store.file_run("r1", "pilot", {}, "r1")
    store.claim("r1", 1, 1.0)
    return store


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with serving(voice) as server:
        yield server


def generator(store: Store, base_url: str, queries: int | None = None) -> BatchGenerator:
    def price(reply: Reply) -> float:
        return 0.0001 * (reply.output_tokens or 0)

    ledger = Ledger(store, "r1", Ceiling(queries, None), bound=lambda _: 0.01, price=price)
    teacher = OpenAICompatibleTeacher(base_url, MODEL, SecretStr(KEY), timeout_s=5)
    return BatchGenerator(teacher, ledger, check=lambda: None, quiet_s=0.05, poll_s=(0.02, 0.05))


def ask(generator: BatchGenerator) -> list[str | None]:
    generator.ledger.close_open_reservations()
    return asyncio.run(generator.replies("x", ITEMS, REQUESTS, lambda: None))


def holds(store: Store, server: OpenAIServer) -> bool:
    paid = account(store, "r1")
    return paid.settled <= server.answered <= paid.queries


def test_all_visits_go_out_in_one_batch_and_come_back_in_their_order(store: Store, server: OpenAIServer):
    assert ask(generator(store, server.base_url)) == TEXTS
    assert len(server.batches.batches) == 1
    assert account(store, "r1") == Account(20, 0, 0, pytest.approx(0.0001 * sum(len(t.split()) for t in TEXTS)))


def test_asked_again_nothing_is_sent(store: Store, server: OpenAIServer):
    ask(generator(store, server.base_url))
    assert ask(generator(store, server.base_url)) == TEXTS
    assert (len(server.batches.batches), server.answered) == (1, 20)


def test_the_reservations_are_on_disk_before_anything_is_uploaded(store: Store, server: OpenAIServer):
    server.batches.hold_creation = threading.Event()
    asking = threading.Thread(target=ask, args=(generator(store, server.base_url),))
    asking.start()
    assert server.batches.created.wait(20)
    assert account(store, "r1").reserved == 20
    server.batches.hold_creation.set()
    asking.join()


def test_requests_that_failed_inside_a_batch_are_released_and_asked_in_the_next(store: Store, server: OpenAIServer):
    server.faults = ["500"] * 3
    assert ask(generator(store, server.base_url)) == TEXTS
    assert len(server.batches.batches) == 2
    assert (account(store, "r1").settled, account(store, "r1").unknown) == (20, 0)
    assert holds(store, server)


def test_a_request_that_the_endpoint_refuses_has_no_reply_and_the_others_have(store: Store, server: OpenAIServer):
    server.faults = ["refused"]
    texts = ask(generator(store, server.base_url))
    assert sorted(text is None for text in texts) == [False] * 19 + [True]
    assert account(store, "r1").settled == server.answered == 19


def test_batches_that_expire_are_asked_again_a_few_times_and_cost_nothing(store: Store, server: OpenAIServer):
    server.batches.ends_as = "expired"
    with pytest.raises(RateLimitedError, match="could not be executed in time"):
        ask(generator(store, server.base_url))
    assert len(server.batches.batches) == ATTEMPTS
    assert account(store, "r1") == Account(0, 0, 0, 0)


def test_a_batch_that_the_endpoint_refuses_whole_ends_the_run_and_costs_nothing(store: Store, server: OpenAIServer):
    server.batches.ends_as = "failed"
    with pytest.raises(TeacherRefusedError, match="the file is no batch"):
        ask(generator(store, server.base_url))
    assert account(store, "r1") == Account(0, 0, 0, 0)


def test_the_ceiling_holds_before_the_upload(store: Store, server: OpenAIServer):
    texts = ask(generator(store, server.base_url, queries=7))
    assert sum(text is not None for text in texts) == 7
    assert server.answered == 7


def test_a_creation_that_failed_is_told_and_releases_everything(store: Store, server: OpenAIServer):
    server.batches.refuse_creation = 1
    with pytest.raises(OutcomeUnknownError, match="The server had an error"):
        ask(generator(store, server.base_url))
    assert account(store, "r1") == Account(0, 0, 0, 0)
    assert ask(generator(store, server.base_url)) == TEXTS
    assert server.answered == 20


def test_a_worker_killed_before_it_knew_the_batch_finds_it_by_its_name(store: Store, server: OpenAIServer):
    server.batches.hold_creation = threading.Event()
    _killed(store, server, server.batches.created.is_set)
    server.batches.hold_creation.set()
    server.batches.hold_creation = None
    assert account(store, "r1").reserved == 20
    assert ask(generator(store, server.base_url)) == TEXTS
    assert (len(server.batches.batches), server.answered) == (1, 20), "bought once"
    assert account(store, "r1").settled == 20


def test_a_worker_killed_while_it_waits_leaves_a_batch_that_the_next_one_takes_in(store: Store, server: OpenAIServer):
    server.batches.looks_until_done = 10_000
    _killed(store, server, lambda: sum(server.batches._looks.values()) > 3)
    server.batches.looks_until_done = 0
    assert ask(generator(store, server.base_url)) == TEXTS
    assert (len(server.batches.batches), server.answered) == (1, 20), "bought once"


def test_a_worker_killed_before_the_upload_is_charged_for_nothing(store: Store, server: OpenAIServer):
    server.batches.refuse_creation = 10_000
    _killed(store, server, lambda: account(store, "r1").reserved == 20 or server.batches.files != {})
    server.batches.refuse_creation = 0
    assert ask(generator(store, server.base_url)) == TEXTS
    assert account(store, "r1").queries == server.answered == 20


def _killed(store: Store, server: OpenAIServer, when: object) -> None:
    """A worker that asks, and is killed with SIGKILL once `when` is true."""
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(store.path, server.base_url))
    process.start()
    end = time.time() + 60
    while not when():  # type: ignore[operator]
        assert time.time() < end
        assert process.is_alive()
        time.sleep(0.005)
    process.kill()
    process.join()


def _work(path: Path, base_url: str) -> None:
    ask(generator(Store(path), base_url))
