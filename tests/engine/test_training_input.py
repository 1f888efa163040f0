"""What training makes of students and rows that are not as one would wish: handled, counted, or one clear message."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from engine import pack, pack_steps
from engine.answer_loss import Batch, token_losses
from engine.domain import Message, Recipe, TrainingExample
from engine.errors import InputError, StudentError
from engine.exporting import write_merged
from engine.inference import answer
from engine.job_files import read_json
from engine.loading import load, prompt_ids
from engine.training import encode, train
from engine.training_rows import read_training_rows
from tests.small_students import EOS, build_tiny_student, build_tiny_tokenizer

torch.set_num_threads(1)
RECIPE = Recipe(learning_rate=1e-2, batch_size=4, epochs=1, min_steps=12, rank=4, alpha=8, max_length=256)


def example(question: str, completion: str) -> TrainingExample:
    return TrainingExample((Message("user", question),), completion)


ROWS = [example(f"Say {n}.", f"{n}") for n in range(8)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny")


def losses(folder: Path) -> list[float]:
    found = read_json(folder / "losses.json")
    assert found is not None
    return list(found["losses"])


def test_without_a_chat_template_a_turn_is_a_line_and_with_one_it_is_the_template_s(tiny: Path, tmp_path: Path) -> None:
    plain, chatty = load(str(tiny)), load(str(build_tiny_student(tmp_path / "chatty", chat_template=True)))
    row = encode(plain, example("Why?", "So."))
    assert plain.tokenizer.decode(row.ids[: row.prompt]) == "Why?\n"
    shown = [Message("user", "Who?"), Message("assistant", "He."), Message("user", "Why?")]
    assert plain.tokenizer.decode(prompt_ids(plain.tokenizer, shown)) == "Who?\nHe.\n\nWhy?\n"
    row = encode(chatty, example("Why?", "So."))
    assert chatty.tokenizer.decode(row.ids[: row.prompt]) == f"<|user|>\nWhy?{EOS}\n<|assistant|>\n"
    assert chatty.tokenizer.decode(row.ids[row.prompt :]) == f"So.{EOS}"


def test_a_template_that_refuses_a_conversation_is_one_message(tmp_path: Path) -> None:
    student = build_tiny_student(tmp_path / "strict", chat_template=True)
    (student / "chat_template.jinja").write_text("{{ raise_exception('only users speak here') }}")
    with pytest.raises(StudentError, match="refuses the conversation: only users speak here"):
        train(str(student), ROWS, RECIPE, 0, tmp_path / "out" / "adapter")


def test_a_student_without_a_pad_token_learns_as_one_with_it(tiny: Path, tmp_path: Path) -> None:
    padded = build_tiny_student(tmp_path / "padded")
    tokenizer = build_tiny_tokenizer()
    assert tokenizer.pad_token is None
    tokenizer.pad_token = EOS
    tokenizer.save_pretrained(padded)
    uneven = [*ROWS, example("A question that is a good deal longer than the others?", "yes, it is")]
    for name, student in (("without", tiny), ("with", padded)):
        train(str(student), uneven, RECIPE, 0, tmp_path / name / "adapter")
    assert losses(tmp_path / "with") == losses(tmp_path / "without")


def odd_digits() -> PreTrainedTokenizerFast:
    """Digits in pairs from the left, and a line end that takes the digit behind it along."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    line_end = "Ċ"
    pairs = [f"{a}{b}" for a in "0123456789" for b in "0123456789"]
    taken = [f"{line_end}{a}" for a in "0123456789"]
    words = {token: i for i, token in enumerate([EOS, *alphabet, *taken, *pairs])}
    merges = [(line_end, token[-1]) for token in taken] + [(pair[0], pair[1]) for pair in pairs]
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=EOS)


def test_a_tokenizer_that_splits_digits_oddly_cuts_no_answer_in_two(tmp_path: Path) -> None:
    tokenizer = odd_digits()
    student = build_tiny_student(tmp_path / "odd", words=len(tokenizer))
    tokenizer.save_pretrained(student)
    loaded = load(str(student))
    whole = loaded.tokenizer("What is 5 + 7?\n12").input_ids
    rows = [example(f"What is {a} + {b}?", f"{a + b}") for a in (5, 60) for b in (7, 950)]
    asked = prompt_ids(loaded.tokenizer, rows[0].messages)
    assert whole[: len(asked)] != asked, "read as one text, the line end would take the answer's first digit"
    for row in rows:
        found = encode(loaded, row)
        # What is trained on is what is asked at the test, and the answer is whole.
        assert list(found.ids[: found.prompt]) == prompt_ids(loaded.tokenizer, row.messages)
        assert loaded.tokenizer.decode(found.ids[found.prompt :]) == row.completion + EOS
    recipe = replace(RECIPE, min_steps=200, learning_rate=1e-2, rank=8, alpha=16)
    train(str(student), rows, recipe, 0, tmp_path / "out" / "adapter")
    said = answer(load(str(student), tmp_path / "out" / "adapter"), [row.messages for row in rows], 8)
    assert said == ("12", "955", "67", "1010")


