"""How likely a student finds the gold answers: one pass over prompt and answer, nothing is generated.

A covariate beside right and wrong that has far less noise, and no floor: it tells two students apart that are both
wrong, and it follows the loss that training goes down.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.answer_loss import answer_losses
from engine.decoding import is_out_of_memory
from engine.domain import GoldLikelihood, Message
from engine.loading import LoadedStudent, prompt_ids
from engine.training_order import Row

TOKENS_AT_ONCE = {"cpu": 2048, "cuda": 32_768}
"""Of a pass, padding included, by device."""


def gold_likelihoods(
    student: LoadedStudent, questions: Sequence[Sequence[Message]], golds: Sequence[str]
) -> tuple[GoldLikelihood | None, ...]:
    """Of each question's gold answer, read as training reads it: prompt, answer, end of text.

    None where the gold is empty, or passes the context together with its question: a gold that was cut would be
    another answer. Out of memory, passes are halved; torch.OutOfMemoryError where one row is too much.
    """
    rows: dict[int, Row] = {}
    for number, (question, gold) in enumerate(zip(questions, golds, strict=True)):
        prompt = prompt_ids(student.tokenizer, question) or [student.stop_ids[0]]
        said = student.tokenizer(gold, add_special_tokens=False).input_ids
        ids = (*prompt, *said, student.stop_ids[0])
        if said and len(ids) <= student.context:
            rows[number] = Row(ids, len(prompt))
    found: list[GoldLikelihood | None] = [None] * len(questions)
    order = sorted(rows, key=lambda number: -len(rows[number].ids))
    tokens, at = TOKENS_AT_ONCE[student.device.type], 0
    while at < len(order):
        batch = order[at : at + max(1, tokens // len(rows[order[at]].ids))]
        try:
            with torch.inference_mode():
                losses, counts = answer_losses(student.model, [rows[number] for number in batch], student.device)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or len(batch) == 1:
                raise
            tokens //= 2
            continue
        for number, loss, count in zip(batch, losses.tolist(), counts.tolist(), strict=True):
            found[number] = GoldLikelihood(-loss, int(count))
        at += len(batch)
    return tuple(found)
