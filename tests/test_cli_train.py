"""`seedpilot train`: what it learns from which rows, what a kill costs, what is taken away, what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.cli import main, train
from engine.domain import Recipe
from engine.machine_fit import FIXED, SHARE, Machine, fit, this_machine, too_large
from engine.settings import Settings
from engine.store import Store
from engine.student import check_student
from tests.engine.test_machine_fit import of_70b
from tests.small_students import build_tiny_student

torch.set_num_threads(1)
ROOT = Path(__file__).resolve().parents[1]
QUICK = ["--min-steps", "30", "--epochs", "1", "--learning-rate", "0.01", "--rank", "4", "--max-length", "200"]


def chat(question: str, answer: str | None) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}]
    return {"messages": turns if answer is None else [*turns, {"role": "assistant", "content": answer}]}


def words(number: int) -> str:
    return "yes" if number % 2 else "no"


CHATS = [chat(f"Say {words(n)}, number {n}.", words(n)) for n in range(20)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return written(tmp_path / "data" / "train.messages.jsonl", CHATS).parent


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def seedpilot(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    with pytest.raises(SystemExit) as ended:
        main(["train", *map(str, arguments), "--json"])
    told = capsys.readouterr()
    assert ended.value.code == 0, told.err
    found: dict[str, Any] = json.loads(told.out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["train", *map(str, arguments)])
    assert ended.value.code in (1, 2)
    return capsys.readouterr().err


def tensors(told: dict[str, Any]) -> dict[str, torch.Tensor]:
    return load_file(Path(told["adapter"]) / "adapter_model.safetensors")


def test_a_killed_training_goes_on_with_the_same_losses_to_the_same_adapter(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--data", data, "--student", tiny, *QUICK[2:], "--min-steps", "160", "--batch-size", "4"]
    whole = seedpilot(capsys, *asked, "--out", tmp_path / "whole")
    killed = [*asked, "--out", tmp_path / "killed"]
    often = [*killed, "--checkpoint-minutes", "0.002"]
    process = subprocess.Popen([sys.executable, "-m", "engine.cli", "train", *map(str, often)], cwd=ROOT)
    progress = tmp_path / "killed" / "progress.json"
    while not progress.exists() or json.loads(progress.read_text())["done"] < 40:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (tmp_path / "killed" / "adapter").exists()
    told = seedpilot(capsys, *killed)
    assert 10 < told["went_on_at"] < 160
    assert whole["went_on_at"] == 0
    curves = [json.loads((tmp_path / name / "losses.json").read_text())["losses"] for name in ("whole", "killed")]
    assert curves[0] == curves[1]
    assert len(curves[0]) == 160
    one, other = tensors(whole), tensors(told)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert told["final_loss"] == whole["final_loss"] < 0.5 * whole["first_loss"]
    assert not (tmp_path / "killed" / "checkpoint.safetensors").exists()
    # Asked for once more, nothing is trained; with other settings, nothing is replaced.
    assert seedpilot(capsys, *killed)["train_seconds"] == told["train_seconds"]
    assert "holds a training of other data" in refused(capsys, *killed, "--seed", "7")


def test_merged_weights_load_in_plain_transformers_and_say_what_base_and_adapter_say(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for family in ("llama", "gpt2"):  # gpt2 holds its weights the other way round
        student = build_tiny_student(tmp_path / family, family=family)
        merged = tmp_path / f"{family} merged"
        asked = ["--data", data, "--student", student, *QUICK, "--out", tmp_path / f"{family} out"]
        told = seedpilot(capsys, *asked, "--merged", merged)
        assert {"config.json", "model.safetensors", "tokenizer.json"} <= {file.name for file in merged.iterdir()}
        base = AutoModelForCausalLM.from_pretrained(student)
        ids = torch.tensor([AutoTokenizer.from_pretrained(merged)("Say yes, number 7.\n").input_ids])
        with torch.no_grad():
            untuned = base(ids).logits
            tuned = PeftModel.from_pretrained(base, told["adapter"]).eval()(ids).logits
            whole = AutoModelForCausalLM.from_pretrained(merged).eval()(ids).logits
        torch.testing.assert_close(whole, tuned, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(whole, untuned, atol=1e-2)
        assert any("convert_hf_to_gguf.py" in line and str(merged) in line for line in told["to_gguf"])


def test_every_row_is_trained_on_or_counted(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [
        {"prompt": "Say no.\n", "completion": "no"},
        {"prompt": [{"role": "user", "content": "Say yes."}], "completion": [{"role": "assistant", "content": "yes"}]},
    ]
    silent = [chat("only a prompt", None), chat("an empty answer", " "), {"prompt": "p", "completion": ""}]
    long = [chat("short", "far too long " * 40), chat("x" * 400, "short")]
    file = written(tmp_path / "rows.jsonl", [*CHATS, *pairs, *silent, *long])
    told = seedpilot(capsys, "--data", file, "--student", tiny, *QUICK, "--out", tmp_path / "out")
    assert (told["rows"], told["trained_on"]) == (27, 22)
    assert told["left_out"] == {"all_prompt": 3, "too_long": 2}


def test_rows_of_a_task_are_trained_on_as_a_pilot_does(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "seeds.jsonl", [{"question": "What is 1 + 1?", "answer": "#### 2"}])
    without = refused(capsys, "--data", file, "--student", tiny, "--out", tmp_path / "out")
    assert "seeds.jsonl, line 1: expected `messages`" in without
    assert "--task" in without
    told = seedpilot(capsys, "--data", file, "--task", "math", "--student", tiny, *QUICK, "--out", tmp_path / "out")
    assert (told["rows"], told["trained_on"], told["steps"]) == (1, 1, 30)


def test_each_setting_says_where_it_came_from(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--data", data, "--student", tiny, "--preset", "paper", "--rank", "4", "--out", tmp_path / "out"]
    told = seedpilot(capsys, *asked)
    found = {one["name"]: (one["value"], one["origin"]) for one in told["settings"]}
    assert found["learning_rate"] == (4e-5, "preset")
    assert found["batch_size"] == (128, "preset")
    assert found["rank"] == (4, "command line")
    assert found["device"][1] == "given by the machine"
    assert found["optimizer"][1] == "the same for every run"
    assert told["steps"] == 1  # three passes over twenty rows in batches of 128, as the paper would


def test_a_pilot_lends_its_student_and_its_settings(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(Settings().store_path)
    training = {"learning_rate": 3e-3, "min_steps": 30, "rank": 4, "max_length": 200}
    store.file_run("r1", "r1", {"student": str(tiny), "training": training}, "r1")
    told = seedpilot(capsys, "--data", data, "--pilot", "r1", "--epochs", "1", "--out", tmp_path / "out")
    found = {one["name"]: (one["value"], one["origin"]) for one in told["settings"]}
    assert (told["student"], told["steps"]) == (str(tiny), 30)
    assert found["learning_rate"] == (3e-3, "pilot")
    assert found["epochs"] == (1.0, "command line")


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = [{"messages": [{"role": "robot", "content": "x"}]}, {"messages": "text"}, {"other": 1}]
    file = written(tmp_path / "rows.jsonl", [*CHATS[:2], *broken])
    said = refused(
        capsys, "--data", file, "--student", tmp_path / "none", "--out", tmp_path / "out", "--pilot", "nope",
        "--learning-rate", "3", "--batch-size", "0", "--checkpoint-minutes", "0",
    )  # fmt: skip
    for part in ("line 3: `messages` has the role 'robot'", "line 4: `messages` is no list", "line 5: expected", "none",
                 "run 'nope'", "--learning-rate", "--batch-size", "--checkpoint-minutes"):  # fmt: skip
        assert part in said
    assert not (tmp_path / "out").exists()


def test_a_file_of_prompts_alone_is_one_message(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "rows.jsonl", [chat("only this", None)] * 3)
    said = refused(capsys, "--data", file, "--student", tiny, "--out", tmp_path / "out")
    assert "all of its 3 rows are prompts without an answer" in said


def test_folders_that_hold_something_else_are_left_alone(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "--data", data, "--student", tiny, "--out", data, "--merged", data)
    assert said.count("holds other files") == 2
    assert [file.name for file in data.iterdir()] == ["train.messages.jsonl"]


def test_a_training_that_does_not_fit_is_refused_with_what_would_though_the_weights_fit(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    info = check_student(str(tiny))
    assert info.shape is not None
    takes = fit(info.shape, Recipe(), info.context, None, this_machine())
    one_row = takes.least_bytes - FIXED - takes.weights_bytes
    small = Machine("cpu", int((takes.least_bytes - one_row / 2) / SHARE), 10**9)
    assert too_large("tiny", info.shape, small) is None, "its weights fit"
    monkeypatch.setattr(train, "this_machine", lambda: small)
    said = refused(capsys, "--data", data, "--student", tiny, "--out", tmp_path / "out")
    assert f"--student {tiny}: 1 million parameters need 0.6 GB of memory even one row at a time" in said
    assert "this machine has 0.6 GB to use" in said
    assert "train on shorter examples too (--max-length 256)" in said
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(train, "this_machine", lambda: Machine("cuda", 24 * 10**9, 23 * 10**9))
    four = refused(capsys, "--data", data, "--student", of_70b(tmp_path / "big"), "--four-bit", "--out", tmp_path / "o")
    assert "70.6 billion parameters need" in four
    assert "choose a student of up to about" in four


def test_what_it_takes_is_told_before_it_starts(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "this_machine", lambda: Machine("cpu", 10**9, 10**9))
    with pytest.raises(SystemExit) as ended:
        main(["train", "--data", str(data), "--student", str(tiny), *QUICK, "--batch-size", "2048",
              "--out", str(tmp_path / "out")])  # fmt: skip
    assert ended.value.code == 0
    said = capsys.readouterr().err
    assert re.search(r"^20 examples, 30 steps at most; memory \d\.\d of 1\.0 GB at most \(cpu\)$", said, re.MULTILINE)
    assert "note: A batch of 2048 at the longest example takes up to" in said
    assert "--gradient-accumulation does so from the start" in said


def test_a_base_in_four_bits_is_refused_where_there_is_no_gpu_and_the_folder_stays_free(
    data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    asked = ["--data", data, "--student", tiny, *QUICK, "--out", tmp_path / "out"]
    assert "needs a CUDA device" in refused(capsys, *asked, "--four-bit")
    assert seedpilot(capsys, *asked)["steps"] == 30
