"""`seedpilot recommend`: every part of a situation, every problem at once, and what the user's own points moved."""

import json
import re
from pathlib import Path

import pytest

from tests.small_students import build_tiny_student
from tests.test_cli import run

BASE = ("recommend", "--task", "math", "--seeds", "100")
POINTS = """strategy,seeds,queries,correct,total
seeds_only,100,0,44,100
answer_augmentation,100,3200,51,100
new_question,100,3200,84,100
"""


def asked(*flags: str, capsys: pytest.CaptureFixture[str]) -> dict:
    status, out, err = run(*BASE, *flags, "--json", capsys=capsys)
    assert (status, err) == (0, "")
    return json.loads(out)


def test_every_part_of_a_situation_has_a_flag_and_comes_back_in_the_json(capsys: pytest.CaptureFixture[str]):
    told = asked(
        "--unlabelled", "2000", "--budget-usd", "19.5", "--teacher-model", "large=5/15,tokens=400/300",
        "--teacher-model", "small=0.00065,wrong=0.1", "--teacher-model", "secret", "--augmenter", "weak",
        "--augmenter-model", "tiny=0.0001", "--student", "Qwen2.5-1.5B", "--verifiable", "no", "--seed-price", "0.5",
        "--test-items", "500", "--calls", "all", capsys=capsys,
    )  # fmt: skip
    situation = told["situation"]
    assert (situation["queries"], situation["unlabelled"], situation["budget_usd"]) == (3000, 2000, 19.5)
    assert (situation["verifiable"], situation["seed_usd"], situation["test_items"]) == (False, 0.5, 500)
    assert [t["queries"] for t in told["teachers"]] == [3000, 30_000, None]
    assert told["teachers"][2]["usd_per_query"] is None
    assert [s["strategy"] for s in told["strategies"]][-1] == "real_question"
    assert sum(s["p_best"] for s in told["strategies"]) == pytest.approx(1)
    assert told["augmenters"][1]["name"] == "tiny"
    assert told["studies_of_size"] == 0
    assert told["seeds_or_queries"]["seed_price_in_queries"] == pytest.approx(0.5 / 0.0065, rel=1e-3)
    assert told["threshold_points"] == pytest.approx(5.6, abs=0.1)


def test_the_page_about_it_names_every_flag_and_every_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    page = (Path(__file__).parent.parent / "docs" / "recommend.md").read_text()
    (tmp_path / "mine.csv").write_text(POINTS)
    told = asked("--queries", "3000", "--points", str(tmp_path / "mine.csv"), capsys=capsys)
    _, help_text, _ = run("recommend", "--help", capsys=capsys)
    flags = set(re.findall(r"--[a-z-]+", help_text)) - {"--help", "--json"}
    assert {flag for flag in flags if flag not in page} == set()
    assert {key for key in told if f"`{key}`" not in page} == set()
    assert {key for key in told["strategies"][0] if f"`{key}`" not in page} == {"strategy"}


def test_what_is_not_said_is_null(capsys: pytest.CaptureFixture[str]):
    told = asked("--queries", "3000", capsys=capsys)
    unsaid = ("unlabelled", "budget_usd", "augmenter_offer", "student", "student_parameters", "verifiable", "seed_usd",
              "test_items")  # fmt: skip
    assert all(told["situation"][name] is None for name in unsaid)
    assert told["teachers"] == []
    assert all(s["usd_per_kept"] is None for s in told["strategies"])


def test_tokens_of_a_query_hold_for_every_teacher_that_names_none(capsys: pytest.CaptureFixture[str]):
    told = asked(
        "--queries", "100", "--tokens", "1000/1000", "--teacher-model", "a=1/1", "--teacher-model",
        "b=1/1,tokens=2000/0", "--teacher-model", "c=0.5", capsys=capsys,
    )  # fmt: skip
    assert [t["usd_per_query"] for t in told["teachers"]] == [pytest.approx(0.002), pytest.approx(0.002), 0.5]


def test_every_problem_of_flags_situation_and_points_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    points = tmp_path / "mine.csv"
    points.write_text(POINTS + "new_question,100,300,101,100\nanswer_augmentation,100,300,NaN,100\n")
    status, out, err = run(
        "recommend", "--seeds", "many", "--queries", "1.5", "--budget-usd", "inf", "--augmenter", "huge",
        "--calls", "none", "--verifiable", "perhaps", "--test-items", "0", "--seed-price", "nan", "--unlabelled", "-3",
        "--teacher-model", "a=1/2/3", "--teacher-model", "b=", "--teacher-model", "c=1,colour=red",
        "--points", str(points), "--student", str(tmp_path), capsys=capsys,
    )  # fmt: skip
    assert (status, out) == (2, "")
    for said in (
        "--task is missing", "--seeds: 'many'", "give the budget once", "--queries: '1.5'", "--budget-usd: 'inf'",
        "'huge'; expected strong or weak", "expected all or paper", "'perhaps'; expected yes or no", "Test items: 0",
        "--seed-price: 'nan'", "Unlabelled inputs: -3", "expected two numbers", "no price after '='", "found colour",
        "line 5", "line 6: correct is 'NaN'", "is no model",
    ):  # fmt: skip
        assert said in err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--teacher-model", "secret"), "no price is ever guessed"),
        (("--teacher-model", "mine=0"), "free, so money sets no limit"),
        (("--teacher-model", "dear=100"), "buy no query"),
        (("--teacher-model", "a=1/2"), "no price is ever guessed"),
        (("--usd-per-query", "0.01", "--teacher-model", "a=0.1"), "name no teacher"),
    ],
)
def test_money_that_cannot_be_turned_into_queries_is_refused(flags, said, capsys: pytest.CaptureFixture[str]):
    status, out, err = run(*BASE, "--budget-usd", "50", *flags, capsys=capsys)
    assert (status, out) == (2, "")
    assert said in err


def test_points_of_ones_own_show_the_advice_before_and_after(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "mine.csv").write_text(POINTS)
    flags = ("--queries", "3000", "--points", str(tmp_path / "mine.csv"))
    told = asked(*flags, capsys=capsys)
    assert (told["before"]["basis"], told["basis"]) == ("prior", "measured")
    was, now = (
        next(s["p_best"] for s in t["strategies"] if s["strategy"] == "new_question") for t in (told["before"], told)
    )
    assert told["moved"] == f"Your data moved P(new questions best) from {was:.2f} to {now:.2f}."
    _, out, _ = run(*BASE, *flags, capsys=capsys)
    assert told["moved"] in out
    assert f"Without your data: {told['before']['headline']}" in out


def test_without_points_there_is_no_before(capsys: pytest.CaptureFixture[str]):
    assert not {"before", "moved"} & set(asked("--queries", "3000", capsys=capsys))


def test_the_size_of_a_student_is_read_from_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = build_tiny_student(tmp_path / "student")
    capsys.readouterr()  # the progress of its writing
    told = asked("--queries", "3000", "--student", str(folder), capsys=capsys)
    assert told["situation"]["student_parameters"] > 0
    assert told["studies_of_size"] == 0


def test_the_text_says_what_the_advice_hangs_on(capsys: pytest.CaptureFixture[str]):
    status, out, _ = run(*BASE, "--queries", "4000", "--unlabelled", "500", capsys=capsys)
    assert status == 0
    for said in ("real_question", "assumed", "Does it matter?", "would flip", "Seeds or queries?", "Spending plan"):
        assert said in out
