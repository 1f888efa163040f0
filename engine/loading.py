"""A student in memory, and a conversation in its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from engine.adapters import fused, read_adapter
from engine.domain import Message
from engine.errors import StudentError
from engine.four_bit import four_bit_ready, in_four_bits
from engine.machine_fit import this_machine, too_large
from engine.student import check_student
from engine.student_shape import shape_of

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


def load(student: str, adapter: Path | None = None, *, four_bit: bool = False) -> LoadedStudent:
    """The student, with the adapter merged into its weights where one is given.

    bf16 on a CUDA device where there is one, else fp32 on the CPU; `four_bit` holds the linear layers in 4 bits, for
    training on a GPU (no adapter can be merged into these). Code that a model brings along is not run, and weights are
    read from safetensors only. StudentError where it cannot be loaded.
    """
    info = check_student(student)
    if four_bit:
        four_bit_ready(student)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    try:
        shape = shape_of(AutoConfig.from_pretrained(info.path, trust_remote_code=False).to_dict())
        if shape is not None and not four_bit and (large := too_large(student, shape, this_machine())):
            raise StudentError(large)  # before a byte of its weights is downloaded
        tokenizer = AutoTokenizer.from_pretrained(info.path, trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(
            info.path,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=dtype,
            **({"quantization_config": in_four_bits(dtype), "device_map": {"": device}} if four_bit else {}),
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise StudentError(
            f"student {student} could not be loaded: {_first_line(error)}; expected a decoder-only causal "
            "language model that transformers knows, in a local folder or on the hub"
        ) from error
    stop_ids = _stop_ids(model, tokenizer)
    if not stop_ids:
        raise StudentError(f"student {student} names no end-of-text token; set eos_token in its tokenizer")
    model = model.eval() if four_bit else model.to(device).eval()
    if adapter is not None:
        model = fused(model, read_adapter(model, adapter))
    return LoadedStudent(model, tokenizer, info.context or DEFAULT_CONTEXT, stop_ids)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _stop_ids(model: Any, tokenizer: Any) -> tuple[int, ...]:
    # A chat model often ends its turn with a token that is not the tokenizer's end of text.
    named = (tokenizer.eos_token_id, model.generation_config.eos_token_id, model.config.eos_token_id)
    ids = [one for entry in named for one in (entry if isinstance(entry, list) else [entry])]
    return tuple(dict.fromkeys(one for one in ids if one is not None))


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Token ids of a conversation up to the student's turn.

    The tokenizer's chat template where it has one, else the contents, one a line and an empty line after each answer,
    so that a student that is shown examples sees where one ends. StudentError where the template refuses the
    conversation.
    """
    if not tokenizer.chat_template:
        text = "".join(f"{one.content}\n\n" if one.role == "assistant" else f"{one.content}\n" for one in messages)
        ids: list[int] = tokenizer(text).input_ids
        return ids[:-1] if ids and ids[-1] == tokenizer.eos_token_id else ids
    turns = [{"role": message.role, "content": message.content} for message in messages]
    try:
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except TemplateError as error:
        raise StudentError(f"the student's chat template refuses the conversation: {error}") from error
    templated: list[int] = tokenizer(text, add_special_tokens=False).input_ids
    return templated
