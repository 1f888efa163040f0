import pytest

from engine.errors import InputError
from engine.fitting.groups import LogitScale, LogScale
from engine.fitting.points_file import parse_points_file, read_points_file
from tests.engine.fitting.samples import HEADER


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        parse_points_file(text)
    return caught.value.problems


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,10,30,20", "30 correct of 20"),
        ("a,x,1,2", "n is 'x'"),
        ("a,nan,1,2", "n is nan; expected a finite number"),
        ("a,inf,1,2", "n is inf"),
        ("a,-1,1,2", "n is -1; expected 0 or more"),
        ("a,10,1.5,2", "whole numbers"),
        ("a,10,0,0", "at least 1 in total"),
        ("a,10,-1,5", "-1 correct of 5"),
        ("a,10,,5", "belong together"),
        ("a,10,,", "found neither"),
        (",10,1,2", "strategy is empty"),
        ("a,,1,2", "n is empty"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_line(row: str, said: str) -> None:
    (problem,) = refused(HEADER + row + "\n")
    assert problem.startswith("points line 2: ")
    assert said in problem


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a,10,1.2,,higher", "fraction from 0 to 1"),
        ("a,10,0,,lower", "a loss above 0"),
        ("a,10,0.5,-1,higher", "stderr is -1"),
        ("a,10,0.5,,sideways", "expected higher or lower"),
    ],
)
def test_a_value_outside_its_range_is_refused(row: str, said: str) -> None:
    (problem,) = refused("strategy,n,value,stderr,direction\n" + row + "\n")
    assert said in problem


def test_all_problems_are_told_at_once() -> None:
    found = refused(HEADER + "a,10,30,20\n,5,x,10\nb,nan,1,2\n")
    assert [p.split(":")[0] for p in found] == ["points line 2", "points line 3", "points line 3", "points line 4"]


def test_columns_that_are_missing_are_named_with_what_was_found() -> None:
    assert "found the columns strategy, n" in refused("strategy,n\na,1\n")[0]
    assert "found the columns nothing" in refused("")[0]
    assert "no rows" in refused(HEADER)[0]


def test_a_replicate_that_comes_twice_names_both_lines() -> None:
    (problem,) = refused("strategy,n,correct,total,replicate\na,10,1,2,0\na,10,2,2,0\n")
    assert "line 3" in problem
    assert "as line 2" in problem


def test_a_group_has_one_direction_and_one_kind_of_measurement() -> None:
    (problem,) = refused("strategy,n,correct,total,value\na,10,1,2,\na,20,,,0.5\n")
    assert "line 3" in problem
    (problem,) = refused("strategy,n,value,direction\na,10,0.5,higher\na,20,0.5,lower\n")
    assert "line 3" in problem


def test_standard_errors_of_one_point_are_all_given_or_none() -> None:
    (problem,) = refused("strategy,n,value,stderr\na,10,0.5,0.05\na,10,0.6,\na,20,0.6,\n")
    assert problem.startswith("points line 3: no stderr, other than line 2")


def test_groups_are_apart_and_rows_without_replicate_are_replicates() -> None:
    found = parse_points_file("strategy,n,correct,total,group\na,10,40,100,x\na,10,60,100,x\na,10,7,10,y\n")
    x, y = found.groups
    assert (x.name, y.name) == ("x", "y")
    assert x.series[0].n.tolist() == [10.0]
    assert x.scale.to_natural(x.series[0].value)[0] == pytest.approx(0.5, abs=1e-6)
    assert x.series[0].variance[0] > 0


def test_losses_lie_on_the_log_scale_and_accuracies_above_chance_on_the_logit() -> None:
    loss = parse_points_file("strategy,n,value,direction\na,10,2.0,lower\n").groups[0]
    right = parse_points_file(HEADER + "a,10,60,100\n", floor=0.25).groups[0]
    assert isinstance(loss.scale, LogScale)
    assert right.scale == LogitScale(0.25)


def test_what_is_taken_for_granted_is_said() -> None:
    notes = " ".join(parse_points_file(HEADER + "a,10,6,10\nb,10,5,10\nb,20,6,10\n").notes)
    assert "independent between strategies" in notes
    assert "One budget only for a" in notes
    assert "No pools are named" in notes
    assert "curves' own roughness" in " ".join(parse_points_file("strategy,n,value\na,10,0.5\na,20,0.6\n").notes)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_points_file(tmp_path / "none.csv")
    (tmp_path / "raw.csv").write_bytes(b"\xff\xfe\x00\x01\x80")
    with pytest.raises(InputError, match="cannot be read as text"):
        read_points_file(tmp_path / "raw.csv")


def test_a_byte_order_mark_and_spaces_in_the_header_do_no_harm(tmp_path) -> None:
    (tmp_path / "points.csv").write_text("\ufeffstrategy, n ,correct, total\na, 10, 5, 10\n", encoding="utf-8")
    assert read_points_file(tmp_path / "points.csv").groups[0].strategies == ("a",)
