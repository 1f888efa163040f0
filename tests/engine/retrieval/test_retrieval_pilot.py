"""A retrieval pilot through a real endpoint: paid once, counted whole, and gone on with after a stop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from engine import worker
from engine.cli import main
from engine.costs import Price
from engine.domain import Reply, Request
from engine.errors import InputError
from engine.generation import Generator
from engine.ledger import Ceiling, Ledger, account
from engine.nothing_kept import TRIAL
from engine.plan import PilotPlan, check_plan
from engine.records import RunState
from engine.retrieval.advice import Assumed, advise, as_json
from engine.retrieval.asks import RetrievalStrategy
from engine.retrieval.filing import file_retrieval, result_of_run
from engine.retrieval.paid import made
from engine.retrieval.prepared import prepare_retrieval
from engine.settings import ROOT
from engine.similarity import Known, features
from engine.store import Store
from engine.teachers.openai_compatible import OpenAICompatibleTeacher
from tests.engine.retrieval.folders import small_sandbox, world_voice
from tests.openai_server import KEY, MODEL, OpenAIServer, serving

VARIABLE = "SEEDPILOT_TEST_KEY"
QUERIES = 3 * 24 + 40
"""A query for each training query by each of three strategies, and one for each test query."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_sandbox(tmp_path_factory.mktemp("collection") / "small")


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    with serving(world_voice) as found:
        yield found


def plan(folder: Path, server: OpenAIServer, calls: int | None = None, **ceiling: Any) -> PilotPlan:
    return check_plan(
        {
            "name": "small",
            "teacher": {
                "kind": "openai_compatible",
                "base_url": server.base_url,
                "model": MODEL,
                "key_env": VARIABLE,
                "usd_per_million_input": 1.0,
                "usd_per_million_output": 2.0,
            },
            "ceiling": ceiling,
            "retrieval": {
                "collection": str(folder),
                "encoder": str(ROOT / "data/sandbox/encoder"),
                "calls": calls,
                "weights": [4.0],
                "replicates": 1,
                "steps": 10,
                "batch_size": 8,
                "learning_rate": 1e-3,
                "latency_searches": 20,
            },
        }
    )


@pytest.fixture(scope="module")
def done(
    folder: Path, server: OpenAIServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, str, dict[str, Any]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY)
        store = Store(tmp_path_factory.mktemp("home") / "seedpilot.sqlite")
        run = file_retrieval(plan(folder, server), store)
        assert worker.run(run, store) == RunState.DONE, store.run(run).message
        result = result_of_run(store, run)
        assert result is not None
        yield store, run, result


def test_each_query_is_paid_once_and_every_visit_is_counted(
    done: tuple[Store, str, dict[str, Any]], server: OpenAIServer
) -> None:
    store, run, result = done
    assert server.answered == QUERIES == account(store, run).settled == result["queries"]["settled"]
    for name, asked in result["strategies"].items():
        assert sum(asked["counts"].values()) == (40 if name == "expansion_at_search" else 24)
        assert asked["replies"] == sum(asked["counts"].values()) - asked["counts"]["not_asked"]
        assert asked["usd"] > 0
    assert sum(asked["usd"] for asked in result["strategies"].values()) == pytest.approx(result["queries"]["usd"])


