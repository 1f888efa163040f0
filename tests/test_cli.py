"""The command line: documented JSON on standard output, messages on standard error, exit status 2 and 1."""

import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.plan import EXAMPLE
from engine.settings import Settings
from engine.store import Store
from tests.openai_server import KEY, serving
from tests.pilots import seedpilot_pilot, ticket_plan
from tests.voices import TicketReader


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def test_recommend_prints_one_json_object_of_the_documented_shape(capsys: pytest.CaptureFixture[str]):
    status, out, err = run(
        "recommend", "--task", "math", "--seeds", "100", "--queries", "3000", "--json", capsys=capsys
    )
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert told["basis"] == "prior"
    assert told["confidence"] in ("low", "medium", "high")
    assert {s["strategy"] for s in told["strategies"]} == {
        "answer_augmentation",
        "question_rephrase",
        "new_question",
    }
    assert sum(s["p_best"] for s in told["strategies"]) == pytest.approx(1)
    for strategy in told["strategies"]:
        assert {"examples", "accuracy", "regret_points", "points"} <= set(strategy)
        assert strategy["accuracy"]["low80"] <= strategy["accuracy"]["mean"] <= strategy["accuracy"]["high80"]
    assert all({"median", "low80", "high80"} == set(c["budget_ratio"]) for c in told["crossovers"])
    assert sum(part["queries"] for part in told["spending_plan"]) <= 3000


def test_money_buys_queries_at_the_named_price_and_never_at_a_guessed_one(capsys: pytest.CaptureFixture[str]):
    ask = ("recommend", "--task", "math", "--seeds", "100", "--budget-usd", "3", "--json")
    status, out, err = run(*ask, capsys=capsys)
    assert (status, out) == (2, "")
    assert "no price is ever guessed" in err
    _, out, _ = run(*ask, "--usd-per-query", "0.001", capsys=capsys)
    assert json.loads(out)["situation"]["queries"] == 3000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--seeds", "0", "--queries", "10"), "0"),
        (("--seeds", "100", "--queries", "-5"), "-5"),
        (("--seeds", "100"), "give the budget once"),
        (("--seeds", "100", "--queries", "10", "--points", "/nowhere.csv"), "/nowhere.csv"),
    ],
)
def test_a_situation_that_makes_no_sense_is_refused(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
):
    status, out, err = run("recommend", "--task", "math", *arguments, capsys=capsys)
    assert (status, out) == (2, "")
    assert says in err


def test_an_unknown_kind_of_answer_names_those_that_there_are(capsys: pytest.CaptureFixture[str]):
    status, _, err = run("recommend", "--task", "retrieval", "--seeds", "9", "--queries", "9", capsys=capsys)
    assert status == 2
    assert "found 'retrieval', expected math, multiple_choice, text_to_sql" in err


def test_the_example_plan_is_printed_and_can_be_looked_at_before_it_is_paid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    _, out, _ = run("plan", "--example", capsys=capsys)
    assert out == EXAMPLE
    (tmp_path / "plan.toml").write_text(out)
    status, out, err = run("pilot", str(tmp_path / "plan.toml"), "--dry-run", "--json", capsys=capsys)
    estimate = json.loads(out)
    assert status == 0
    assert estimate["queries"] == 100 + 3 * 1600
    assert estimate["expected_usd"] == estimate["upper_usd"] == 0
    assert "4900 teacher queries" in err
    assert Store(Settings().store_path).runs() == []


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]):
    for command in ("app", "recommend", "pilot", "plan", "worker", "runs", "show", "pause", "resume", "doctor"):
        status, out, _ = run(command, "--help", capsys=capsys)
        assert status == 0
        assert f"seedpilot {command}" in out


def test_no_runs_yet_says_how_to_make_one(capsys: pytest.CaptureFixture[str]):
    assert "seedpilot plan --example" in run("runs", capsys=capsys)[1]
    assert json.loads(run("runs", "--json", capsys=capsys)[1]) == {"runs": []}


def test_an_unknown_run_is_bad_input(capsys: pytest.CaptureFixture[str]):
    status, out, err = run("show", "nope", "--json", capsys=capsys)
    assert (status, out) == (2, "")
    assert "run 'nope' is not in" in err


