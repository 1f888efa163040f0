"""The full run after a pilot: the advised plan with what is left, trained, measured, held against the forecast."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from peft import PeftModel
from transformers import AutoModelForCausalLM

from engine import worker
from engine.cli import main
from engine.domain import Cell, Measurement, Mixed, Strategy
from engine.errors import InputError
from engine.following import follow
from engine.full_prepare import prepare_full
from engine.full_report import REPORT, report_of
from engine.full_training import outcome, said
from engine.job_files import write_json
from engine.ledger import account
from engine.plan import ForecastPlan, check_plan
from engine.records import RunState
from engine.runs import file_full, file_pilot, summary
from engine.store import Store
from engine.track_record import track_record
from tests.openai_server import serving
from tests.pages import filled
from tests.pilots import QUICK, rows, ticket_plan
from tests.small_students import build_tiny_student
from tests.voices import TicketReader

SEEDS = {"path": str(Path(__file__).parents[1] / "data" / "tickets.jsonl"), "count": 60}


def measured(correct: int, scored: int = 200) -> Measurement:
    cell = Cell(Mixed.SPENDING_PLAN, 100, 5000, 0)
    return Measurement(cell=cell, correct=correct, scored=scored, not_scored=0, mean_value=None, examples=4000)


def test_a_pilot_is_followed_by_what_it_advises_and_the_forecast_is_judged(store: Store, tmp_path: Path):
    student = build_tiny_student(tmp_path / "tiny")
    with serving(TicketReader()) as server:
        grid = {"budgets": [12], "replicates": 1, "strategies": ["question_rephrase", "new_question"]}
        plan = ticket_plan(server.base_url, student, seeds=SEEDS, grid=grid)
        pilot = file_pilot(check_plan(plan), store)
        assert worker.run(pilot, store) == RunState.DONE, store.run(pilot).message
        paid = server.answered
        found = follow(store.run(pilot), store.cells(pilot), store.pools(pilot), tmp_path / "data", 60)
        ready = prepare_full(found.plan)
        spending = ready.full.spending
        assert sum(spending.values()) <= 60 - found.given_up
        run_id = file_full(ready, store, lambda _: None)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        assert server.answered - paid <= sum(spending.values()) - found.reused, (
            "what the pilot paid is not bought again"
        )
        assert account(store, run_id).settled == server.answered - paid
        # Looked at again, nothing is trained or bought again.
        before = report_of(store, run_id)
        again = file_full(ready, store, lambda _: None)
        assert (again, worker.run(again, store)) == (run_id, RunState.DONE)
        assert report_of(store, run_id) == before
    (row,) = store.cells(run_id)
    assert row.measurement is not None
    assert row.cell.arm in (*Strategy, Mixed.SPENDING_PLAN)
    assert row.measurement.scored + row.measurement.not_scored == 40, "the pilot's test items, and no other"
    pilots = rows(Path(str(store.cells(pilot)[0].folder)) / "predictions.jsonl")
    told = rows(Path(str(row.folder)) / "predictions.jsonl")
    assert {r["id"] for r in told} == {r["id"] for r in pilots}
    # How likely it finds the right answers: the measure that is less noisy than right or wrong, as in the pilot.
    assert [r["gold_tokens"] for r in told] == [r["gold_tokens"] for r in pilots]
    assert all(r["gold_log_likelihood"] < 0 for r in told)
    assert row.detail["gold_loss"] > 0
    assert (row.detail["too_long"], row.detail["cut_prompts"]) == (0, 0)
    assert 0 <= row.detail["unended"] <= 40
    settings = {one["name"]: (one["value"], one["origin"]) for one in summary(store, run_id)["settings"]}
    assert settings["learning_rate"] == (QUICK["learning_rate"], "plan")
    assert settings["rank"] == (16, "recommended default")
    assert settings["optimizer"][1] == "the same for every run"
    assert settings["device"][1] == settings["adapters_at_once"][1] == "given by the machine"
    PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(student), Path(str(row.folder)) / "adapter")
    assert before is not None
    assert before["trained"]["forecast"]["pilot"] == pilot
    assert said(before["trained"]) in store.run(run_id).message
    (forecast,) = track_record(store).forecasts
    assert (forecast.run, forecast.held) == (run_id, before["trained"]["held"])


def test_a_forecast_holds_where_its_interval_and_the_measured_one_meet() -> None:
    forecast = ForecastPlan(mean=0.8, low80=0.75, high80=0.85)
    assert outcome(measured(158), forecast)["held"] is True
    assert outcome(measured(145), forecast)["held"] is True, "72.5 % of 200 reaches up to 76 %"
    assert outcome(measured(130), forecast)["held"] is False
    assert outcome(measured(150), None)["held"] is None
    assert "the forecast did not hold" in said(outcome(measured(130), forecast))
    nothing = outcome(measured(0, 0), forecast)
    assert (nothing["measured"], nothing["held"]) == (None, None)
    assert "none of its answers could be scored" in said(nothing)


def test_what_the_plan_has_no_use_for_is_given_up_and_not_counted_as_left(store: Store, tmp_path: Path) -> None:
    pilot = filled.run(store)
    found = follow(store.run(pilot), store.cells(pilot), store.pools(pilot), tmp_path / "data", 20_000)
    spent = sum(found.plan.full.spending.values()) if found.plan.full else 0
    assert spent + found.given_up <= 20_000
    assert found.reused + found.given_up > 0
    assert found.plan.full is not None
    assert found.plan.full.train
    forecast = found.plan.full.forecast
    assert forecast is None or forecast.low80 <= forecast.mean <= forecast.high80


def test_what_the_pilot_lost_or_never_asked_is_not_counted_as_paid(store: Store, tmp_path: Path) -> None:
    pilot = filled.run(store, grid={"strategies": ["answer_augmentation", "new_question"], "budgets": [200]})
    run, cells = store.run(pilot), store.cells(pilot)
    whole = follow(run, cells, store.pools(pilot), tmp_path / "data", 2000)
    assert whole.reused + whole.given_up == 2 * 200
    # The ceiling ended the one after thirty answers; ten visits of the other came to nothing.
    ended, lost = store.pools(pilot)
    partly = [replace(ended, counts={"kept": 30}), replace(lost, counts={"kept": 90, "no_reply": 10})]
    found = follow(run, cells, partly, tmp_path / "data", 2000)
    assert found.reused + found.given_up == 30 + 2 * 90
    assert found.most == prepare_full(found.plan).prepared.estimate.queries - found.reused


def test_what_cannot_be_followed_says_why(store: Store, tmp_path: Path) -> None:
    queued = filled.run(store, "20261121-130000-wait", RunState.QUEUED)
    with pytest.raises(InputError) as caught:
        follow(store.run(queued), store.cells(queued), (), tmp_path / "data")
    said_of = "\n".join(caught.value.problems)
    assert "names no target.queries" in said_of
    assert "has measured no strategy yet" in said_of
    done = filled.run(store)
    with pytest.raises(InputError, match="nothing is left to follow it with"):
        follow(store.run(done), store.cells(done), store.pools(done), tmp_path / "data", 3)


def test_the_track_record_counts_only_what_was_forecast_and_measured(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    forecast = ForecastPlan(mean=0.8, low80=0.75, high80=0.85)
    told = {
        "a": outcome(measured(160), forecast),
        "b": outcome(measured(120), forecast),
        "c": outcome(measured(9), None),
    }
    for name, trained in [*told.items(), ("d", None)]:
        run_id = f"data-20261121-12000{name}"
        store.file_run(run_id, name, {}, run_id)
        write_json(store.folder(run_id) / REPORT, {"trained": trained})
    found = track_record(store)
    assert (found.held, found.judged) == (1, 2)
    assert found.mean_error_points == pytest.approx(-10)
    assert "1 of 2 forecasts held" in found.summary
    with pytest.raises(SystemExit) as ended:
        main(["forecasts", "--json"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["of"] == 2


def test_what_two_seed_sizes_bought_twice_is_counted_once_and_what_is_promised_is_the_ceiling(
    store: Store, tmp_path: Path
) -> None:
    student = build_tiny_student(tmp_path / "tiny")
    with serving(TicketReader()) as server:
        grid = {"budgets": [12], "seed_sizes": [10, 20], "replicates": 1, "matched_steps": False}
        grid["strategies"] = ["question_rephrase", "new_question"]
        test = {"holdout": 40, "teacher_items": 0, "draw": "b"}
        plan = check_plan(ticket_plan(server.base_url, student, seeds=SEEDS, grid=grid, test=test))
        pilot = file_pilot(plan, store)
        assert worker.run(pilot, store) == RunState.DONE, store.run(pilot).message
        bought = server.answered
        assert bought == 24, "a smaller set's six visits are among the larger one's"
        found = follow(store.run(pilot), store.cells(pilot), store.pools(pilot), tmp_path / "data", 60)
        assert found.reused + found.given_up == bought
        assert found.reused > 0
        ready = prepare_full(found.plan)
        spent = sum(ready.full.spending.values())
        assert spent + found.given_up <= 60
        most = ready.prepared.estimate.ceiling_queries
        assert most == ready.prepared.estimate.queries - found.reused
        # One answer is lost: it is asked again out of what was promised, and no query more.
        server.faults = ["cut_connection"]
        run_id = file_full(ready, store, lambda _: None)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
    paid = account(store, run_id)
    assert (paid.unknown, paid.queries) == (1, most)
    assert f"the ceiling of {most} queries is reached" in store.run(run_id).message