@pytest.mark.slow
def test_a_second_pilot_on_the_same_collection_buys_nothing(
    done: tuple[Store, str, dict[str, Any]], folder: Path, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    store, _, first = done
    before = server.answered
    again = file_retrieval(plan(folder, server), store)
    assert worker.run(again, store) == RunState.DONE
    assert server.answered == before
    result = result_of_run(store, again)
    assert result is not None
    assert result["queries"]["settled"] == 0
    assert result["arms"] == first["arms"]


def test_every_arm_is_measured_on_both_sides_and_compared_with_both(done: tuple[Store, str, dict[str, Any]]) -> None:
    result = done[2]
    arms = {arm["arm"]: arm for arm in result["arms"]}
    assert {"random", "bm25", "untuned", "plain", "softqe", "distance_alone", "query_rephrase", "new_query"} <= set(
        arms
    )
    for arm in arms.values():
        for side in ("in_domain", "out_of_domain"):
            found = arm["sides"][side]
            assert found["queries"] == 20
            assert (
                0 <= found["ndcg_at_10"]["low80"] <= found["ndcg_at_10"]["mean"] <= found["ndcg_at_10"]["high80"] <= 1
            )
    # Expanded queries hold what their passages say: that much must be seen even in so small a pilot.
    assert arms["expansion_at_search"]["sides"]["in_domain"]["ndcg_at_10"]["mean"] > 0.6
    assert arms["random"]["sides"]["in_domain"]["ndcg_at_10"]["mean"] < 0.15
    pairs = {(row["one"], row["other"], row["side"]) for row in result["comparisons"]}
    assert {("softqe", "plain", side) for side in ("in_domain", "out_of_domain")} <= pairs
    assert all(row["adjusted_p"] >= row["p"] for row in result["comparisons"])


def test_a_run_goes_on_with_what_it_has(done: tuple[Store, str, dict[str, Any]], server: OpenAIServer) -> None:
    store, run, first = done
    folder = store.folder(run)
    (folder / "retrieval.json").unlink()
    marks = {path: path.stat().st_mtime_ns for path in folder.glob("arms/*/scores.json")}
    gone = next(path for path in marks if path.parent.name == "plain-0")
    gone.unlink()
    with store.transaction() as connection:
        connection.execute(text("UPDATE runs SET state = 'paused' WHERE id = :id"), {"id": run})
    before = server.answered
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY)
        assert worker.run(run, store) == RunState.DONE
    assert server.answered == before
    kept = [path for path, made in marks.items() if path.stat().st_mtime_ns == made]
    assert set(marks) - set(kept) == {gone}
    result = result_of_run(store, run)
    assert result is not None
    assert result["arms"] == first["arms"]


def test_advice_takes_another_teachers_price_and_says_from_when_it_pays(
    done: tuple[Store, str, dict[str, Any]],
) -> None:
    result = done[2]
    found = advise(result, Assumed(Price(10.0, 100.0), 800.0, "assumed"))
    ways = {way.arm: way for way in found.ways}
    asked = result["strategies"]["expansion_at_search"]
    each = (10 * asked["input_tokens"] + 100 * asked["output_tokens"]) / 1e6
    assert ways["expansion_at_search"].usd_per_thousand == pytest.approx(1000 * each)
    assert ways["expansion_at_search"].teacher_ms == 800
    assert (ways["softqe"].usd_per_thousand, ways["softqe"].teacher_ms, ways["plain"].usd_once) == (0, 0, 0)
    assert ways["softqe"].usd_once is not None
    assert found.break_even_searches == pytest.approx(ways["softqe"].usd_once / each)
    gain = 100 * (
        ways["expansion_at_search"].quality["in_domain"]["mean"] - ways["softqe"].quality["in_domain"]["mean"]
    )
    assert found.usd_per_point["in_domain"] == pytest.approx(1000 * each / gain)
    unknown = advise(result, Assumed(Price(None, None)))
    assert unknown.break_even_searches is None
    assert {way.usd_per_thousand for way in unknown.ways if way.arm == "expansion_at_search"} == {None}
    json.dumps(as_json(unknown), allow_nan=False)


def test_a_ceiling_below_the_need_is_refused_with_the_count(folder: Path, server: OpenAIServer) -> None:
    with pytest.raises(InputError, match=rf"found 50, but the plan needs {QUERIES} queries"):
        prepare_retrieval(plan(folder, server, queries=50))


def test_at_the_ceiling_asking_ends_and_what_was_not_asked_is_counted(
    folder: Path, server: OpenAIServer, tmp_path: Path
) -> None:
    store = Store(tmp_path / "home/seedpilot.sqlite")
    run = file_retrieval(plan(folder, server), store)
    ledger = Ledger(store, run, Ceiling(10, None), lambda _: 0.0, lambda _: 0.0)
    teacher = OpenAICompatibleTeacher(server.base_url, MODEL, SecretStr(KEY))
    generator = Generator(teacher, ledger, concurrency=4, check=lambda: None)
    about = [(f"q{i}", f"query {i}") for i in range(8)]
    found = asyncio.run(made(generator, RetrievalStrategy.EXPANSION, about, 24, Known([]), on_visit=lambda: None))
    assert account(store, run).settled == 10
    assert (found.counts["kept"], found.counts["not_asked"], sum(found.counts.values())) == (10, 14, 24)
    assert "ceiling of 10 queries is reached" in found.why


