"""The evidence table: every figure with its source, bad rows refused all at once."""

import csv
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import evidence
from engine.domain import Strategy, TaskType
from engine.errors import InputError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("published_points.csv", "claims.csv"):
        shutil.copy(evidence.FOLDER / name, tmp_path / name)
    return tmp_path


def test_every_published_row_is_kept_with_source_reference_and_confidence():
    table = evidence.load()
    assert len(table.points) == 273
    for row in (*table.points, *table.claims):
        assert row.source
        assert row.reference
        assert row.confidence in evidence.CONFIDENCES


@pytest.mark.shared
def test_the_points_are_those_of_the_shared_table(request):
    shared = Path(__file__).parents[3] / "shared" / "evidence" / "published_points.csv"
    if not shared.is_file():
        pytest.skip(f"{shared} is missing")
    with shared.open(newline="") as file:
        theirs = [(r["source"], r["task"], r["strategy"], float(r["value"])) for r in csv.DictReader(file)]
    assert [(p.source, p.task, p.strategy, p.value) for p in evidence.load().points] == theirs


def test_distinct_papers_are_counted_once_and_only_where_they_speak_about_the_task():
    table = evidence.published()
    assert len(table.studies()) == 7
    assert "CHAN" in table.studies(TaskType.TEXT_TO_SQL)
    assert table.studies(TaskType.STRUCTURED) == ()
    assert table.studies(TaskType.CODE) == ("AGORA",)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("LLaMA2-7B", 7e9),
        ("Mistral-7B-Instruct", 7e9),
        ("Qwen/Qwen2.5-1.5B-Instruct", 1.5e9),
        ("HuggingFaceTB/SmolLM2-360M", 3.6e8),
        ("gemma-2-2b-it", 2e9),
        ("llama3.1:8b", 8e9),
        ("Phi-3-mini-4k-instruct", None),  # a context length is no size
        ("Mixtral-8x7B", None),
        ("distilled-70B-to-7B", None),
        ("sandbox", None),
        ("", None),
    ],
)
def test_a_student_s_size_is_read_from_its_name_or_unknown(name: str, parameters: float | None):
    assert evidence.parameters_named(name) == parameters


def test_studies_match_the_task_and_the_student_s_size_class():
    table = evidence.published()
    assert table.studies(TaskType.MATH, parameters=None) == table.studies(TaskType.MATH)
    assert table.studies(TaskType.MATH, parameters=7e9) == table.studies(TaskType.MATH)
    # 13B is the largest student that RFT trained on a strategy's examples; its 33B to 70B saw human ones only
    assert table.studies(TaskType.MATH, parameters=38e9) == ("RFT",)
    assert table.studies(TaskType.MATH, parameters=70e9) == ()
    assert table.studies(TaskType.MATH, parameters=3.6e8) == ()
    assert table.studies(TaskType.TEXT_TO_SQL, parameters=3e9) == ("CHAN",)
    assert table.studies(TaskType.TEXT_TO_SQL, parameters=2e9) == ()


def test_every_row_that_compares_strategies_names_a_student_of_known_size():
    strategies = {s.value for s in Strategy}
    table = evidence.published()
    rows = [p for p in table.points if p.strategy in strategies]
    assert all(evidence.parameters_named(r.student) for r in (*rows, *table.shifts()))


@given(size=st.integers(1, 10**6), other=st.integers(1, 10**6))
def test_a_size_class_is_the_same_from_both_sides(size: int, other: int):
    assert evidence.same_size(f"student-{size}M", other * 1e6) == evidence.same_size(f"student-{other}M", size * 1e6)


@pytest.mark.parametrize("parameters", [0.0, -7e9, float("nan")])
def test_a_student_without_parameters_is_refused(parameters: float):
    with pytest.raises(ValueError, match="expected more than 0"):
        evidence.published().studies(TaskType.MATH, parameters=parameters)


def test_points_are_found_by_task_and_strategy():
    found = evidence.published().about(TaskType.MATH, Strategy.NEW_QUESTION)
    assert found
    assert {p.strategy for p in found} == {"new_question"}
    assert {p.task_type for p in found} == {TaskType.MATH}
    assert evidence.published().about(TaskType.STRUCTURED) == ()


def test_gap_recovered_is_never_taken_for_an_accuracy():
    assert {p.metric for p in evidence.published().points if p.source == "AGORA"} == {evidence.GAP_RECOVERED}
    assert not evidence.published().fitted(TaskType.CODE)


def test_all_bad_rows_are_reported_at_once_with_their_lines(copy: Path):
    lines = (copy / "published_points.csv").read_text().splitlines()
    lines[4] = lines[4].replace(",T,", ",Z,")
    lines[9] = lines[9].replace("gsm8k", "juggling")
    lines[11] = lines[11].replace("RFT-011,RFT,", "RFT-011,,")
    (copy / "published_points.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError) as refused:
        evidence.load(copy)
    assert [p.split(":")[0] for p in refused.value.problems] == [
        "published_points.csv line 5",
        "published_points.csv line 10",
        "published_points.csv line 12",
    ]


@pytest.mark.parametrize("value", ["", "much", "nan", "117.5"])
def test_a_value_that_is_no_percentage_is_refused(copy: Path, value: str):
    path = copy / "published_points.csv"
    text = path.read_text()
    path.write_text(text.replace(",11.0,table", f",{value},table", 1))
    with pytest.raises(InputError, match=r"published_points\.csv line 2"):
        evidence.load(copy)


def test_an_id_names_one_row(copy: Path):
    path = copy / "claims.csv"
    path.write_text(path.read_text().replace("chan-shift-1000,", "chan-shift-100,", 1))
    with pytest.raises(InputError, match="'chan-shift-100' appears twice"):
        evidence.load(copy)


def test_a_missing_file_and_a_missing_column_are_named(copy: Path):
    (copy / "claims.csv").unlink()
    path = copy / "published_points.csv"
    path.write_text(path.read_text().replace("confidence", "trust", 1))
    with pytest.raises(InputError) as refused:
        evidence.load(copy)
    assert "'confidence' is missing" in str(refused.value)
    assert "claims.csv: no such file" in str(refused.value)
