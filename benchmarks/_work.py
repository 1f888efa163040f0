"""Cells to train that are the same for everybody: a Llama with random weights, and examples of random words."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from engine.domain import Message, Recipe, TrainingExample

END = "<|end|>"


@dataclass(frozen=True, slots=True)
class Shape:
    """A Llama with random weights: speed does not depend on them."""

    hidden: int
    inner: int
    layers: int
    heads: int
    words: int


SHAPES = {
    "6x256": Shape(256, 688, 6, 4, 8_000),
    "12x384": Shape(384, 1024, 12, 6, 16_000),
    "0.1B": Shape(576, 1536, 30, 9, 49_152),
    "0.5B": Shape(896, 4864, 24, 14, 151_936),
    "1.5B": Shape(1536, 8960, 28, 12, 151_936),
}


@dataclass(frozen=True, slots=True)
class Work:
    """What every contender is given."""

    student: Path
    cells: Sequence[Sequence[TrainingExample]]
    recipe: Recipe
    out: Path


Contender = Callable[[Work], list[list[float]]]
"""Trains the cells; gives each one's losses, where it knows them."""


def made_student(shape: Shape, folder: Path) -> Path:
    """Writes the student into the folder."""
    words = {END: 0, "<|pad|>": 1, "<|unknown|>": 2} | {f"w{n}": n for n in range(3, shape.words)}
    unknown = "<|unknown|>"
    tokenizer = Tokenizer(models.WordLevel(words, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)
    fast.add_special_tokens({"pad_token": "<|pad|>", "unk_token": unknown})
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.words,
            hidden_size=shape.hidden,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=4096,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=1,
        )
    )
    model.save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def made_examples(count: int, shortest: int, longest: int, words: int, seed: int) -> list[TrainingExample]:
    """Random words: two thirds question, one third answer, from the shortest to the longest in tokens."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        size = rng.randint(shortest, longest)
        said = [f"w{rng.randrange(3, words)}" for _ in range(size - 1)]
        cut = 2 * size // 3
        made.append(TrainingExample((Message("user", " ".join(said[:cut])),), " ".join(said[cut:])))
    return made