def test_what_is_longer_than_the_context_is_counted_and_nothing_that_fits_is_one_message(tmp_path: Path) -> None:
    student = build_tiny_student(tmp_path / "short", context=40)
    long = example("Why?", "so " * 40)
    trained = train(str(student), [*ROWS, long, long], RECIPE, 0, tmp_path / "out" / "adapter")
    assert (trained.too_long, trained.steps) == (2, 12)
    with pytest.raises(StudentError, match=r"none of the 2 examples fits into 40 tokens .*longer context"):
        train(str(student), [long, long], RECIPE, 0, tmp_path / "none" / "adapter")


def test_one_row_is_a_batch_of_one_in_every_step(tiny: Path, tmp_path: Path) -> None:
    trained = train(str(tiny), ROWS[:1], RECIPE, 0, tmp_path / "adapter")
    found = losses(tmp_path)
    assert (trained.steps, len(found)) == (12, 12)
    assert found[-1] < found[0]


def test_rows_that_are_all_prompt_are_counted_and_a_file_of_them_is_one_message(tmp_path: Path) -> None:
    asked = {"messages": [{"role": "user", "content": "only a question"}]}
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, [asked, {"prompt": "p", "completion": "c"}, asked])))
    found = read_training_rows(file)
    assert (len(found.examples), found.all_prompt, found.rows) == (1, 2, 3)
    file.write_text(json.dumps(asked))
    with pytest.raises(InputError, match="all of its 1 rows are prompts without an answer"):
        read_training_rows(file)


def test_an_adapter_for_another_base_is_not_merged(tiny: Path, tmp_path: Path) -> None:
    other = build_tiny_student(tmp_path / "other", family="gpt2")
    train(str(tiny), ROWS[:1], RECIPE, 0, tmp_path / "out" / "adapter")
    with pytest.raises(StudentError, match="does not fit student"):
        write_merged(str(other), tmp_path / "out" / "adapter", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_memory_that_ends_for_one_adapter_cuts_its_batches_and_the_values_stay(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(str(tiny), ROWS, RECIPE, 0, tmp_path / "whole" / "adapter")
    sizes: list[int] = []

    def narrow(model: object, batch: Batch) -> torch.Tensor:
        sizes.append(len(batch.ids))
        if len(batch.ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return token_losses(model, batch)

    monkeypatch.setattr(pack_steps, "token_losses", narrow)
    train(str(tiny), ROWS, RECIPE, 0, tmp_path / "cut" / "adapter")
    assert sizes == [4] + [2] * 24
    one, other = losses(tmp_path / "whole"), losses(tmp_path / "cut")
    assert max(abs(a - b) for a, b in zip(one, other, strict=True)) < 1e-4
    lowered = read_json(tmp_path / "cut" / "lowered.json")
    assert lowered == {"lowered": ["batches in 2 parts instead of 1 from step 1 on"]}


@pytest.mark.gpu
def test_a_base_in_four_bits_trains_a_pack_that_equals_separate_runs(tmp_path: Path) -> None:
    student = build_tiny_student(tmp_path / "tiny")
    recipe = replace(RECIPE, four_bit=True, gradient_checkpointing=True, gradient_accumulation=2)
    loaded = load(str(student), four_bit=True)
    assert any("4bit" in type(module).__name__ for module in loaded.model.modules())
    members = [pack_steps.Member([encode(loaded, row) for row in ROWS], recipe, seed) for seed in range(3)]
    together: dict[int, object] = {}
    pack.train_pack(loaded, members, lambda one, result: together.update({one: result}))
    for one, member in enumerate(members):
        alone: dict[int, object] = {}
        pack.train_pack(loaded, [member], lambda _, result, alone=alone: alone.update({0: result}))
        both = together[one], alone[0]
        assert all(isinstance(result, pack.Fitted) for result in both)
        assert max(abs(a - b) for a, b in zip(*(r.losses for r in both), strict=True)) < 0.05  # type: ignore[attr-defined]
