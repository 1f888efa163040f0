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
    return BatchGenerator(teacher, ledger, check=lambda: None, quiet_s=0.05, poll_s=(0.02, 0.05), looked_for_s=0.3)


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
    server.batches.hold_upload = threading.Event()
    _killed(store, server, lambda: account(store, "r1").reserved == 20)
    server.batches.hold_upload.set()
    server.batches.hold_upload = None
    server.batches.deletes_files = False  # nothing needs to be looked for: no creation was sent
    assert ask(generator(store, server.base_url)) == TEXTS
    assert account(store, "r1").queries == server.answered == 20


def test_a_creation_that_arrives_after_its_run_went_on_finds_no_file_and_is_not_paid(
    store: Store, server: OpenAIServer
):
    late = server.batches.hold_arrival = threading.Event()
    _killed(store, server, server.batches.arrived.is_set)
    server.batches.hold_arrival = None
    assert ask(generator(store, server.base_url)) == TEXTS
    late.set()
    time.sleep(0.2)
    assert (len(server.batches.batches), server.answered) == (1, 20), "the late one was refused"
    assert account(store, "r1") == Account(20, 0, 0, pytest.approx(0.0001 * sum(len(t.split()) for t in TEXTS)))


def test_a_creation_that_is_slow_is_waited_for_and_not_bought_again(store: Store, server: OpenAIServer):
    slow = server.batches.hold_arrival = threading.Event()
    _killed(store, server, server.batches.arrived.is_set)
    server.batches.deletes_files = False
    threading.Timer(0.5, slow.set).start()
    asking = generator(store, server.base_url)
    asking.looked_for_s = 20
    assert ask(asking) == TEXTS
    assert (len(server.batches.batches), server.answered) == (1, 20), "bought once"
    assert (account(store, "r1").settled, account(store, "r1").unknown) == (20, 0)


def test_where_nobody_can_know_queries_stay_charged_and_a_late_batch_is_taken_in_not_bought_again(
    store: Store, server: OpenAIServer
):
    server.batches.deletes_files = False
    late = server.batches.hold_arrival = threading.Event()
    _killed(store, server, server.batches.arrived.is_set)
    assert ask(generator(store, server.base_url, queries=20)) == [None] * 20, "the ceiling counts what may be paid"
    assert (account(store, "r1").unknown, server.answered) == (20, 0)
    late.set()
    _until(lambda: len(server.batches.batches) == 1)
    assert ask(generator(store, server.base_url, queries=20)) == TEXTS
    assert (len(server.batches.batches), server.answered) == (1, 20)
    assert (account(store, "r1").settled, account(store, "r1").unknown) == (20, 0)


def test_a_batch_that_came_after_its_queries_were_bought_anew_is_charged_and_kept_as_a_repeat(
    store: Store, server: OpenAIServer
):
    server.batches.deletes_files = False
    late = server.batches.hold_arrival = threading.Event()
    _killed(store, server, server.batches.arrived.is_set)
    server.batches.hold_arrival = None
    assert ask(generator(store, server.base_url, queries=40)) == TEXTS
    assert (account(store, "r1").settled, account(store, "r1").unknown) == (20, 20)
    late.set()
    _until(lambda: len(server.batches.batches) == 2)
    for batch in list(server.batches.batches):  # the endpoint works it off, whoever looks
        for _ in range(3):
            server.batches.look(batch, lambda body: _complete(server, body))
    assert server.answered == 40
    assert holds(store, server), "while nobody knows of it"
    asking = generator(store, server.base_url, queries=40)
    asyncio.run(asking.resume())
    assert (account(store, "r1").settled, account(store, "r1").unknown) == (40, 0)
    assert ask(asking) == TEXTS
    assert server.answered == 40


def test_an_endpoint_that_does_not_say_what_it_has_releases_nothing(store: Store, server: OpenAIServer):
    late = server.batches.hold_arrival = threading.Event()
    _killed(store, server, server.batches.arrived.is_set)
    server.batches.lists = False
    with pytest.raises(OutcomeUnknownError):
        ask(generator(store, server.base_url))
    assert account(store, "r1").reserved == 20
    server.batches.lists = True
    late.set()
    _until(lambda: len(server.batches.batches) == 1)
    assert ask(generator(store, server.base_url)) == TEXTS
    assert (len(server.batches.batches), server.answered) == (1, 20)


def _complete(server: OpenAIServer, body: dict) -> tuple[int, dict]:
    server.answered += 1
    message = {"role": "assistant", "content": voice(body["messages"])}
    return 200, {
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 6},
    }


def _until(true: object) -> None:
    end = time.time() + 20
    while not true():  # type: ignore[operator]
        assert time.time() < end
        time.sleep(0.01)


def _killed(store: Store, server: OpenAIServer, when: object) -> None:
    """A worker that asks, and is killed with SIGKILL once `when` is true."""
    context = multiprocessing.get_context("forkserver")  # imports are done once for all of them
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_work, args=(store.path, server.base_url))
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
