"""A strategy of which nothing is kept: asking for it ends, everything else goes on, and nobody is told "Finished"."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import pools, worker
from engine.adaptive import read_steps
from engine.domain import Strategy
from engine.errors import CeilingReachedError
from engine.following import follow
from engine.full_prepare import prepare_full
from engine.full_report import report_of
from engine.generation import Generator
from engine.in_order import InOrder
from engine.ledger import account
from engine.nothing_kept import TRIAL
from engine.plan import check_plan
from engine.pools import kept_so_far, none_kept
from engine.records import RunState
from engine.runs import advice, file_full, file_pilot
from engine.store import Store
from tests.openai_server import KEY, OpenAIServer, Voice, serving
from tests.pilots import ticket_plan
from tests.voices import TicketReader, asked

BOTH = {"new_question": 2 * 150, "question_rephrase": 2 * 20}


class OnlyCopies(TicketReader):
    """Writes every new question as it finds the seed's; all else as it should be."""

    def __call__(self, messages: list[dict[str, str]]) -> str:
        want, question = asked(messages)
        return question if want == "new" else super().__call__(messages)


class Silent(Generator):
    """A generator for visits that ask nobody."""

    def __init__(self, concurrency: int) -> None:
        self.concurrency, self._failures, self.check = concurrency, 0, lambda: None


def full(store: Store, server: OpenAIServer, folder: Path, spending: dict[str, int], **changes: Any) -> str:
    """A full run on tickets, filed."""
    raw = ticket_plan(server.base_url, folder, "exact", full={"spending": spending, "folder": str(folder)})
    kept = {name: raw[name] for name in ("name", "task", "seeds", "teacher", "full")}
    return file_full(prepare_full(check_plan(kept | {"test": {"teacher_items": 0}} | changes)), store, lambda _: None)


def report(store: Store, run_id: str) -> dict[str, Any]:
    found = report_of(store, run_id)
    assert found is not None
    return found


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(0, 40),
    trial=st.integers(1, 40),
    good=st.one_of(st.none(), st.integers(0, 39)),
    pauses=st.lists(st.integers(0, 4), min_size=40, max_size=40),
    concurrency=st.integers(1, 7),
)
def test_no_visit_begins_beyond_the_trial_until_one_before_was_good(
    count: int, trial: int, good: int | None, pauses: list[int], concurrency: int
) -> None:
    released, early = False, []

    async def visit(index: int) -> int:
        if index >= trial and not released:
            early.append(index)
        for _ in range(pauses[index]):
            await asyncio.sleep(0)
        return index

    async def run() -> tuple[list[int | None], int]:
        nonlocal released
        visits, found = InOrder(Silent(concurrency), visit, count, lambda: None, trial), []
        async for result in visits:
            found.append(result)
            if result == good:
                released = True
                visits.go_on()
        return found, visits.left

    found, left = asyncio.run(run())
    passed = good is not None and good < min(count, trial)
    assert found == list(range(count if passed else min(count, trial)))
    assert left == count - len(found)
    assert not early


def test_a_ceiling_within_the_trial_is_what_is_told() -> None:
    async def visit(index: int) -> int:
        if index == 3:
            raise CeilingReachedError("full")
        return index

    async def run() -> tuple[int, str]:
        visits = InOrder(Silent(2), visit, 30, lambda: None, 10)
        return len([result async for result in visits]), visits.why

    assert asyncio.run(run()) == (3, "full")


