"""A teacher that is a transformers model in this process: no network, no price, the machine's own speed.

Requests that come together are answered together, in a thread, so that the loop goes on meanwhile. Code
that a model brings along is not run, and weights are read from safetensors only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import torch
from jinja2 import TemplateError
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.utils import logging as transformers_logging

from engine.domain import Reply, Request
from engine.errors import InputError, NoReplyError, TeacherError, TeacherRefusedError
from engine.student import check_student

LINGER_S = 0.01
"""A batch waits so long for company."""
DEFAULT_CONTEXT = 2048
"""Tokens, for a model whose config names no longest text."""

_Waiting = tuple[Request, asyncio.Future[Reply]]


class TransformersTeacher:
    """Asks a causal language model from a local folder or the hub's cache."""

    def __init__(self, model: str, *, batch_size: int = 8) -> None:
        """Loads the model: bf16 on a CUDA device where there is one, else fp32. InputError where it
        cannot be loaded."""
        self.name = f"{model} (local)"
        self.batch_size = batch_size
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        dtype = torch.bfloat16 if self._device.type == "cuda" else torch.float32
        path = check_student(model).path
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                path, trust_remote_code=False, use_safetensors=True, dtype=dtype
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            said = str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
            raise InputError(f"teacher.model: {model} could not be loaded: {said}") from error
        self._model = loaded.to(self._device).eval()
        # A chat model often ends its turn with a token that is not the tokenizer's end of text.
        named = (self._tokenizer.eos_token_id, self._model.generation_config.eos_token_id)
        ids = [one for entry in named for one in (entry if isinstance(entry, list) else [entry])]
        self._stop_ids: list[int] = [one for one in dict.fromkeys(ids) if one is not None]
        if not self._stop_ids:
            raise InputError(f"teacher.model: {model} names no end-of-text token; set eos_token in its tokenizer")
        self._context = getattr(self._model.config, "max_position_embeddings", None) or DEFAULT_CONTEXT
        self._waiting: list[_Waiting] = []
        self._working: asyncio.Task[None] | None = None

    async def ask(self, request: Request) -> Reply:
        """One reply, sampled at the request's temperature (greedy at 0); token counts are the model's own."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        """Answers what waits, batch by batch, until nothing does."""
        while self._waiting:
            await asyncio.sleep(LINGER_S)
            # One temperature a batch; the oldest request says which.
            temperature = self._waiting[0][0].temperature
            batch = [w for w in self._waiting if w[0].temperature == temperature][: self.batch_size]
            self._waiting = [w for w in self._waiting if w not in batch]
            try:
                replies = await asyncio.to_thread(self._answer, [request for request, _ in batch], temperature)
            except Exception as error:
                said = str(error).strip().splitlines()[0][:300] if str(error).strip() else ""
                refused = TeacherRefusedError(f"{self.name} failed: {type(error).__name__} {said}")
                replies = [refused] * len(batch)
            for (_, future), reply in zip(batch, replies, strict=True):
                if future.done():
                    continue
                if isinstance(reply, TeacherError):
                    future.set_exception(reply)
                else:
                    future.set_result(reply)

    def _answer(self, requests: Sequence[Request], temperature: float) -> list[Reply | TeacherError]:
        prompts = [self._tokens(request) for request in requests]
        replies: list[Reply | TeacherError | None] = [
            NoReplyError(
                f"{self.name}: a prompt of {len(prompt)} tokens and a reply of {request.max_tokens} do not fit "
                f"into its context of {self._context}"
            )
            if len(prompt) + request.max_tokens > self._context
            else None
            for prompt, request in zip(prompts, requests, strict=True)
        ]
        rows = [i for i, reply in enumerate(replies) if reply is None]
        if rows:
            outputs = self._generate([prompts[i] for i in rows], max(requests[i].max_tokens for i in rows), temperature)
            for i, output in zip(rows, outputs, strict=True):
                replies[i] = self._reply(prompts[i], output[: requests[i].max_tokens])
        return [reply for reply in replies if reply is not None]

    def _tokens(self, request: Request) -> list[int]:
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
        if self._tokenizer.chat_template:
            try:
                text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
            except TemplateError:  # some templates know no system turn
                joined = "\n\n".join(message["content"] for message in messages)
                text = self._tokenizer.apply_chat_template(
                    [{"role": "user", "content": joined}], tokenize=False, add_generation_prompt=True
                )
            return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        text = "\n\n".join(message["content"] for message in messages) + "\nAnswer:"
        return list(self._tokenizer(text)["input_ids"])

    @torch.inference_mode()
    def _generate(self, prompts: Sequence[Sequence[int]], max_tokens: int, temperature: float) -> list[list[int]]:
        """What the model writes after each prompt: padded on the left, so that all write in one column."""
        longest = max(len(prompt) for prompt in prompts)
        pad = self._stop_ids[0]
        ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=self._device)
        mask = torch.tensor(
            [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=self._device
        )
        sampled = (
            {"do_sample": True, "temperature": temperature, "top_k": 0} if temperature > 0 else {"do_sample": False}
        )
        # A config of our own, also as the model's: its own may ask for penalties or other sampling.
        config = self._model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=max_tokens, eos_token_id=self._stop_ids, pad_token_id=pad, use_cache=True, **sampled
        )
        written = self._model.generate(input_ids=ids, attention_mask=mask, generation_config=config)
        return [row[longest:].tolist() for row in written]

    def _reply(self, prompt: Sequence[int], output: list[int]) -> Reply:
        end = next((i for i, token in enumerate(output) if token in self._stop_ids), None)
        kept = output if end is None else output[:end]
        return Reply(
            text=self._tokenizer.decode(kept, skip_special_tokens=True),
            finish_reason="length" if end is None else "stop",
            input_tokens=len(prompt),
            output_tokens=len(kept) + (end is not None),
        )