def test_a_query_that_is_nearly_a_test_query_or_a_copy_is_left_out(server: OpenAIServer, tmp_path: Path) -> None:
    store = Store(tmp_path / "home/seedpilot.sqlite")
    store.file_run("r", "r", {}, "r")
    ledger = Ledger(store, "r", Ceiling(10, None), lambda _: 0.0, lambda _: 0.0)
    generator = Generator(Parrot(), ledger, concurrency=1, check=lambda: None)
    about = [("a", "how wings fly"), ("b", "what slabs of metal do in heat"), ("c", "how wings fly"), ("d", "  ")]
    forbidden = Known([features("What do slabs of metal do in heat?")])
    found = asyncio.run(made(generator, RetrievalStrategy.REPHRASE, about, 4, forbidden, lambda: None))
    assert found.texts == {"a": ("how wings fly",)}
    counts = {reason: count for reason, count in found.counts.items() if count}
    assert counts == {"kept": 1, "near_a_test_query": 1, "copy": 1, "unparsable": 1}


class Parrot:
    """Says what it was asked about."""

    name = "parrot"

    async def ask(self, request: Request) -> Reply:
        return Reply(request.messages[-1].content.partition(": ")[2], "stop", 1, 1)


def test_asking_ends_after_a_trial_of_which_nothing_was_kept_and_what_is_not_there_is_not_distilled(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    with serving(lambda _: " ") as blank:
        store = Store(tmp_path / "home/seedpilot.sqlite")
        run = file_retrieval(plan(folder, blank, calls=100), store)
        assert worker.run(run, store) == RunState.FAILED
        assert blank.answered == TRIAL
    message = store.run(run).message
    assert "There is nothing to distil" in message
    assert (
        "Nothing of 60 replies for query expansion was kept (60 times: unparsable), so no more were asked for"
        in message
    )


def test_a_strategy_of_which_nothing_was_kept_has_no_arm_and_the_others_have_theirs(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, KEY)

    def without_new_queries(messages: list[dict[str, str]]) -> str:
        return " " if messages[0]["content"].startswith("Write a search query") else world_voice(messages)

    with serving(without_new_queries) as server:
        store = Store(tmp_path / "home/seedpilot.sqlite")
        run = file_retrieval(plan(folder, server), store)
        assert worker.run(run, store) == RunState.DONE, store.run(run).message
    result = result_of_run(store, run)
    assert result is not None
    arms = {arm["arm"] for arm in result["arms"]}
    assert "new_query" not in arms
    assert {"plain", "softqe", "query_rephrase"} <= arms
    assert result["strategies"]["new_query"]["counts"]["unparsable"] == 24
    assert "Nothing of 24 replies for new query was kept" in store.run(run).message
    assert advise(result).headline


def test_wrong_plans_are_refused_whole(folder: Path) -> None:
    with pytest.raises(InputError) as refused:
        check_plan({"retrieval": {"collection": str(folder), "encoder": "sandbox", "weights": [0.0]}})
    assert len(refused.value.problems) == 2
    with pytest.raises(InputError, match="the sandbox teacher knows the sandbox's world only"):
        prepare_retrieval(check_plan({"retrieval": {"collection": str(folder), "encoder": "scratch"}}))


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["retrieval", *map(str, arguments)])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def test_the_command_checks_a_collection_and_refuses_a_wrong_one(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = said(capsys, "check", folder, "--json")
    assert status == 0
    assert json.loads(out)["test"] == {"in_domain": 20, "out_of_domain": 20}
    status, out, told = said(capsys, "check", tmp_path, "--json")
    assert (status, out) == (2, "")
    assert "corpus.jsonl" in told


def test_a_dry_run_counts_the_queries_and_asks_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(
        capsys, "pilot", "--collection", folder, "--teacher", "feedback", "--train-queries", 10, "--dry-run", "--json"
    )
    found = json.loads(out)
    assert (status, found["queries"]) == (0, {"query_expansion": 10, "expansion_at_search": 40})
    assert found["expected_usd"] == 0
    assert "feedback" in found["label"]


@pytest.mark.slow
def test_the_whole_sandbox_pilot_ranks_its_baselines(tmp_path: Path) -> None:
    store = Store(tmp_path / "home/seedpilot.sqlite")
    run = file_retrieval(check_plan({"name": "sandbox", "retrieval": {}}), store)
    assert worker.run(run, store) == RunState.DONE
    result = result_of_run(store, run)
    assert result is not None
    assert result["label"].startswith("sandbox")
    means = {arm["arm"]: arm["sides"]["in_domain"]["ndcg_at_10"]["mean"] for arm in result["arms"] if arm["sides"]}
    assert means["random"] < means["bm25"] < means["untuned"] < means["plain"] < means["expansion_at_search"]
