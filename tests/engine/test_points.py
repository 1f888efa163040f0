"""The user's own points file: read whole, or refused with every problem and its line."""

import pytest

from engine.domain import Baseline, Strategy
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
