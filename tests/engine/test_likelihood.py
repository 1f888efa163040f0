"""The likelihood of gold answers is what the student's own probabilities multiply to."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine import likelihood
from engine.answer_loss import answer_losses
from engine.domain import Cell, GoldLikelihood, Item, Message, Outcome, Score, Strategy, TrainingExample
from engine.likelihood import gold_likelihoods
from engine.loading import load, prompt_ids
from engine.recording import record
from engine.store import Store
from engine.tally import mean_gold_loss
from engine.tasks import load_task
from engine.training import encode
from tests.small_students import FAMILIES, build_tiny_student

torch.set_num_threads(1)

ASKED = [(Message("user", "x" * n),) for n in (40, 3, 17, 1, 22)]
GOLDS = ["so", "seven and a half", "", "1", "no"]


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", family=request.param, context=64)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", context=64)


def test_it_is_the_product_of_the_probabilities_of_the_answers_tokens(folder: Path) -> None:
    student = load(str(folder))
    found = gold_likelihoods(student, ASKED, GOLDS)
    assert found[2] is None  # no gold, no likelihood
    for question, gold, one in zip(ASKED, GOLDS, found, strict=True):
        if one is None:
            continue
        prompt = prompt_ids(student.tokenizer, question)
        said = [*student.tokenizer(gold, add_special_tokens=False).input_ids, student.stop_ids[0]]
        total = 0.0
        student.model.requires_grad_(False)
        for at, token in enumerate(said):  # one token at a time, without a batch or a cache
            logits = student.model(torch.tensor([prompt + said[:at]])).logits[0, -1]
            total += float(torch.log_softmax(logits, -1)[token])
        assert one.tokens == len(said)
        assert one.log_likelihood == pytest.approx(total, rel=1e-4)


def test_it_reads_an_answer_as_training_does(tiny: Path) -> None:
    student = load(str(tiny))
    (found,) = gold_likelihoods(student, ASKED[:1], GOLDS[:1])
    losses, counts = answer_losses(
        student.model, [encode(student, TrainingExample(ASKED[0], GOLDS[0]))], student.device
    )
    assert found == GoldLikelihood(-losses.item(), int(counts.item()))


def test_a_gold_that_passes_the_context_has_none_and_is_not_cut(tiny: Path) -> None:
    found = gold_likelihoods(load(str(tiny)), ASKED[:2], ["y" * 40, "y" * 40])
    assert found[0] is None
    assert found[1] is not None


def test_memory_that_ends_makes_smaller_passes_and_the_same_numbers(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = load(str(tiny))
    whole = gold_likelihoods(student, ASKED, GOLDS)
    sizes = []

    def narrow(model: object, rows: list[object], device: object) -> object:
        sizes.append(len(rows))
        if len(rows) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return answer_losses(model, rows, device)  # type: ignore[arg-type]

    monkeypatch.setattr(likelihood, "answer_losses", narrow)
    for one, other in zip(gold_likelihoods(student, ASKED, GOLDS), whole, strict=True):
        assert (one is None) == (other is None)
        assert one is None or other is None or one.log_likelihood == pytest.approx(other.log_likelihood)
    assert sizes[0] == 4


def test_the_mean_is_within_items_first() -> None:
    found = [GoldLikelihood(-2.0, 1), None, GoldLikelihood(-8.0, 8)]
    assert mean_gold_loss(found) == 1.5
    assert mean_gold_loss([None]) is None


def test_it_is_recorded_beside_each_score(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    store.file_run("run", "run", {}, "token")
    cell = Cell(Strategy.NEW_QUESTION, 10, 20, 0)
    store.plan_cells("run", [cell])
    items = [Item("a", "one?", "1"), Item("b", "two?", "2")]
    scores = [Score(Outcome.RIGHT, 1.0), Score(Outcome.WRONG, 0.0, "other number")]
    gold = [GoldLikelihood(-2.0, 1), None]
    told = {"steps": 3}
    task = load_task("math")
    record(store, "run", cell, task, items, ["1", "3"], scores, examples=5, detail=told, folder=tmp_path, gold=gold)
    assert store.cells("run")[0].detail == {"steps": 3, "gold_loss": 2.0}
    rows = (tmp_path / "predictions.jsonl").read_text()
    assert '"gold_log_likelihood": -2.0, "gold_tokens": 1' in rows
    assert '"gold_log_likelihood": null, "gold_tokens": null' in rows
