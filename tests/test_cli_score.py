"""`seedpilot score`: a scorer tried on rows before anything is paid."""

import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.tasks import load_task

GSM8K = Path(__file__).parents[2] / "shared" / "data" / "gsm8k"
SVAMP = GSM8K.parent / "svamp"
needs_data = pytest.mark.skipif(not GSM8K.is_dir(), reason=f"{GSM8K} is missing: it is lent, never committed")


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def score(*arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["score", *map(str, arguments)])
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


@pytest.fixture
def five(tmp_path: Path) -> Path:
    return write(tmp_path / "rows.jsonl", [{"question": f"{n} + 1?", "answer": f"#### {n + 1}"} for n in range(5)])


def test_counts_interval_and_reasons_add_up(five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    said = ["#### 1", "The answer is 2", "7", "no idea", None]
    replies = write(tmp_path / "replies.jsonl", [{"reply": reply} for reply in said])
    status, out, err = score("--task", "math", "--data", five, "--replies", replies, "--json", capsys=capsys)
    told = json.loads(out)
    assert (status, err) == (0, "")
    assert (told["right"], told["wrong"], told["not_scored"], told["rows_without_reply"]) == (2, 2, 1, 0)
    assert told["accuracy"]["mean"] == 0.5
    assert 0 < told["accuracy"]["low80"] < 0.5 < told["accuracy"]["high80"] < 1
    assert told["reasons"] == {
        "wrong": {"another number": 1, "no number in the reply": 1},
        "not_scored": {"no reply": 1},
    }
    assert [row["outcome"] for row in told["rows"]] == ["right", "right", "wrong", "wrong", "not_scored"]
    assert told["rows"][4]["value"] is None
    assert told["macro_f1"] is None


def test_replies_find_their_rows_by_question_and_by_id_in_any_order(
    five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    replies = write(tmp_path / "r.jsonl", [{"question": f"{n} + 1?", "reply": str(n + 1)} for n in (4, 0)])
    told = json.loads(score("--task", "math", "--data", five, "--replies", replies, "--json", capsys=capsys)[1])
    assert (told["right"], told["replies"], told["rows_without_reply"]) == (2, 2, 3)
    named = write(tmp_path / "named.jsonl", [{"id": n, "question": "same?", "answer": str(n)} for n in range(2)])
    replies = write(tmp_path / "r.jsonl", [{"id": n, "reply": str(n)} for n in (1, 0)])
    told = json.loads(score("--task", "math", "--data", named, "--replies", replies, "--json", capsys=capsys)[1])
    assert told["right"] == 2


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ([{"reply": "1"}], "1 replies for 5 rows, and no `id` or `question`"),
        ([{"answer": "1"}], "reply 1: has no column 'reply'"),
        ([{"question": "9 + 1?", "reply": "1"}], "reply 1: its question is in no row of the data"),
    ],
)
def test_replies_that_belong_to_no_row_are_an_error_of_input(
    replies: list[dict], said: str, five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = write(tmp_path / "replies.jsonl", replies)
    status, out, err = score("--task", "math", "--data", five, "--replies", path, "--json", capsys=capsys)
    assert (status, out) == (2, "")
    assert said in err


def test_wrong_rows_are_told_by_their_lines_and_columns_can_be_mapped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    data = write(tmp_path / "rows.jsonl", [{"prompt": "1 + 1?", "answer": "2"}, {"prompt": "", "answer": "3"}])
    replies = write(tmp_path / "r.jsonl", [{"reply": "2"}, {"reply": "3"}])
    arguments = ("--task", "math", "--data", data, "--replies", replies)
    status, _, err = score(*arguments, capsys=capsys)
    assert status == 2
    assert "lines 1 and 2: column 'question' is missing (found: prompt, answer); map it" in err
    status, _, err = score(*arguments, "--map", "question=prompt", capsys=capsys)
    assert (status, err.strip()) == (2, "rows.jsonl, line 2: 'question' is empty")
    assert score(*arguments, "--map", "prompt", capsys=capsys)[2].startswith("--map prompt: expected NAME=COLUMN")


def test_labels_have_macro_f1_of_the_gold_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from sklearn.metrics import f1_score

    golds, said = list("aaaabbc"), list("aaabbac")
    task = tmp_path / "task.toml"
    task.write_text(
        'name = "l"\nanswer = "structured"\nteacher = "t"\n[scorer]\nkind = "labels"\nlabels = ["a", "b", "c"]\n'
    )
    data = write(tmp_path / "d.jsonl", [{"question": f"q{n}", "answer": gold} for n, gold in enumerate(golds)])
    replies = write(tmp_path / "r.jsonl", [{"reply": label} for label in said])
    told = json.loads(score("--task", task, "--data", data, "--replies", replies, "--json", capsys=capsys)[1])
    assert told["macro_f1"] == pytest.approx(f1_score(golds, said, average="macro"))


@pytest.mark.parametrize("labelled", [49, 50])
def test_agreement_with_the_judge_is_shown_from_fifty_labels_on(
    labelled: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    data = write(tmp_path / "d.jsonl", [{"question": f"q{n}", "answer": "a"} for n in range(60)])
    rows = [{"reply": "r", "verdict": json.dumps({"score": 5 if n % 2 else 1})} for n in range(60)]
    for n in range(labelled):
        rows[n]["human"] = "right" if n % 2 or n < 10 else "wrong"
    replies = write(tmp_path / "r.jsonl", rows)
    told = json.loads(score("--task", "open_ended", "--data", data, "--replies", replies, "--json", capsys=capsys)[1])
    assert (told["right"], told["wrong"]) == (30, 30)
    agreed = told["agreement"]
    assert (agreed["labels"], agreed["missing"]) == (labelled, 50 - labelled)
    if labelled < 50:
        assert agreed["share"] is agreed["kappa"] is None
    else:
        assert (agreed["same"], agreed["too_kind"], agreed["too_strict"]) == (45, 0, 5)
        assert agreed["kappa"] == pytest.approx(0.8)
        assert agreed["share"]["low80"] < agreed["share"]["mean"] == 0.9 < agreed["share"]["high80"]


def test_without_json_the_rows_and_a_summary_are_printed_and_control_characters_are_not(
    five: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    replies = write(tmp_path / "r.jsonl", [{"reply": f"\x1b[31m{n + 1}"} for n in range(5)])
    status, out, _ = score("--task", "math", "--data", five, "--replies", replies, capsys=capsys)
    assert status == 0
    assert "\x1b" not in out
    assert "math: 5 right, 0 wrong, 0 not scored; 100.0 % right (80 % interval" in out


@pytest.mark.shared
@needs_data
@pytest.mark.parametrize(("teacher", "right"), [("gpt-4o-mini-2024-07-18", 144), ("gemma-2-2b-it", 72)])
def test_the_recorded_teachers_score_as_measured(teacher: str, right: int, capsys: pytest.CaptureFixture[str]):
    """Twenty rows of each were read by eye (docs/decisions.md): all agree with the score."""
    replies = GSM8K / f"recorded_answers.{teacher}.jsonl"
    arguments = ("--task", "math", "--data", GSM8K / "test.jsonl", "--replies", replies, "--json")
    told = json.loads(score(*arguments, capsys=capsys)[1])
    assert (told["right"], told["wrong"], told["not_scored"]) == (right, 150 - right, 0)


@pytest.mark.shared
@needs_data
def test_the_recorded_answers_of_svamp_agree_with_their_stated_values(tmp_path: Path):
    rows = [json.loads(line) for line in (SVAMP / "recorded_answers.jsonl").read_text("utf-8").splitlines()]
    task = load_task("math")
    scores = [task.score(row["answer_value"], row["answer_cot"]) for row in rows]
    assert len(scores) == 200
    assert [score.reason for score in scores if score.outcome != "right"] == []
    assert all(task.parse_answer(row["answer_cot"]) for row in rows)
