"""Answers of a student, with or without an adapter: batched greedy decoding.

In fp32 the texts are the same as one by one (`decoding`). Students that keep more than keys and values from token to
token (states of a recurrence, chunked attention) are answered one by one through transformers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from engine.adapters import Adapter, Mix, can_mix, read_adapter, with_adapter
from engine.decoding import Decoded, Decoding, can_decode, decode
from engine.domain import Message
from engine.loading import LoadedStudent, prompt_ids

MIX_BELOW = {"cpu": 100, "cuda": 200}
"""Questions an adapter below which adapters share a batch, by device. Measured on a CPU
(docs/decisions.md, 2026-11-22); on a GPU it is derived (performance.md 2.3)."""
MOST_MIXED = 16
"""Adapters in one batch."""


@dataclass(frozen=True, slots=True)
class Replies:
    """What a student answered, one reply a question, in their order."""

    texts: tuple[str, ...]
    cut_prompts: int
    """Questions of which only the last part was read, since they do not fit into the context beside an answer."""
    unended: int
    """Answers that came to no end within their longest length, and are given as far as they went."""


def answer(
    student: LoadedStudent,
    questions: Sequence[Sequence[Message]],
    max_new_tokens: int,
    stop: Sequence[str] = (),
) -> tuple[str, ...]:
    """One greedy answer per question, in the order of the questions, at most that many tokens each; see `replies`."""
    return replies(student, questions, max_new_tokens, stop).texts


def replies(
    student: LoadedStudent,
    questions: Sequence[Sequence[Message]],
    max_new_tokens: int,
    stop: Sequence[str] = (),
) -> Replies:
    """Greedy answers of at most that many tokens each, ended by the end of text or before one of the `stop` texts.

    Of a conversation that does not fit into the student's context beside its answer the last part is read.
    """
    asked = prompts_of(student, questions, max_new_tokens)
    how = decoding(student, max_new_tokens, stop)
    said = decode(student.model, asked.ids, how) if can_decode(student.model) else _generate(student, asked.ids, how)
    return Replies(
        tuple(text_of(student, one.ids, stop) for one in said), asked.cut, sum(not one.ended for one in said)
    )


@contextmanager
def adapted(student: LoadedStudent, adapter: Path | None) -> Iterator[LoadedStudent]:
    """The student with that adapter in its weights, and without it again afterwards, bit for bit; None is no adapter.

    One base in memory serves all cells of a pilot in turn. StudentError where the adapter does not fit.
    """
    if adapter is None:
        yield student
        return
    with with_adapter(student.model, read_adapter(student.model, adapter)) as model:
        yield replace(student, model=model)


def replies_each(
    student: LoadedStudent,
    adapters: Sequence[Path | None],
    questions: Sequence[Sequence[Message]],
    max_new_tokens: int,
    stop: Sequence[str] = (),
    *,
    mixed: bool | None = None,
) -> tuple[Replies, ...]:
    """What each adapter (None: the student alone) answers to the same questions, in the order of the adapters.

    Adapters are merged into the base one after the other, or share a batch: `mixed` says which; None takes what is
    faster, a shared batch where there are fewer than `MIX_BELOW` questions and all adapters can share one.
    """
    read = [None if one is None else read_adapter(student.model, one) for one in adapters]
    if mixed is None:
        mixed = len(read) > 1 and mixes(student, len(questions)) and can_mix(student.model, read)
    if mixed and can_decode(student.model):
        return _replies_mixed(student, read, questions, max_new_tokens, stop)
    found = []
    for one in read:
        if one is None:
            found.append(replies(student, questions, max_new_tokens, stop))
            continue
        with with_adapter(student.model, one) as model:
            found.append(replies(replace(student, model=model), questions, max_new_tokens, stop))
    return tuple(found)


def mixes(student: LoadedStudent, questions: int) -> bool:
    """Whether adapters had better share a batch, with so many questions each."""
    return 0 < questions < MIX_BELOW[student.device.type]


def _replies_mixed(
    student: LoadedStudent,
    adapters: Sequence[Adapter | None],
    questions: Sequence[Sequence[Message]],
    max_new_tokens: int,
    stop: Sequence[str],
) -> tuple[Replies, ...]:
    asked = prompts_of(student, questions, max_new_tokens)
    found: list[Replies] = []
    for begin in range(0, len(adapters), MOST_MIXED):
        several = adapters[begin : begin + MOST_MIXED]
        mix = Mix(student.model, several)
        how = replace(decoding(student, max_new_tokens, stop), groups=len(several), before=mix.before)
        group = [number for number in range(len(several)) for _ in asked.ids]
        try:
            said = decode(student.model, asked.ids * len(several), how, group)
        finally:
            mix.remove()
        for number in range(len(several)):
            own = said[number * len(asked.ids) : (number + 1) * len(asked.ids)]
            texts = tuple(text_of(student, one.ids, stop) for one in own)
            found.append(Replies(texts, asked.cut, sum(not one.ended for one in own)))
    return tuple(found)


class Prompts(NamedTuple):
    """Questions as the student reads them."""

    ids: list[list[int]]
    """None of them is empty."""
    cut: int
    """How many lost their beginning."""


def prompts_of(student: LoadedStudent, questions: Sequence[Sequence[Message]], max_new_tokens: int) -> Prompts:
    """The questions in tokens, each cut at its beginning where it leaves no room for an answer."""
    room = max(1, student.context - max_new_tokens)
    whole = [prompt_ids(student.tokenizer, question) or [student.stop_ids[0]] for question in questions]
    return Prompts([ids[-room:] for ids in whole], sum(len(ids) > room for ids in whole))


def decoding(student: LoadedStudent, max_new_tokens: int, stop: Sequence[str] = (), groups: int = 1) -> Decoding:
    """How that student answers."""
    if max_new_tokens < 1:
        raise ValueError(f"an answer has at least 1 token, not {max_new_tokens}")
    is_over = None
    if stop:
        # A text of n bytes is said in at most n tokens; some more, since tokenizers treat a beginning unlike a middle.
        reach = max(len(one.encode()) for one in stop) + 4

        def is_over(said: Sequence[int]) -> bool:
            tail = _decoded(student, said[-reach:])
            return any(one in tail for one in stop) and _end(_decoded(student, said), stop) is not None

    return Decoding(min(max_new_tokens, student.context - 1), student.stop_ids, is_over, groups)


def text_of(student: LoadedStudent, ids: Sequence[int], stop: Sequence[str] = ()) -> str:
    """An answer as text, up to the first of the `stop` texts."""
    text = _decoded(student, ids)
    return text[: _end(text, stop)].strip()


def _end(text: str, stop: Sequence[str]) -> int | None:
    """Where the first of the `stop` texts begins; None without one. Empty lines end nothing before something was
    said."""
    begun = len(text) - len(text.lstrip())
    found = [text.find(one, begun if one.isspace() else 0) for one in stop]
    return min((at for at in found if at >= 0), default=None)


def _decoded(student: LoadedStudent, ids: Sequence[int]) -> str:
    text: str = student.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text


@torch.inference_mode()
def _generate(student: LoadedStudent, prompts: Sequence[Sequence[int]], how: Decoding) -> list[Decoded]:
    """One by one through transformers, for students that keep more than keys and values."""
    # A config of our own: that of the student may ask for sampling or penalties.
    config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        max_new_tokens=how.most_new,
        eos_token_id=list(how.stop_ids),
        pad_token_id=how.stop_ids[0],
    )
    student.model.generation_config = config
    found = []
    for prompt in prompts:
        over = StoppingCriteriaList([_IsOver(how, len(prompt))])
        ids = torch.tensor([prompt], device=student.device)
        out = student.model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), stopping_criteria=over)
        said = out[0, len(prompt) :].tolist()
        end = next((i for i, one in enumerate(said) if one in how.stop_ids), None)
        ended = end is not None or (how.is_over is not None and how.is_over(said))
        found.append(Decoded(tuple(said[:end]), ended))
    return found


class _IsOver(StoppingCriteria):
    def __init__(self, how: Decoding, prompt: int) -> None:
        self.how, self.prompt = how, prompt

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        over = self.how.is_over is not None and self.how.is_over(input_ids[0, self.prompt :].tolist())
        return torch.full((len(input_ids),), over, device=input_ids.device)
