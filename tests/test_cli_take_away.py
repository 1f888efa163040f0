"""`seedpilot export` and `push`: an adapter with its card, nothing of this machine in it, and nothing sent unasked."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from engine.cli import main
from engine.domain import Cell, Measurement, Strategy
from engine.items import write_jsonl
from engine.plan import check_plan
from engine.records import RunState
from engine.settings import Settings
from engine.store import Store
from tests.hub_server import Hub, serving
from tests.small_students import build_tiny_student

TOKEN = "hf_very_secret_token_of_a_test"
HOSTILE = "evil](http://x) <script>alert(1)</script> | --- |\n# teacher"
NEW = Strategy.NEW_QUESTION


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny student, and an adapter of it in peft's layout, beside it."""
    home = tmp_path_factory.mktemp("models")
    student = build_tiny_student(home / "our-student")
    model = AutoModelForCausalLM.from_pretrained(student)
    adapter = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    torch.manual_seed(0)
    for name, weights in adapter.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.1)
    adapter.save_pretrained(home / "adapter")
    return student


@pytest.fixture
def run_id(student: Path) -> str:
    """A finished run with two adapters and the pool that they learned from."""
    store = Store(Settings().store_path)
    plan = check_plan({"name": HOSTILE, "student": str(student), "grid": {"budgets": [20, 40]}, "seeds": {"count": 30}})
    run_id = store.file_run("20261121-100000-abcd", plan.name, plan.model_dump(mode="json"), "t")
    for budget, correct in ((20, 40), (40, 55)):
        cell = Cell(NEW, 30, budget, 0)
        folder = store.folder(run_id) / "cells" / cell.key
        (folder / "adapter").mkdir(parents=True)
        for file in (student.parent / "adapter").iterdir():
            (folder / "adapter" / file.name).write_bytes(file.read_bytes())
        store.plan_cells(run_id, [cell])
        measured = Measurement(cell, correct, 98, 2, budget // 2)
        store.record_cell(run_id, measured, [1.0], {"seed": 1000, "steps": 12}, str(folder))
    pool = store.folder(run_id) / "pools" / "new_question-s30"
    rows = [{"question": "1+1?", "answer": "#### 2", "teacher": HOSTILE, "query_ids": []} for _ in range(18)]
    write_jsonl(pool / "examples.jsonl", rows)
    store.record_pool(run_id, pool.name, {"kept": 18, "duplicate": 2}, str(pool))
    store.finish(run_id, RunState.DONE)
    return run_id


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    # Xet is a service of its own; the hub takes Git LFS from whoever does not have it.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with serving(tmp_path / "hub") as hub:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)
        yield hub


def front(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def test_an_adapter_is_taken_away_with_a_card_that_says_how_well_it_does(
    run_id: str, student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    status, _, _ = ran(capsys, "export", run_id, "--out", str(tmp_path / "taken"))
    assert status == 0
    assert sorted(file.name for file in (tmp_path / "taken").iterdir()) == [
        "README.md", "adapter_config.json", "adapter_model.safetensors",
    ]  # fmt: skip
    card = (tmp_path / "taken" / "README.md").read_text()
    assert "56.1 % right (49.6 to 62.4, Wilson's 80 % interval) on 98 test items" in card, "the larger budget"
    assert "2 more answers could not be scored" in card
    assert "It is one of 2 adapters that were measured on the same items" in card
    assert "30 examples of the user's own, and 20 that a language model wrote" in card
    assert "| training steps | 12 |" in card
    assert "Licence" in card
    assert front(card)["license"] == "unknown"
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(student), tmp_path / "taken")
    assert loaded.peft_config["default"].r == 4


def test_nothing_in_it_acts_and_no_path_of_this_machine_leaves(
    run_id: str, student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for what in ("adapter", "merged"):
        assert ran(capsys, "export", run_id, "--what", what, "--out", str(tmp_path / what))[0] == 0
        for file in (tmp_path / what).iterdir():
            said = file.read_bytes()
            for path in (student.parent, tmp_path, Path(Settings().home)):
                assert str(path).encode() not in said, file.name
        card = (tmp_path / what / "README.md").read_text()
        assert "<script>" not in card
        assert not re.search(r"(?<!\\)\]\(", card), "no link"
        assert "\n# teacher" not in card


def test_the_merged_model_answers_as_the_adapter_on_its_base(
    run_id: str, student: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert ran(capsys, "export", run_id, "--what", "merged", "--out", str(tmp_path / "whole"))[0] == 0
    ids = torch.arange(5, 25)[None]
    base = AutoModelForCausalLM.from_pretrained(student)
    plain = base(ids).logits
    adapted = PeftModel.from_pretrained(base, student.parent / "adapter")(ids).logits
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "whole")(ids).logits
    assert torch.allclose(merged, adapted, atol=1e-4)
    assert not torch.allclose(merged, plain, atol=1e-2)
    assert "transformers" in front((tmp_path / "whole" / "README.md").read_text())["library_name"]


def test_a_push_lists_what_goes_out_and_sends_nothing_without_a_yes(
    run_id: str, hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    status, _, said = ran(capsys, "push", run_id, "--to", "our-team/tickets")
    assert status == 2
    assert "Nobody is there to answer" in said
    terminal = io.StringIO("\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    status, _, said = ran(capsys, "push", run_id, "--to", "our-team/tickets")
    assert (status, hub.asked) == (1, [])
    assert "only you and whom you let in can see it" in said
    assert "adapter_model.safetensors" in said
    assert "3 files, " in said
    assert "Nothing was sent" in said
    ran(capsys, "push", run_id, "--to", "our-team/tickets", "--public")
    assert hub.asked == []


def test_a_push_sends_exactly_what_was_listed(
    run_id: str, hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    ran(capsys, "export", run_id, "--out", str(tmp_path / "same"))
    status, out, said = ran(capsys, "push", run_id, "--to", "our-team/tickets", "--yes", "--json")
    assert status == 0, (said, hub.asked)
    received = hub.folder / "received" / "our-team" / "tickets"
    sent = {file.name: file.read_bytes() for file in received.iterdir()}
    assert sent == {file.name: file.read_bytes() for file in (tmp_path / "same").iterdir()}
    assert sorted(json.loads(out)["files"]) == sorted(sent)
    asked = hub.created[0]
    assert asked.get("visibility") == "private" or asked.get("private") is True
    assert hub.tokens == {TOKEN}
    assert TOKEN not in out + said


def test_a_hub_that_refuses_is_one_sentence_without_the_token(
    run_id: str, hub: Hub, capsys: pytest.CaptureFixture[str]
):
    hub.writers = set()
    status, _, said = ran(capsys, "push", run_id, "--to", "our-team/tickets", "--yes")
    assert status == 1
    assert "no token, or one that may not write there" in said
    assert TOKEN not in said
    assert ran(capsys, "push", run_id, "--to", "no-name", "--yes")[2].startswith("--to no-name: expected USER/NAME")


def test_a_run_without_an_adapter_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path, run_id: str):
    store = Store(Settings().store_path)
    store.file_run("empty", "p", check_plan({}).model_dump(mode="json"), "x")
    assert "run empty has no adapter on the disk" in ran(capsys, "export", "empty", "--out", str(tmp_path / "a"))[2]
    assert (
        "--cell nope: is none of the adapters"
        in ran(capsys, "export", run_id, "--cell", "nope", "--out", str(tmp_path / "a"))[2]
    )
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert "holds something already" in ran(capsys, "export", run_id, "--out", str(tmp_path / "full"))[2]