def test_a_strategy_of_which_nothing_is_kept_is_given_up_and_the_others_go_on(store: Store, tmp_path: Path) -> None:
    with serving(OnlyCopies()) as server:
        run_id = full(store, server, tmp_path / "data", BOTH)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        assert server.answered == 2 * TRIAL + 2 * 20, "nothing beyond the trial is paid"
        made, said = report(store, run_id), store.run(run_id).message
        assert made["counts"]["new_question"]["kept"] == 0
        assert sum(made["counts"]["new_question"].values()) == TRIAL
        assert made["counts"]["question_rephrase"]["kept"] > 0
        assert not made["complete"]
        card = (tmp_path / "data" / "README.md").read_text(encoding="utf-8")
        for told in (said, card):
            assert "None of the first 60 examples of new questions was kept" in told
            assert "of 60: it repeated a seed or an earlier example" in told
            assert "spend it on another strategy" in told
        assert "Nothing that was generated" not in said + card
        again = full(store, server, tmp_path / "again", BOTH)
        assert worker.run(again, store) == RunState.DONE
        assert server.answered == 2 * TRIAL + 2 * 20
    assert report(store, again)["counts"] == made["counts"]


def test_a_run_that_is_cut_off_within_the_trial_ends_it_at_the_same_visit(store: Store, tmp_path: Path) -> None:
    reader = OnlyCopies()

    def gone(messages: list[dict[str, str]]) -> str:
        if server.answered >= 50:
            server.key = "another-key"
        return reader(messages)

    with serving(gone) as server:
        run_id = full(store, server, tmp_path / "data", {"new_question": 300})
        assert worker.run(run_id, store) == RunState.WAITING_FOR_KEY
        assert 50 <= server.answered < 2 * TRIAL
        server.voice, server.key = reader, KEY
        assert worker.run(run_id, store) == RunState.DONE
        assert server.answered == 2 * TRIAL
    assert sum(report(store, run_id)["counts"]["new_question"].values()) == TRIAL


def test_the_last_visit_of_the_trial_may_pass_it(store: Store, tmp_path: Path) -> None:
    reader, copies, written = TicketReader(), OnlyCopies(), []

    def late(messages: list[dict[str, str]]) -> str:
        if asked(messages)[0] == "new":
            written.append(messages)
        return (reader if len(written) >= TRIAL else copies)(messages)

    with serving(late) as server:
        run_id = full(
            store, server, tmp_path / "data", {"new_question": 160}, teacher=one_at_a_time(server), seeds=few(tmp_path)
        )
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        assert server.answered == 160
    made = report(store, run_id)
    assert made["complete"]
    assert made["kept"] > 0


def one_at_a_time(server: OpenAIServer) -> dict[str, Any]:
    plan: dict[str, Any] = ticket_plan(server.base_url, Path())["teacher"]
    return plan | {"concurrency": 1}


def few(folder: Path) -> dict[str, Any]:
    path = folder / "few.jsonl"
    source = Path(ticket_plan("", folder)["seeds"]["path"])
    path.write_text("".join(source.read_text(encoding="utf-8").splitlines(keepends=True)[:80]), encoding="utf-8")
    return {"path": str(path)}


@pytest.mark.parametrize("queries", [2 * 10, 2 * 200])
def test_data_without_a_generated_example_say_so_wherever_they_are_read(
    store: Store, tmp_path: Path, queries: int
) -> None:
    with serving(OnlyCopies()) as server:
        run_id = full(store, server, tmp_path / "data", {"new_question": queries})
        assert worker.run(run_id, store) == RunState.DONE
        assert server.answered == min(queries, 2 * TRIAL)
    made, said = report(store, run_id), store.run(run_id).message
    assert made["kept"] == 0
    assert not made["complete"]
    assert said.startswith("Nothing that was generated is in this data set")
    assert said.count("it repeated a seed or an earlier example") == 1
    assert said.count("Before you ask again") == 1
    card = (tmp_path / "data" / "README.md").read_text(encoding="utf-8")
    assert "> **Nothing that was generated is in this data set.**" in card


def test_without_seeds_the_error_says_why_there_is_nothing(store: Store, tmp_path: Path) -> None:
    with serving(OnlyCopies()) as server:
        plan = {"spending": {"new_question": 300}, "folder": str(tmp_path / "data"), "with_seeds": False}
        run_id = full(store, server, tmp_path / "data", {"new_question": 300}, full=plan)
        assert worker.run(run_id, store) == RunState.FAILED
    assert "there is no data set to write. None of the first 60 examples of new questions" in store.run(run_id).message


