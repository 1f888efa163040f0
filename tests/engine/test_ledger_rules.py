"""The money rules as a state machine: two real workers on one store, a real server that misbehaves, and a
SIGKILL whenever hypothesis likes. After every step, for each run, in queries and in money:

settled <= what the server billed <= settled + unknown + on their way <= ceiling
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.request import urlopen

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydantic import SecretStr

from engine import generation
from engine.domain import Item, Message, Reply, Request
from engine.errors import CeilingReachedError, TeacherError
from engine.generation import Generator
from engine.ledger import Ceiling, Ledger, account
from engine.store import Store
from engine.teachers.openai_compatible import OpenAICompatibleTeacher
from tests.openai_server import MODEL, OpenAIServer, serving

RUNS = ("r1", "r2")
"""Both want the same queries, so each may buy what the other does not have yet."""
QUERIES = 40
MAX_TOKENS = 12
USD_PER_TOKEN = 0.001
ITEMS = tuple(Item(f"s{i}", f"What is {i} plus {i}?", str(2 * i)) for i in range(QUERIES))
FAULTS = ("429", "500", "slow", "garbage", "cut_connection", "dropped", "cut_off")

PROCESSES = multiprocessing.get_context("forkserver")


@pytest.fixture(autouse=True, scope="module")
def own_forkserver() -> Iterator[None]:
    """A process has one server of copies: one that training left there has other libraries, and each worker would
    import this module anew."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
    PROCESSES.set_forkserver_preload(["tests.engine.test_ledger_rules"])
    yield
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def voice(messages: list[dict[str, str]]) -> str:
    return " ".join(["so"] * (len(messages[-1]["content"]) % 7 + 1)) + " 4"


def requests() -> list[Request]:
    return [Request((Message("user", item.question),), MAX_TOKENS, 0.7, 0) for item in ITEMS]


def generator(store: Store, run_id: str, base_url: str, ceiling: Ceiling, timeout_s: float) -> Generator:
    def price(reply: Reply) -> float | None:
        return None if reply.output_tokens is None else USD_PER_TOKEN * reply.output_tokens

    ledger = Ledger(store, run_id, ceiling, bound=lambda r: USD_PER_TOKEN * r.max_tokens, price=price)
    teacher = OpenAICompatibleTeacher(base_url, MODEL, SecretStr(f"key-of-{run_id}"), timeout_s=timeout_s)
    return Generator(teacher, ledger, concurrency=8, check=lambda: None)


def work(path: Path, run_id: str, base_url: str, ceiling: Ceiling) -> None:
    """What a worker does with a run: claims it, closes what a dead one left, asks."""
    generation._backoff = lambda attempt: 0.02  # type: ignore[assignment]
    store = Store(path)
    if not store.claim(run_id, multiprocessing.current_process().pid or 0, time.time()):
        return
    asks = generator(store, run_id, base_url, ceiling, timeout_s=0.3)
    asks.ledger.close_open_reservations()
    # An endpoint that is not well ends the run; what was charged is what is looked at.
    with suppress(TeacherError, CeilingReachedError):
        asyncio.run(asks.replies("strategy", ITEMS, requests(), lambda: None))


