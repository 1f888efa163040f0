"""`seedpilot evaluate`: a student, an adapter, or predictions from elsewhere, on test items."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.cli import main
from engine.comparison import Z95, wilson
from engine.sandbox.world import test_items as sandbox_items
from tests.engine.test_adapters import make_adapter
from tests.small_students import build_tiny_student

torch.set_num_threads(1)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def evaluate(*arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *map(str, arguments)])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


@pytest.fixture(scope="module")
def sandbox_test(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{"question": item.question, "answer": item.answer} for item in sandbox_items(40)]
    return write(tmp_path_factory.mktemp("items") / "test.jsonl", rows)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", context=120)


@pytest.fixture
def five(tmp_path: Path) -> Path:
    return write(tmp_path / "five.jsonl", [{"question": f"{n} + 1?", "answer": str(n + 1)} for n in range(5)])


def test_a_student_is_scored_with_its_interval_and_kept_item_by_item(
    sandbox_test: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--task", "math", "--test", sandbox_test, "--student", "sandbox", "--max-new-tokens", "96")
    status, out, _ = evaluate(*asked, "--out", tmp_path, "--json", capsys=capsys)
    told = json.loads(out)
    assert status == 0
    assert (told["task"], told["student"], told["adapter"], told["items"]) == ("math", "sandbox", None, 40)
    assert told["right"] + told["wrong"] == told["n"]
    assert told["n"] + told["not_scored"] == 40
    narrow, wide = wilson(told["right"], told["n"]), wilson(told["right"], told["n"], Z95)
    assert narrow is not None
    assert wide is not None
    assert told["accuracy"] == {
        "mean": narrow.mean,
        "low80": narrow.low80,
        "high80": narrow.high80,
        "low95": wide.low80,
        "high95": wide.high80,
    }
    assert 0 < told["gold_loss"] < 5
    kept = [json.loads(line) for line in (tmp_path / "predictions.jsonl").read_text().splitlines()]
    assert sum(row["outcome"] == "right" for row in kept) == told["right"]
    assert all(row["gold_log_likelihood"] < 0 < row["gold_tokens"] for row in kept)
    # What was kept is scored again, as predictions from elsewhere, to the same numbers.
    status, out, _ = evaluate(
        *asked[:4], "--predictions", tmp_path / "predictions.jsonl", "--against", tmp_path / "predictions.jsonl",
        "--json", capsys=capsys,
    )  # fmt: skip
    again = json.loads(out)
    assert (status, again["right"], again["accuracy"]) == (0, told["right"], told["accuracy"])
    assert (again["against"]["difference"], again["against"]["p"], again["against"]["won"]) == (0.0, 1.0, 0)


def test_an_adapter_changes_the_answers_and_a_missing_template_is_told(
    five: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--task", "math", "--test", five, "--student", tiny, "--max-new-tokens", "12", "--json")
    adapter = make_adapter(tiny, tmp_path / "adapter", 1)
    capsys.readouterr()
    losses = []
    for more in ((), ("--adapter", adapter)):
        status, out, _ = evaluate(*asked, *more, capsys=capsys)
        told = json.loads(out)
        assert status == 0
        assert "no chat template" in told["notes"][0]
        assert told["unended"] + told["cut_prompts"] <= 5
        losses.append(told["gold_loss"])
    assert told["adapter"] == str(adapter)
    assert losses[0] != losses[1]


def test_an_adapter_for_another_base_is_refused(
    five: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = build_tiny_student(tmp_path / "gpt2", family="gpt2", context=120)
    adapter = make_adapter(other, tmp_path / "adapter", 1)
    capsys.readouterr()
    status, out, err = evaluate(
        "--task", "math", "--test", five, "--student", tiny, "--adapter", adapter, "--json", capsys=capsys
    )
    assert (status, out) == (1, "")
    assert "does not fit student" in err
    assert "which the student has not" in err


def test_an_adapter_that_names_another_base_of_the_same_shape_is_told(
    five: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = make_adapter(build_tiny_student(tmp_path / "twin", seed=1, context=120), tmp_path / "adapter", 1)
    asked = ("--task", "math", "--test", five, "--student", tiny, "--max-new-tokens", "4", "--json")
    capsys.readouterr()
    status, out, _ = evaluate(*asked, "--adapter", adapter, capsys=capsys)
    assert status == 0
    assert any("twin as its base" in note for note in json.loads(out)["notes"])


def test_a_question_longer_than_the_context_is_counted(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = write(tmp_path / "t.jsonl", [{"question": "x" * 500, "answer": "1"}, {"question": "1?", "answer": "1"}])
    status, out, _ = evaluate(
        "--task", "math", "--test", test, "--student", tiny, "--max-new-tokens", "8", "--json", capsys=capsys
    )
    told = json.loads(out)
    assert (status, told["cut_prompts"], told["items"]) == (0, 1, 2)
    assert any("1 questions do not fit into the student's 120 tokens" in note for note in told["notes"])


def test_predictions_from_elsewhere_belong_by_id_and_what_is_missing_is_counted(
    five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = [{"question": f"{n} + 1?", "prediction": f"#### {n + (n != 3) * 1}"} for n in (4, 3, 1)]
    status, out, _ = evaluate(
        "--task", "math", "--test", five, "--predictions", write(tmp_path / "p.jsonl", replies), "--json", capsys=capsys
    )
    told = json.loads(out)
    assert status == 0
    assert (told["right"], told["wrong"], told["not_scored"], told["unanswered"], told["n"]) == (2, 1, 2, 2, 3)
    assert told["reasons"]["not_scored"] == {"no reply": 2}


def test_two_files_are_compared_exactly_or_by_family(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"question": f"{n}?", "answer": str(n)} for n in range(60)]
    good = write(tmp_path / "good.jsonl", [{"reply": str(n)} for n in range(60)])
    poor = write(tmp_path / "poor.jsonl", [{"reply": str(n) if n % 3 else "999"} for n in range(60)])
    test = write(tmp_path / "test.jsonl", rows)
    asked = ("--task", "math", "--predictions", good, "--against", poor, "--json")
    _, out, _ = evaluate(*asked, "--test", test, capsys=capsys)
    told = json.loads(out)["against"]
    assert (told["won"], told["lost"], told["items"], told["test"]) == (20, 0, 60, "McNemar, exact")
    assert told["difference"] == pytest.approx(1 / 3)
    assert told["p"] == pytest.approx(2**-19)
    grouped = write(tmp_path / "grouped.jsonl", [row | {"family": f"f{n // 10}"} for n, row in enumerate(rows)])
    _, out, _ = evaluate(*asked, "--test", grouped, capsys=capsys)
    told = json.loads(out)["against"]
    assert (told["families"], told["test"]) == (6, "paired bootstrap, clustered by family")


def test_an_item_that_stands_there_twice_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    test = write(tmp_path / "t.jsonl", [{"question": "1?", "answer": "1"}] * 2 + [{"question": "2?", "answer": "2"}])
    replies = write(tmp_path / "p.jsonl", [{"reply": "1"}, {"reply": "5"}, {"reply": "2"}])
    _, out, _ = evaluate("--task", "math", "--test", test, "--predictions", replies, "--json", capsys=capsys)
    told = json.loads(out)
    assert (told["items"], told["repeats"], told["right"]) == (2, 1, 2)


def test_everything_that_is_wrong_is_told_before_a_student_is_loaded(
    five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = evaluate(
        "--task", "math", "--test", five, "--predictions", five, "--adapter", tmp_path / "no", "--max-new-tokens", "0",
        capsys=capsys,
    )  # fmt: skip
    assert (status, out) == (2, "")
    assert len(err.strip().splitlines()) == 3
    twice = write(tmp_path / "twice.jsonl", [{"question": "1 + 1?", "reply": "2"}] * 2)
    status, _, err = evaluate("--task", "math", "--test", five, "--predictions", twice, capsys=capsys)
    assert status == 2
    assert "several replies" in err


def test_the_words_for_a_person_hold_the_same_numbers(
    five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replies = write(tmp_path / "p.jsonl", [{"reply": str(n + 1)} for n in range(4)] + [{"reply": None}])
    _, out, _ = evaluate(
        "--task", "math", "--test", five, "--predictions", replies, "--against", replies, capsys=capsys
    )
    assert "100.0 % right of 4" in out
    assert "1 not scored" in out
    assert "+0.0 points" in out
