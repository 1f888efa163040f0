"""Answers of a student, with or without an adapter: batched greedy decoding.

Prompts are sorted by length, so that a batch holds little padding, and padded on the left, so that
every row's next token stands in the same column. In fp32 the texts are the same as one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.utils import logging as transformers_logging

from engine.domain import Message
from engine.errors import StudentError
from engine.student import check_student

TOKENS_AT_ONCE = 16_384
"""Prompt and answer tokens of a batch, padding included: bounds the memory that a batch takes."""
MOST_ROWS = 128
DEFAULT_CONTEXT = 2048
"""Tokens, for a student whose config names no longest text."""


@dataclass(frozen=True, slots=True)
class LoadedStudent:
    """A student in memory, on the device where it works."""

    model: Any
    """A causal LM of transformers, or peft's wrapper around one."""
    tokenizer: Any
    context: int
    """Longest text that it can read, in tokens."""
    stop_ids: tuple[int, ...]
    """Tokens that end an answer; the first is the one that training appends."""

    @property
    def device(self) -> torch.device:
        """Where its weights lie."""
        device: torch.device = next(self.model.parameters()).device
        return device


def load(student: str, adapter: Path | None = None) -> LoadedStudent:
    """The student, with the adapter merged into its weights where one is given.

    bf16 on a CUDA device where there is one, else fp32 on the CPU. Code that a model brings along is
    not run, and weights are read from safetensors only. StudentError where it cannot be loaded.
    """
    info = check_student(student)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    try:
        tokenizer = AutoTokenizer.from_pretrained(info.path, trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(
            info.path, trust_remote_code=False, use_safetensors=True, dtype=dtype
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise StudentError(
            f"student {student} could not be loaded: {_first_line(error)}; expected a decoder-only causal "
            "language model that transformers knows, in a local folder or on the hub"
        ) from error
    stop_ids = _stop_ids(model, tokenizer)
    if not stop_ids:
        raise StudentError(f"student {student} names no end-of-text token; set eos_token in its tokenizer")
    if adapter is not None:
        try:
            model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise StudentError(
                f"adapter {adapter} does not fit student {student}: {_first_line(error)}; "
                "expected an adapter in peft's layout that was trained on this very student"
            ) from error
    return LoadedStudent(model.to(device).eval(), tokenizer, info.context or DEFAULT_CONTEXT, stop_ids)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _stop_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    # A chat model often ends its turn with a token that is not the tokenizer's end of text.
    named = (tokenizer.eos_token_id, model.generation_config.eos_token_id, model.config.eos_token_id)
    ids = [one for entry in named for one in (entry if isinstance(entry, list) else [entry])]
    return tuple(dict.fromkeys(one for one in ids if one is not None))


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Token ids of a conversation up to the student's turn.

    The tokenizer's chat template where it has one, else the contents, one a line. StudentError where
    the template refuses the conversation.
    """
    if not tokenizer.chat_template:
        text = "".join(f"{message.content}\n" for message in messages)
        ids: list[int] = tokenizer(text).input_ids
        return ids[:-1] if ids and ids[-1] == tokenizer.eos_token_id else ids
    turns = [{"role": message.role, "content": message.content} for message in messages]
    try:
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except TemplateError as error:
        raise StudentError(f"the student's chat template refuses the conversation: {error}") from error
    templated: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    return templated


def answer(student: LoadedStudent, questions: Sequence[Sequence[Message]], max_new_tokens: int) -> tuple[str, ...]:
    """One greedy answer per question, in the order of the questions, at most that many tokens each.

    Of a conversation that does not fit into the student's context beside its answer the last part is
    read. An answer that came to no end is given as far as it went.
    """
    room = max(1, student.context - max_new_tokens)
    prompts = [prompt_ids(student.tokenizer, question)[-room:] for question in questions]
    # Longest first: what does not fit into memory shows at once, not after half of the work.
    order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    answers = [""] * len(prompts)
    at = 0
    while at < len(order):
        rows = TOKENS_AT_ONCE // (len(prompts[order[at]]) + max_new_tokens)
        batch = order[at : at + max(1, min(rows, MOST_ROWS))]
        texts = _answer_batch(student, [prompts[i] for i in batch], max_new_tokens)
        for i, text in zip(batch, texts, strict=True):
            answers[i] = text
        at += len(batch)
    return tuple(answers)


@torch.inference_mode()
def _answer_batch(student: LoadedStudent, prompts: list[list[int]], max_new_tokens: int) -> list[str]:
    """Texts for prompts given as token ids, the longest first."""
    width = max(1, len(prompts[0]))
    filler = student.stop_ids[0]  # masked, so it need not be a pad token: many students have none
    ids = torch.full((len(prompts), width), filler)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        if prompt:
            ids[row, -len(prompt) :] = torch.tensor(prompt)
            mask[row, -len(prompt) :] = 1
        else:
            mask[row, -1] = 1
    # A config of our own: that of the student may ask for sampling or penalties.
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        max_new_tokens=min(max_new_tokens, student.context - 1),
        eos_token_id=list(student.stop_ids),
        pad_token_id=filler,
    )
    student.model.generation_config = config
    generated = student.model.generate(
        input_ids=ids.to(student.device), attention_mask=mask.to(student.device), generation_config=config
    )
    return [_text(student, row) for row in generated[:, width:].tolist()]


def _text(student: LoadedStudent, ids: list[int]) -> str:
    end = next((i for i, one in enumerate(ids) if one in student.stop_ids), len(ids))
    text: str = student.tokenizer.decode(ids[:end], skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text.strip()
