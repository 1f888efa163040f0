"""The sandbox student before it has learnt anything: its tokenizer and its random weights.

The tokenizer knows the words of its worlds, the numbers from 0 to 99 and a few signs. A space belongs to
the word after it, so that decoding gives back the text that was encoded; before a number it is a token
of its own, so that a number is one token wherever it stands. Any other word is `[UNK]`.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from engine.sandbox import maths

SPACE = "▁"
"""Stands for a space within a token."""
END, UNKNOWN = "</s>", "[UNK]"
WIDTH, LAYERS, HEAD = 128, 4, 32
"""Features of a token, layers, and features of an attention head."""

_PIECES = rf"[0-9]{{1,2}}|{SPACE}?(?:[A-Za-z]+|#+|[^{SPACE}A-Za-z0-9#\n])|\n|{SPACE}"


def vocabulary(more: Iterable[str] = ()) -> list[str]:
    """Every token, the two special ones first; a word stands there with and without a space before it.

    The maths world's are the first, in the order of the student that was made for it alone; `more` are words and signs
    of further worlds.
    """
    known = maths.WORLD.words()
    # 00 to 09 are the tails of longer numbers, which are cut into pairs of digits.
    numbers = [str(n) for n in range(100)] + [f"0{n}" for n in range(10)]
    pieces = [*maths.SIGNS, *sorted(known - set(maths.SIGNS))]
    further = sorted(set(more) - known)
    spaced = [[SPACE + piece for piece in some] for some in (pieces, further)]
    return [END, UNKNOWN, "\n", SPACE, *numbers, *pieces, *spaced[0], *further, *spaced[1]]


def build_tokenizer(more: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """A word-level tokenizer without chat template and without a pad token, as many base models are."""
    tokens = {token: i for i, token in enumerate(vocabulary(more))}
    tokenizer = Tokenizer(models.WordLevel(tokens, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECES), "isolated")
    tokenizer.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.Fuse()])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, eos_token=END, unk_token=UNKNOWN
    )


def build_model(seed: int, vocabulary_size: int, width: int = WIDTH, layers: int = LAYERS) -> LlamaForCausalLM:
    """A Llama with random weights, the same for the same seed: of about a million parameters unless it is made wider
    (a multiple of HEAD) or deeper."""
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=width,
        intermediate_size=width * 7 // 2,
        num_hidden_layers=layers,
        num_attention_heads=width // HEAD,
        num_key_value_heads=width // HEAD,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.06,  # about 1 / sqrt(hidden size / 2): the usual 0.02 starts slowly at this width
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)
