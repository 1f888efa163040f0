"""The user's own points file: read whole, or refused with every problem and its line."""

import math
import re

import pytest

from engine.advice import recommend
from engine.domain import Baseline, Situation, Strategy, TaskType
from engine.errors import InputError
from engine.points import parse_points, read_points

GOOD = """strategy,seeds,queries,correct,total
seeds_only,100,0,44,100
answer_augmentation,100,300,50,100
answer_augmentation,100,300,52,100
new_question,100,300,61,100
"""


def test_cells_are_read_with_their_examples_and_replicates():
    points = parse_points(GOOD)
    assert [p.cell.arm for p in points] == [
        Baseline.SEEDS_ONLY,
        *[Strategy.ANSWER_AUGMENTATION] * 2,
        Strategy.NEW_QUESTION,
    ]
    assert [p.examples for p in points] == [0, 300, 300, 150]
    assert [p.cell.replicate for p in points] == [0, 0, 1, 0]
    assert [p.examples for p in parse_points(GOOD, "paper")] == [0, 300, 300, 300]


def test_examples_that_were_kept_can_be_given():
    (point,) = parse_points("strategy,seeds,queries,correct,total,examples\nnew_question,100,300,61,100,97\n")
    assert point.examples == 97


def test_every_problem_is_reported_at_once_with_its_line(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        GOOD + "magic,1,1,1,1\nnew_question,0,300,x,100\nnew_question,100,300,101,100\nnew_question,100,0,1,2\n"
    )
    with pytest.raises(InputError) as refused:
        read_points(path)
    assert [p.split(":")[0] for p in refused.value.problems] == [
        "mine.csv line 6", "mine.csv line 7", "mine.csv line 7", "mine.csv line 8", "mine.csv line 9",
    ]  # fmt: skip
    assert "101 of 100" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "found the columns nothing"),
        ("strategy,seeds\n", "queries, correct, total missing"),
        ("strategy,seeds,queries,correct,total\n", "no rows below the header"),
        ("strategy,seeds,queries,correct,total\nnew_question,100,300,nan,100\n", "'nan'; expected a whole number"),
        ("strategy,seeds,queries,correct,total\nnew_question,100\n", "expected a whole number"),
    ],
)
def test_a_file_that_holds_no_points_is_refused(text, said):
    with pytest.raises(InputError, match=said):
        parse_points(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_points(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("new_question,100,300,inf,100", "correct is 'inf'; expected a whole number"),
        ("new_question,100,300,61.5,100", "correct is '61.5'; expected a whole number"),
        ("new_question,100,300,-1,100", "correct is -1; expected 0 or more"),
        ("new_question,100,300,0,0", "total is 0; expected 1 or more"),
        (f"new_question,100,300,1,1{'0' * 30}", "expected at most 1,000,000,000,000"),
        ("new_question,100,3,000,61,100", "more fields than columns"),
        ("new_question,1e2,300,61,100", "seeds is '1e2'; expected a whole number"),
    ],
)
def test_a_cell_that_holds_no_number_is_refused_and_never_read_as_another(row, said):
    with pytest.raises(InputError, match=re.escape(said)) as refused:
        parse_points(GOOD + row + "\n")
    assert "line 6" in str(refused.value)


def test_a_cell_given_twice_is_refused_with_both_lines_and_repeats_are_not():
    head = "strategy,seeds,queries,correct,total,replicate\n"
    row = "new_question,100,300,61,100,"
    assert len(parse_points(f"{head}{row}0\n{row}1\n")) == 2
    with pytest.raises(InputError, match="line 3: the same cell and replicate as line 2"):
        parse_points(f"{head}{row}0\n{row}0\n")


def test_a_column_given_twice_is_refused():
    with pytest.raises(InputError, match="column seeds appears twice"):
        parse_points("strategy,seeds,queries,correct,total,seeds\nnew_question,100,300,61,100,200\n")


def test_a_table_of_a_spreadsheet_with_an_empty_last_column_is_read():
    assert len(parse_points("strategy,seeds,queries,correct,total,\nnew_question,100,300,61,100,\n")) == 1


def test_all_right_and_all_wrong_and_equal_budgets_are_points_like_others():
    same = "answer_augmentation,100,300,100,100\nquestion_rephrase,100,300,0,100\nnew_question,100,300,50,100\n"
    found = recommend(Situation(TaskType.MATH, 100, 3000), parse_points(GOOD.splitlines()[0] + "\n" + same))
    assert all(math.isfinite(o.accuracy.low80 + o.accuracy.high80 + o.regret_points) for o in found.outlooks)
    assert sum(o.p_best for o in found.outlooks) == pytest.approx(1)
