"""A judge against the user's labels: counted, with an interval, and never shown on too few."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine import worker
from engine.check_report import REPLIES
from engine.cli import main
from engine.domain import Item
from engine.errors import InputError
from engine.judge_agreement import Label, agreement, agreements, read_labels, told
from engine.ledger import account
from engine.plan import check_plan
from engine.prepare import prepare
from engine.prompts_shown import prompts
from engine.records import RunState
from engine.runs import file_check, file_pilot
from engine.store import Store
from engine.tasks import load_task
from engine.tasks.outcomes import not_scored, right, wrong
from tests.engine.test_tasks_in_pilot import THINGS, plan_of, write
from tests.openai_server import serving
from tests.pilots import rows, teacher_of

ITEM = Item("i", "q", "a")


def labels(*said: bool) -> list[Label]:
    return [Label(ITEM, "r", one) for one in said]


def test_agreement_counts_only_what_both_have_judged() -> None:
    verdicts = [right()] * 30 + [wrong("no")] * 30 + [not_scored("?")] * 5 + [None] * 5
    users = [True] * 25 + [False] * 5 + [False] * 25 + [True] * 15
    found = agreement("j", labels(*users), verdicts)
    assert (found.labels, found.same, found.unjudged, found.missing) == (60, 50, 10, 0)
    assert (found.too_kind, found.too_strict, len(found.disagreements)) == (5, 5, 10)
    chance = 0.5 * 0.5 + 0.5 * 0.5
    assert found.kappa == pytest.approx((50 / 60 - chance) / (1 - chance))
    assert found.share is not None
    assert found.share.low80 < 50 / 60 < found.share.high80


def test_below_fifty_labels_no_agreement_is_shown_but_what_is_missing() -> None:
    found = agreement("j", labels(*[True] * 49), [right()] * 49)
    assert (found.share, found.kappa, found.missing) == (None, None, 1)
    assert "1 more labels are needed" in told(found)


def test_kappa_is_unknown_where_neither_varies_and_zero_where_the_judge_always_says_yes() -> None:
    assert agreement("j", labels(*[True] * 50), [right()] * 50).kappa is None
    assert agreement("j", labels(*[True] * 25, *[False] * 25), [right()] * 50).kappa == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "q", "reply": "r", "label": "maybe"}, "label = 'maybe'; expected right or wrong"),
        ({"question": "other", "reply": "r", "label": 1}, "its question is in no row of the data"),
        ({"question": "q", "reply": "", "label": 1}, "has no reply"),
    ],
)
def test_every_wrong_row_of_labels_is_told_at_once(tmp_path: Path, row: dict, said: str) -> None:
    file = write(tmp_path / "labels.jsonl", [{"question": "q", "reply": "r", "label": "wrong"}, row, row])
    with pytest.raises(InputError) as raised:
        read_labels(file, [ITEM])
    assert len(raised.value.problems) == 2
    assert said in raised.value.problems[0]


def test_rows_without_a_label_are_still_to_be_labelled(tmp_path: Path) -> None:
    rows = [{"question": "q", "reply": "r", "label": ""}, {"question": " q ", "reply": "r", "label": "Right"}]
    [one] = read_labels(write(tmp_path / "l.jsonl", rows), [ITEM])
    assert one.right
    with pytest.raises(InputError, match="column 'label' is missing"):
        read_labels(write(tmp_path / "l.jsonl", [{"question": "q", "reply": "r"}]), [ITEM])


def test_labels_for_a_task_without_a_judge_are_refused() -> None:
    with pytest.raises(InputError, match="scored without a judge"):
        agreements(load_task("math"), labels(True), None)


# --- through a real server: the judge at an endpoint of its own ------------------------------------------


def teaches(messages: list[dict[str, str]]) -> str:
    assert "You judge" not in messages[0]["content"], "the teacher is never asked for a verdict"
    return f"Turn it on: {messages[-1]['content'][-20:]}"


def judges(messages: list[dict[str, str]]) -> str:
    assert "You judge a reply by a rubric" in messages[0]["content"], "the judge is asked for verdicts alone"
    return json.dumps({"reason": "as asked", "score": 5 if "Turn it" in messages[-1]["content"] else 2})


def judged_plan(data: Path, student: Path, teacher: str, judge: str) -> dict:
    plan = plan_of("open_ended", data, teacher, student)
    price = {"usd_per_million_input": 1.0, "usd_per_million_output": 2.0}
    dear = {"usd_per_million_input": 100.0, "usd_per_million_output": 200.0}
    plan["teacher"] |= price
    return plan | {"judge": "strict", "teachers": {"strict": teacher_of(judge) | dear}}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """80 questions, of which 20 are held out for the test."""
    return write(
        tmp_path / "d.jsonl",
        [{"question": f"How do I {THINGS[n % 32]} number {n} by hand?", "answer": f"Like {n}."} for n in range(48)]
        + [{"question": f"What is a {THINGS[n]} for in {n + 1900}?", "answer": f"For {n}."} for n in range(32)],
    )


def test_a_judge_of_its_own_is_asked_and_paid_and_its_agreement_is_read_from_the_ledger(
    store: Store, data: Path, student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(teaches) as teacher, serving(judges) as judge:
        raw = judged_plan(data, student, teacher.base_url, judge.base_url) | {"check": {"seeds": 60}}
        shown = [[(m.role, m.content) for m in p.request.messages] for p in prompts(prepare(check_plan(raw)))]
        check = file_check(check_plan(raw), store)
        assert worker.run(check, store) == RunState.DONE, store.run(check).message
        assert teacher.answered == 60 + 20, "answers, and two more to ten of them"
        assert account(store, check).settled == teacher.answered + judge.answered
        sent = [[(m["role"], m["content"]) for m in messages] for messages in teacher.seen]
        assert all(messages in sent for messages in shown), "shown as it was sent"
    said = rows(store.folder(check) / REPLIES)
    assert {row["outcome"] for row in said} == {"right"}
    # Labelled by hand: six of the judge's verdicts were too kind, and 16 replies are not labelled yet.
    given = ["wrong"] * 6 + ["right"] * 38 + [""] * 16
    command = ["score", "--task", "open_ended", "--data", str(data), "--judge-labels", str(tmp_path / "labels.jsonl")]

    def label() -> None:
        kept = [{name: row[name] for name in ("question", "reply")} for row in said]
        write(tmp_path / "labels.jsonl", [row | {"label": one} for row, one in zip(kept, given, strict=True)])

    label()
    assert "6 more labels are needed before an agreement is shown (50 in all)" in printed(command, capsys)
    given[44:] = [1] * 15 + [0]
    label()
    [found] = json.loads(printed([*command, "--json"], capsys))["agreements"]
    assert (found["labels"], found["same"], found["too_kind"], found["unjudged"]) == (60, 53, 7, 0)
    assert found["share"]["low80"] < 53 / 60 < found["share"]["high80"]
    assert "test-teacher" in found["judge"]


@pytest.mark.slow
def test_a_pilot_has_its_replies_judged_by_the_judge_it_names(store: Store, data: Path, student: Path) -> None:
    with serving(teaches) as teacher, serving(judges) as judge:
        run_id = file_pilot(check_plan(judged_plan(data, student, teacher.base_url, judge.base_url)), store)
        assert worker.run(run_id, store) == RunState.DONE, store.run(run_id).message
        assert account(store, run_id).settled == teacher.answered + judge.answered
        assert teacher.answered == 20 + 10
    cells = {row.cell.arm.value: row.measurement for row in store.cells(run_id)}
    assert cells["teacher"] is not None
    assert (cells["teacher"].correct, cells["teacher"].scored) == (20, 20)


def printed(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(command)
    out = capsys.readouterr()
    assert not ended.value.code, out.err
    return out.out


def test_the_judges_price_is_in_the_estimate_and_an_unknown_one_makes_it_unknown(data: Path, student: Path) -> None:
    raw = judged_plan(data, student, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1")
    both = prepare(check_plan(raw)).estimate
    alone = prepare(check_plan({k: v for k, v in raw.items() if k not in ("judge", "teachers")})).estimate
    assert both.queries == alone.queries
    assert both.expected_usd is not None
    assert alone.expected_usd is not None
    assert both.expected_usd > 10 * alone.expected_usd
    assert both.upper_usd > 50 * alone.upper_usd  # type: ignore[operator]
    assert both.lower_usd < both.expected_usd < both.upper_usd  # type: ignore[operator]
    for name in ("usd_per_million_input", "usd_per_million_output"):
        del raw["teachers"]["strict"][name]
    unknown = prepare(check_plan(raw)).estimate
    assert unknown.expected_usd is unknown.upper_usd is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"judge": "other"}, "judge: found 'other', expected the name of a table"),
        ({"judge": None}, "teachers.strict: no variant has it answer, and it is no judge"),
        ({"task": "math"}, "judge: found 'strict', but the task 'math' is scored without a judge"),
    ],
)
def test_a_judge_that_does_not_fit_is_told(data: Path, student: Path, change: dict, said: str) -> None:
    raw = judged_plan(data, student, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1") | change
    with pytest.raises(InputError) as raised:
        prepare(check_plan({k: v for k, v in raw.items() if v is not None}))
    assert said in str(raised.value)