def test_doctor_says_whether_an_endpoint_answers(capsys: pytest.CaptureFixture[str]):
    with serving(TicketReader()) as server:
        _, out, _ = run("doctor", "--endpoint", server.base_url, "--json", capsys=capsys)
    endpoint = next(f for f in json.loads(out)["findings"] if f["name"] == "endpoint")
    assert endpoint["good"]
    status, out, _ = run("doctor", "--endpoint", "http://127.0.0.1:9/v1", capsys=capsys)
    assert status == 1
    assert "BAD  endpoint" in out


# --- bad input: one message that says what was found, what was expected, what to do -----------------------


def good_rows(count: int) -> str:
    return "".join(json.dumps({"question": f"{i} + {i}?", "answer": f"#### {2 * i}"}) + "\n" for i in range(count))


def plan_file(folder: Path, seeds: str, name: str = "seeds.jsonl", more: str = "", student: object = "sandbox") -> Path:
    (folder / name).write_text(seeds)
    plan = folder / "plan.toml"
    plan.write_text(f'student = "{student}"\n[seeds]\npath = "{name}"\n[test]\nholdout = 20\n{more}')
    return plan


@pytest.mark.parametrize(
    ("seeds", "name", "more", "says"),
    [
        ("", "seeds.jsonl", "", "seeds.jsonl: the file is empty"),
        ("prompt,answer\na,b\n", "seeds.csv", "", "column 'question' is missing (found: prompt, answer)"),
        (good_rows(6) + "{broken\n" + good_rows(60), "seeds.jsonl", "", "seeds.jsonl, line 7: is no valid JSON"),
        (good_rows(23), "seeds.jsonl", "", "seeds: found 3, expected at least 10"),
        (good_rows(60), "seeds.jsonl", "[grid]\nbudgets = [0]", "grid.budgets: found 0, expected at least 2"),
        (good_rows(60), "seeds.jsonl", "[grid]\nbudgets = [-200]", "grid.budgets: found -200"),
        (good_rows(60), "seeds.jsonl", "[grid]\nbudgets = [1]", "grid.budgets: found 1, expected at least 2"),
        (good_rows(60), "seeds.jsonl", "[ceiling]\nqueries = 50", "ceiling.queries: found 50, but the plan needs"),
    ],
)
def test_bad_files_and_budgets_are_refused_before_anything_is_filed(
    seeds: str, name: str, more: str, says: str, tmp_path: Path, student: Path, capsys: pytest.CaptureFixture[str]
):
    plan = plan_file(tmp_path, seeds, name, more, student)
    status, out, err = run("pilot", str(plan), "--json", capsys=capsys)
    assert (status, out) == (2, "")
    assert says in err
    assert "Traceback" not in err
    assert Store(Settings().store_path).runs() == []


def test_a_student_folder_that_is_no_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    empty = tmp_path / "holiday pictures"
    empty.mkdir()
    status, _, err = run("pilot", str(plan_file(tmp_path, good_rows(60), student=empty)), capsys=capsys)
    assert status == 2
    assert "holiday pictures is no model: no config.json" in err


def test_all_problems_of_a_plans_files_come_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    _, _, err = run("pilot", str(plan_file(tmp_path, "nonsense\n", student=tmp_path)), capsys=capsys)
    assert "line 1: is no valid JSON" in err
    assert "is no model" in err


@pytest.mark.parametrize(
    ("teacher", "key", "state", "says"),
    [
        ({}, "sk-wrong-secret", "waiting_for_key", "refused the key (401)"),
        ({"model": "gpt-17"}, KEY, "failed", "does not know the model 'gpt-17'"),
        ({"base_url": "http://127.0.0.1:9/v1"}, KEY, "failed", "http://127.0.0.1:9/v1 cannot be reached"),
    ],
)
def test_a_teacher_that_refuses_stops_the_run_with_one_message_and_no_charge(
    teacher: dict[str, str], key: str, state: str, says: str, student: Path, tmp_path: Path
):
    with serving(TicketReader()) as server:
        plan = ticket_plan(server.base_url, student)
        plan["teacher"] |= teacher
        ended = seedpilot_pilot(plan, tmp_path, key)
        assert server.answered == 0
    assert ended.returncode == 1
    told = json.loads(ended.stdout)
    assert told["state"] == state
    assert says in told["message"]
    assert told["queries"] == {"settled": 0, "unknown": 0, "on_their_way": 0, "usd": 0}
    everything = ended.stdout + ended.stderr
    assert "Traceback" not in everything
    for path in Settings().home.rglob("*"):
        if path.is_file():
            everything += path.read_bytes().decode("utf-8", "replace")
    assert key not in everything
    assert plan["teacher"]["base_url"] in everything, "the plan itself was searched"