def test_what_is_kept_so_far_is_known_while_the_run_goes_on(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "SO_FAR_EVERY_S", 0.0)
    reader, seen = TicketReader(), []

    def voice(messages: list[dict[str, str]]) -> str:
        seen.append(kept_so_far(store, run_id))
        return reader(messages)

    with serving(voice) as server:
        run_id = full(
            store, server, tmp_path / "data", {"new_question": 40, "question_rephrase": 40},
            teacher=one_at_a_time(server),
        )  # fmt: skip
        assert kept_so_far(store, run_id) is None, "nothing was begun: unknown, not none"
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
    counts = [count or 0 for count in seen]
    assert counts == sorted(counts)
    made = report(store, run_id)["counts"]
    first = made["new_question"]["kept"]
    assert 1 <= counts[39] <= first
    assert first < counts[-1] <= first + made["question_rephrase"]["kept"]
    assert kept_so_far(store, run_id) == first + made["question_rephrase"]["kept"]
    assert not list(store.folder(run_id).glob("pools/*/so_far*"))


def pilot(store: Store, student: Path, voice: Voice, budgets: list[int], **changes: Any) -> tuple[str, int]:
    """A pilot that ran to its end, and what was answered."""
    with serving(voice) as server:
        grid = {"budgets": budgets, "replicates": 1, "strategies": ["question_rephrase", "new_question"]}
        plan = ticket_plan(server.base_url, student, grid=grid, test={"holdout": 20, "teacher_items": 0}, **changes)
        run_id = file_pilot(check_plan(plan), store)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        assert account(store, run_id).settled == server.answered
        return run_id, server.answered


def test_a_pilot_pays_no_more_for_it_and_measures_the_rest(store: Store, student: Path) -> None:
    run_id, answered = pilot(store, student, OnlyCopies(), [20, 200])
    assert answered == 2 * TRIAL + 200
    cells = {(row.cell.arm, row.cell.budget): row for row in store.cells(run_id)}
    assert cells[Strategy.QUESTION_REPHRASE, 200].state == "done"
    assert cells[Strategy.NEW_QUESTION, 20].state == "done", "its budget was asked whole"
    left = cells[Strategy.NEW_QUESTION, 200]
    assert left.state == "skipped"
    assert left.message.startswith("None of the first 60 examples of new questions was kept")
    assert left.message in store.run(run_id).message


def test_what_follows_a_pilot_spends_nothing_on_it(store: Store, student: Path, tmp_path: Path) -> None:
    run_id, _ = pilot(store, student, OnlyCopies(), [140, 200], target={"queries": 4000})
    run, cells, made = store.run(run_id), store.cells(run_id), store.pools(run_id)
    assert none_kept(made) == ((Strategy.NEW_QUESTION, TRIAL),)
    _, after = advice(run, cells, made)
    assert after is not None
    assert "None of 60 new questions" in " ".join(caveat.text for caveat in after.caveats)
    found = follow(run, cells, made, tmp_path / "data")
    assert found.plan.full is not None
    assert set(found.plan.full.spending) == {Strategy.QUESTION_REPHRASE}


def test_an_adaptive_pilot_looks_no_further_at_it_and_goes_on_with_the_others(store: Store, student: Path) -> None:
    run_id, answered = pilot(store, student, OnlyCopies(), [140, 200], target={"queries": 4000})
    cells = {(row.cell.arm, row.cell.budget): row for row in store.cells(run_id)}
    first, *further = read_steps(store.folder(run_id))
    assert len(first.cells) == 2
    assert cells[Strategy.QUESTION_REPHRASE, 140].state == "done"
    assert cells[Strategy.NEW_QUESTION, 140].message.startswith("None of the first 60 examples of new questions")
    assert further, "it did not end with the strategy that was given up"
    assert further[0].spent == 140 + 2 * TRIAL, "what was not asked is not spent"
    assert not any("new_question" in key for step in further for key in step.cells)
    assert answered <= 200 + 2 * TRIAL