class MoneyRules(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.workers: dict[str, BaseProcess] = {}

    @initialize(
        queries=st.sampled_from([5, 30, 200]),
        usd=st.sampled_from([0.03, 0.15, 10.0]),
        rates=st.dictionaries(st.sampled_from(FAULTS), st.floats(0.02, 0.15), max_size=4),
    )
    def begin(self, queries: int, usd: float, rates: dict[str, float]) -> None:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.server: OpenAIServer = self.stack.enter_context(serving(voice, key=None, fault_rates=rates))
        self.server.latency_s, self.server.slow_s = 0.02, 0.5
        self.store = Store(folder / "seedpilot.sqlite")
        self.ceilings = {"r1": Ceiling(queries, None), "r2": Ceiling(None, usd)}
        for run_id in RUNS:
            self.store.file_run(run_id, "pilot", {}, run_id)

    @rule(run_id=st.sampled_from(RUNS))
    def start(self, run_id: str) -> None:
        self.stop(run_id)
        arguments = (self.store.path, run_id, self.server.base_url, self.ceilings[run_id])
        self.workers[run_id] = PROCESSES.Process(target=work, args=arguments)
        self.workers[run_id].start()

    @rule(run_id=st.sampled_from(RUNS))
    def stop(self, run_id: str) -> None:
        """Kills the run's worker wherever it is; a dead worker is seen by its process, as a worker does."""
        if (worker := self.workers.pop(run_id, None)) is not None:
            worker.kill()
            worker.join()
            self.store.release_lost(run_id)

    @rule(seconds=st.floats(0.01, 0.25))
    def let_them_work(self, seconds: float) -> None:
        time.sleep(seconds)

    @rule(fault=st.sampled_from(FAULTS), times=st.integers(1, 12))
    def a_burst_of_one_fault(self, fault: str, times: int) -> None:
        self.server.faults = [fault] * times

    @invariant()
    def the_money_rules_hold(self) -> None:
        if not hasattr(self, "store"):
            return
        for run_id in RUNS:
            key = f"key-of-{run_id}"
            before = account(self.store, run_id)
            billed = list(self.server.billed.get(key, ()))
            after = account(self.store, run_id)
            ceiling = self.ceilings[run_id]
            # Read in this order, each side may only have grown in its own favour.
            assert before.settled <= len(billed) <= after.queries
            assert after.queries <= (ceiling.queries or after.queries)
            assert _settled_usd(self.store, run_id, before.settled) <= USD_PER_TOKEN * sum(billed) + 1e-9
            assert after.usd is not None
            assert USD_PER_TOKEN * sum(billed) <= after.usd + 1e-9
            assert after.usd <= (ceiling.usd or after.usd) + 1e-9
        with sqlite3.connect(self.store.path) as rows:
            bought_twice = "SELECT key FROM queries WHERE state = 'settled' GROUP BY key HAVING count(*) > 1"
            assert rows.execute(bought_twice).fetchall() == []
            totals = (
                "SELECT (SELECT sum(queries) FROM charges), (SELECT count(*) FROM queries WHERE state != 'released')"
            )
            kept, counted = rows.execute(totals).fetchone()
            assert (kept or 0) == counted, "the running totals are those of the rows"

    def teardown(self) -> None:
        if hasattr(self, "store"):
            for run_id in RUNS:
                self.stop(run_id)
            self._finish()
        self.stack.close()

    def _finish(self) -> None:
        """A well server and no ceiling: what is left is bought, and nothing that was received."""
        self._until_the_dead_are_served()
        self.server.faults, self.server.fault_rates = [], {}
        received = _received(self.store)
        answered = self.server.answered
        for run_id in RUNS:
            # Patient: on a busy machine a reply that is given up is bought again, and no rule was broken.
            asks = generator(self.store, run_id, self.server.base_url, Ceiling(None, None), timeout_s=60.0)
            asks.ledger.close_open_reservations()
            texts = asyncio.run(asks.replies("strategy", ITEMS, requests(), lambda: None))
            assert texts == [voice([{"content": item.question}]) for item in ITEMS] or _cut_off(self.store)
        assert self.server.answered - answered == QUERIES - len(received), "only what never arrived is bought"
        assert received.items() <= _received(self.store).items(), "no reply was lost or replaced"
        self.the_rules_at_the_end()

    def _until_the_dead_are_served(self) -> None:
        """What killed workers had sent may still wait at the server, which takes connections in their order."""
        with urlopen(f"{self.server.base_url}/models") as reply:
            reply.read()
        while self.server.connections:
            time.sleep(0.01)

    def the_rules_at_the_end(self) -> None:
        paid = [account(self.store, run_id) for run_id in RUNS]
        assert sum(a.reserved for a in paid) == 0
        assert sum(a.settled for a in paid) <= self.server.answered <= sum(a.queries for a in paid)


def _settled_usd(store: Store, run_id: str, first: int) -> float:
    """What the first so many settled replies cost: there may be more by now than the account counted."""
    query = (
        "SELECT coalesce(sum(reply_usd), 0) FROM (SELECT reply_usd FROM queries WHERE run_id = ? "
        "AND state IN ('settled', 'repeated') ORDER BY settled_at LIMIT ?)"
    )
    with sqlite3.connect(store.path) as rows:
        return float(rows.execute(query, (run_id, first)).fetchone()[0])


def _received(store: Store) -> dict[str, str]:
    with sqlite3.connect(store.path) as rows:
        return dict(rows.execute("SELECT key, reply FROM queries WHERE state = 'settled'").fetchall())


def _cut_off(store: Store) -> bool:
    with sqlite3.connect(store.path) as rows:
        return rows.execute("SELECT 1 FROM queries WHERE finish_reason = 'length'").fetchone() is not None


TestMoneyRules = pytest.mark.timeout(240)(MoneyRules.TestCase)
TestMoneyRules.settings = settings(
    max_examples=8,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A failure is told as it was found: making it smaller takes minutes of killed workers and never fails twice alike.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
