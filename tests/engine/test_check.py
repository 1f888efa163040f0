"""The check before a pilot, against a real server: good, erring, refusing and cut-off teachers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from engine import worker
from engine.check_report import read_report
from engine.check_size import ceiling_of, queries_at_most, seeds_to_check
from engine.domain import Baseline, Measurement
from engine.ledger import account
from engine.plan import check_plan
from engine.prepare import prepare
from engine.records import RunState
from engine.runs import file_check, file_pilot
from engine.store import Store
from engine.teacher_gate import Lead, paired_lead, separate_lead
from tests.openai_server import serving
from tests.pilots import gsm8k_plan, ticket_plan, undetermined
from tests.voices import SHARED, RecordedGsm8k, TicketReader

STRATEGIES = ["answer_augmentation", "question_rephrase", "new_question"]
BUDGET = 300
GRID = {"budgets": [BUDGET], "replicates": 1, "strategies": STRATEGIES}


def checked(raw: dict, store: Store) -> tuple[str, RunState, dict]:
    run_id = file_check(check_plan(raw), store)
    state = worker.run(run_id, store)
    report = read_report(store.folder(run_id))
    assert report is not None, store.run(run_id).message
    return run_id, state, report


def test_a_good_teacher_passes_with_its_share_its_repeats_and_an_example_of_each_strategy(store: Store, student: Path):
    with serving(TicketReader()) as server:
        run_id, state, report = checked(ticket_plan(server.base_url, student), store)
        assert state == RunState.DONE
        assert account(store, run_id).settled == server.answered == report["queries"]["settled"]
    teacher = report["teacher"]
    assert teacher["asked"] == 50 == teacher["right"] + teacher["wrong"] + teacher["not_scored"]
    assert teacher["right"] > 35, "a rule-based reader gets most tickets right"
    assert teacher["accuracy"]["low80"] < teacher["accuracy"]["mean"] < teacher["accuracy"]["high80"]
    assert len(report["disagreements"]) == teacher["wrong"] + teacher["not_scored"] == sum(teacher["reasons"].values())
    assert all(row["gold"] and row["reply"] and row["reason"] for row in report["disagreements"])
    repeats = report["repeats"]
    assert (repeats["seeds"], repeats["answers"]) == (10, 30)
    assert repeats["distinct"] == 10, "this reader says the same each time"
    assert [row["strategy"] for row in report["examples"]] == STRATEGIES[1:], "no other answers to a ticket"
    assert all(row["answer"] and row["seed"]["question"] for row in report["examples"])
    assert report["comparison"] is None, "no pilot has measured the seeds-only student yet"


def test_a_check_run_again_asks_nothing(store: Store, student: Path):
    with serving(TicketReader()) as server:
        _, _, first = checked(ticket_plan(server.base_url, student), store)
        asked = server.requests
        again, _, second = checked(ticket_plan(server.base_url, student), store)
        assert server.requests == asked
    assert account(store, again).queries == 0
    assert {k: v for k, v in first.items() if k != "queries"} == {k: v for k, v in second.items() if k != "queries"}


def test_the_pilot_after_a_check_buys_everything_but_what_the_check_asked(store: Store, student: Path, tmp_path: Path):
    # Answers to these tickets may differ, so that the pilot asks for more of them as the check does.
    task = undetermined(tmp_path)
    with serving(TicketReader()) as server:
        # 260 seeds, 300 answers: sample 1 reaches the first 40 seeds only, sample 2 none.
        plan = check_plan(ticket_plan(server.base_url, student, grid=GRID, task=task))
        prepared = prepare(plan)
        run_id, _, report = checked(ticket_plan(server.base_url, student, grid=GRID, task=task), store)
        reached = {seed.id for seed in prepared.seeds[: BUDGET - len(prepared.seeds)]}
        unused = sum(1 + (seed.id not in reached) for seed in seeds_to_check(prepared)[:10])
        bought = account(store, run_id).settled
        pilot = file_pilot(plan, store)
        assert worker.run(pilot, store) == RunState.DONE
        assert account(store, pilot).settled == prepared.estimate.queries - (bought - unused)
        assert server.answered == account(store, pilot).settled + bought
    # What the pilot measured is what the next check compares with.
    with serving(TicketReader()) as server:
        _, _, after = checked(ticket_plan(server.base_url, student, grid=GRID, task=task), store)
    assert report["comparison"] is None
    assert after["comparison"]["above"]


def test_the_ceiling_of_a_check_holds_and_what_there_is_is_reported(store: Store, student: Path):
    with serving(TicketReader(), fault_rates={"500": 0.2}) as server:
        run_id, state, report = checked(
            ticket_plan(server.base_url, student, check={"seeds": 30, "ceiling_queries": 20}), store
        )
        paid = account(store, run_id)
        assert state == RunState.DONE
        assert paid.settled <= server.answered <= paid.settled + paid.unknown <= paid.queries <= 20
    assert report["teacher"]["asked"] < report["teacher"]["planned"] == 30
    assert "ceiling of 20 queries" in report["advice"]


def test_the_default_ceiling_is_never_under_what_a_check_needs(student: Path):
    for seeds in (1, 5, 50, 260):
        prepared = prepare(check_plan(ticket_plan("http://127.0.0.1:9/v1", student, check={"seeds": seeds})))
        assert queries_at_most(prepared) < ceiling_of(prepared) <= 1.1 * queries_at_most(prepared) + 6


@pytest.mark.parametrize(
    ("said", "why"), [('{"category": "none"}', "category"), ("UNANSWERABLE", "refused"), ("I cannot help.", "")]
)
def test_a_teacher_that_errs_or_refuses_always_stops_the_plan_with_advice(
    store: Store, student: Path, said: str, why: str
):
    with serving(lambda _: said) as server:
        run_id, state, report = checked(ticket_plan(server.base_url, student, check={"seeds": 25}), store)
    assert state == RunState.FAILED
    assert (report["teacher"]["right"], report["stopped"]) == (0, True)
    assert "Fix the teacher's instruction" in store.run(run_id).message
    assert all(why in row["reason"] for row in report["disagreements"])


def test_a_teacher_that_is_always_cut_off_is_wrong_whatever_its_half_replies_hold(store: Store, student: Path):
    with serving(TicketReader(), fault_rates={"cut_off": 1.0}) as server:
        run_id, state, report = checked(ticket_plan(server.base_url, student, check={"seeds": 25}), store)
    assert state == RunState.FAILED
    assert report["teacher"]["reasons"] == {"the reply was cut off (finish_reason: length)": 25}
    assert "cut off" in store.run(run_id).message
    assert all(row["answer"] is None and row["reasons"] == ["cut_off"] * 3 for row in report["examples"])
    assert report["repeats"]["distinct_share"] is None


def test_a_teacher_below_the_seeds_only_student_stops_and_one_above_it_passes(store: Store, student: Path):
    with serving(TicketReader()) as server:
        for right, state in ((80, RunState.FAILED), (8, RunState.DONE)):
            plan = ticket_plan(server.base_url, student, check={"student_right": right, "student_scored": 80})
            _, ended, report = checked(plan, store)
            assert ended == state
            assert report["comparison"]["above"] == (state == RunState.DONE)


def test_a_pilot_ends_before_its_strategies_are_paid_where_the_teacher_is_no_better(store: Store, student: Path):
    with serving(lambda _: "I cannot help.") as server:
        run_id = file_pilot(check_plan(ticket_plan(server.base_url, student)), store)
        assert worker.run(run_id, store) == RunState.FAILED
        assert server.answered == 40, "the teacher's own answers to test items, nothing else"
    assert "no better than the student" in store.run(run_id).message
    done = {row.cell.arm for row in store.cells(run_id) if row.state == "done"}
    assert done == {Baseline.TEACHER, Baseline.SEEDS_ONLY}
    assert all(isinstance(m, Measurement) for m in store.measurements(run_id))


def test_the_command_prints_one_object_and_says_bad_flags_at_once(store: Store, student: Path, tmp_path: Path):
    def run(*flags: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "engine.cli", "check", str(tmp_path / "plan.toml"), *flags]
        return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)

    with serving(TicketReader()) as server:
        (tmp_path / "plan.toml").write_text(tomli_w.dumps(ticket_plan(server.base_url, student)))
        good = run("--json", "--seeds", "12", "--seeds-only", "1/80")
        bad = run("--seeds-only", "most")
        text = run("--seeds", "12")
    assert good.returncode == 0, good.stderr
    told = json.loads(good.stdout)
    assert (told["state"], told["teacher"]["asked"], told["comparison"]["paired"]) == ("done", 12, False)
    assert bad.returncode == 2
    assert "expected right/scored" in bad.stderr
    assert "three answers to 10 seeds" in text.stdout
    assert "new_question" in text.stdout


def test_the_sandbox_is_checked_without_a_key(store: Store):
    _, state, report = checked({"grid": {"budgets": [200], "replicates": 1}}, store)
    assert state == RunState.DONE
    assert report["sandbox"] == ["seeds", "teacher", "student"]
    assert report["teacher"]["right"] > 25


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared")
@pytest.mark.parametrize(
    ("teacher", "right"), [("gpt-4o-mini-2024-07-18", 144), ("gemma-2-2b-it", 72)], ids=["strong", "weak"]
)
def test_recorded_teachers_are_as_right_on_gsm8k_as_their_replies(
    store: Store, student: Path, tmp_path: Path, teacher: str, right: int
):
    with serving(RecordedGsm8k(teacher)) as server:
        plan = gsm8k_plan(server.base_url, student, tmp_path, check={"seeds": 150})
        _, state, report = checked(plan, store)
    assert state == RunState.DONE
    assert (report["teacher"]["right"], report["teacher"]["asked"]) == (right, 150)


OUTCOMES = st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, None])] * 2), min_size=1, max_size=60)


@given(OUTCOMES)
def test_a_lead_lies_in_its_interval_and_turns_round_with_its_sides(pairs: list):
    one, two = ([pair[side] for pair in pairs] for side in (0, 1))
    lead, back = paired_lead(one, two), paired_lead(two, one)
    if lead is None or back is None:
        assert all(None in pair for pair in pairs)
        return
    assert -1 <= lead.low80 <= lead.difference <= lead.high80 <= 1
    assert lead.difference == -back.difference
    assert lead.low80 == pytest.approx(-back.high80)
    assert not (lead.above and back.above)


@pytest.mark.parametrize(
    ("lead", "stops"),
    [
        (paired_lead([0.0] * 19, [1.0] * 19), False),
        (paired_lead([1.0] * 20, [1.0] * 20), True),
        (paired_lead([1.0] * 20, [1.0] * 16 + [0.0] * 4), False),
        (separate_lead((10, 20), (40, 80)), True),
        (separate_lead((11, 20), (40, 80)), False),
    ],
    ids=["too few answers", "as good is not better", "better", "level on other items", "a lead that is not shown"],
)
def test_a_teacher_that_is_no_better_stops_once_there_are_enough_answers(lead: Lead | None, stops: bool):
    assert lead is not None
    assert lead.stops == stops


def test_nothing_scored_gives_no_lead():
    assert separate_lead((0, 0), (40, 80)) is None
    assert paired_lead([None], [1.0]) is None
