"""Batched greedy answers: the same as one by one, whatever the batch and the tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine import decoding, inference
from engine.domain import Message
from engine.errors import StudentError
from engine.inference import answer
from engine.loading import load, prompt_ids
from tests.small_students import EOS, build_tiny_student

torch.set_num_threads(1)


def questions(*texts: str) -> list[tuple[Message, ...]]:
    return [(Message("user", text),) for text in texts]


@pytest.fixture(scope="module", params=["llama", "llama with template", "gpt2"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    family, _, template = request.param.partition(" with ")
    return build_tiny_student(tmp_path_factory.mktemp("students") / "tiny", bool(template), family=family, context=512)


def one_by_one(folder: Path, asked: list[tuple[Message, ...]], tokens: int) -> list[str]:
    """transformers by hand: no padding, no batch, no code of ours but the prompt."""
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = []
    for question in asked:
        ids = torch.tensor([prompt_ids(tokenizer, question)])
        out = model.generate(ids, do_sample=False, max_new_tokens=tokens, pad_token_id=0)
        texts.append(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip())
    return texts


def test_batched_answers_are_the_texts_that_come_one_by_one_in_the_order_of_the_questions(folder: Path) -> None:
    asked = questions(*("x" * n + f" what is {n}?" for n in (90, 3, 40, 1, 77, 12, 12, 150)))
    expected = one_by_one(folder, asked, 24)
    assert list(answer(load(str(folder)), asked, 24)) == expected
    assert len(set(expected)) > 3  # the test would prove little if all answers were alike


def test_the_size_of_a_batch_changes_no_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = questions(*(f"{'why ' * n}?" for n in range(1, 12)))
    student = load(str(folder))
    together = answer(student, asked, 16)
    monkeypatch.setattr(decoding, "MOST_ROWS", 3)
    assert answer(student, asked, 16) == together


def test_no_question_no_answer(folder: Path) -> None:
    assert answer(load(str(folder)), [], 16) == ()


def test_an_empty_question_is_answered_too(folder: Path) -> None:
    assert len(answer(load(str(folder)), questions("", "hello"), 8)) == 2


def test_a_question_that_passes_the_context_is_read_from_its_end(folder: Path) -> None:
    student = load(str(folder))
    long = "y" * 5000 + " and now?"
    assert answer(student, questions(long), 16) == answer(student, questions(long[-495:]), 16) or (
        student.tokenizer.chat_template  # a template's own turns are cut off as well
    )


@pytest.mark.parametrize(
    ("text", "stop", "end"),
    [
        ("15. #### 15\n4. #### 4", ["\n"], 11),
        ("\n 15\n4", ["\n"], 4),
        (" \n", ["\n"], None),
        ("\nQ: more", ["\nQ:"], 0),
        ("15", ["\n", "x"], None),
    ],
)
def test_an_empty_line_ends_nothing_before_something_was_said(text: str, stop: list[str], end: int | None) -> None:
    assert inference._end(text, stop) == end


def test_an_answer_stops_at_the_end_of_text_and_does_not_hold_it(folder: Path) -> None:
    student = load(str(folder))
    head = student.model.get_output_embeddings()
    # Zero out what the model says, so that every token is as likely: the first, the end of text, wins.
    torch.nn.init.zeros_(head.weight)
    assert answer(student, questions("anything"), 16) == ("",)


def test_the_chat_template_is_used_where_there_is_one(folder: Path) -> None:
    student = load(str(folder))
    text = student.tokenizer.decode(prompt_ids(student.tokenizer, [Message("user", "How many?")]))
    if student.tokenizer.chat_template:
        assert text == f"<|user|>\nHow many?{EOS}\n<|assistant|>\n"
    else:
        assert text == "How many?\n"


def test_a_template_that_refuses_the_conversation_is_one_message(tmp_path: Path) -> None:
    student = load(str(build_tiny_student(tmp_path, True)))
    student.tokenizer.chat_template = "{{ raise_exception('System role not supported') }}"
    with pytest.raises(StudentError, match="System role not supported"):
        prompt_ids(student.tokenizer, [Message("system", "be kind")])


def test_a_student_that_transformers_does_not_know_is_one_message(tmp_path: Path) -> None:
    build_tiny_student(tmp_path)
    config = (tmp_path / "config.json").read_text().replace('"llama"', '"no_such_family"')
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(StudentError, match="could not be loaded"):
        load(str(tmp_path))


def test_a_folder_that_is_no_adapter_is_one_message(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StudentError, match="cannot be read"):
        load(str(folder), tmp_path)
