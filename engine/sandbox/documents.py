"""What a sandbox student reads before anybody tunes it: sums, texts, and worked answers to easy questions.

No document holds a problem that is held out for tests. Of worked answers only the answer is learnt, of sums only their
results; a text is learnt whole.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from engine.loading import prompt_ids
from engine.sandbox.catalogue import world_of
from engine.sandbox.problems import HIGH, LOW, Sum
from engine.sandbox.student import END
from engine.tasks import task_from

MIX = {"sums": 0.1, "texts": 0.05, "problems": 0.85}
"""Share of each kind among a world's documents; other worlds than maths have problems in place of sums."""
TEXTS = {"facts": 0.3}
"""Share of texts where it is another: the base of facts is told in texts, and in nothing that is asked."""
SUMS_A_DOCUMENT = 10
IGNORED = -100
"""Label of a token that takes no part in the loss."""

Pieces = list[tuple[str, bool]]
"""A text in pieces, and whether each is learnt."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text in tokens, and which of them the student is asked to predict."""

    ids: list[int]
    learnt: list[bool]


def random_sum(rng: random.Random) -> Sum:
    """A sum whose numbers stay within the world, each sign as often as the others."""
    sign = rng.choice("+-*/")
    while True:
        if sign in "+-":
            found = Sum(rng.randint(LOW, HIGH), sign, rng.randint(LOW, HIGH))
        else:
            small, other = rng.randint(LOW, 12), rng.randint(LOW, HIGH // 2)
            pair = (small, other) if rng.random() < 0.5 else (other, small)
            found = Sum(*pair[:1], "*", pair[1]) if sign == "*" else Sum(small * other, "/", pair[0])
        if LOW <= found.result <= HIGH and found.left <= HIGH:
            return found


def sums(rng: random.Random) -> Pieces:
    """Sums of which the result is learnt: their numbers are random."""
    pieces: Pieces = []
    for _ in range(SUMS_A_DOCUMENT):
        left, result = str(random_sum(rng)).split(" = ")
        pieces += [(f"{left} =", False), (f" {result}\n", True)]
    return pieces


def documents(
    tokenizer: PreTrainedTokenizerFast, rng: random.Random, worlds: Mapping[str, float]
) -> Iterator[Document]:
    """Document after document, without end; `worlds` are names with weights."""
    known = {name: world_of(name) for name in worlds}
    tasks = {name: task_from(tomllib.loads(one.task), one.folder, name) for name, one in known.items()}
    while True:
        name = rng.choices(list(worlds), list(worlds.values()))[0]
        mix = MIX if name not in TEXTS else {"texts": TEXTS[name], "problems": 1 - TEXTS[name]}
        kind = rng.choices(list(mix), list(mix.values()))[0]
        if kind == "sums" and name == "maths":
            pieces = [(tokenizer(text).input_ids, learnt) for text, learnt in sums(rng)]
        elif kind == "texts":
            pieces = [(tokenizer(known[name].texts(rng) + "\n").input_ids, True)]
        else:
            asked, answer = known[name].easy(rng)
            pieces = [
                (prompt_ids(tokenizer, tasks[name].student_prompt(asked)), False),
                (tokenizer(answer + END).input_ids, True),
            ]
        yield Document([one for ids, _ in pieces for one in ids], [learnt for ids, learnt in pieces for _ in ids])


def batch(found: Sequence[Document]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, mask and labels, each [documents, longest], padded on the right."""
    width = max(len(one.ids) for one in found)
    ids = torch.zeros((len(found), width), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
    for row, one in enumerate(found):
        values = torch.tensor(one.ids)
        ids[row, : len(values)] = values
        mask[row, : len(values)] = 1
        labels[row, : len(values)] = torch.where(torch.tensor(one.learnt), values, IGNORED)
    return ids, mask, labels
