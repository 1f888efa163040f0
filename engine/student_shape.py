"""A student's size from its config alone: how many numbers it holds, and what a token takes while it is computed.

Counted from the shapes that every decoder-only config of transformers names, not looked up by a model's name. Norms and
biases are left out (under two percent). A config that names no shapes is None: unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PLAIN_INNER = frozenset(
    {"gpt2", "gptj", "gpt_neo", "gpt_neox", "gpt_bigcode", "opt", "bloom", "falcon", "phi", "starcoder2", "codegen"}
)
"""Families whose inner layer is two matrices; in all others it has a gate, and three."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a student's memory follows from."""

    hidden: int
    layers: int
    inner: int
    """Features of the inner layer; of all experts that a token meets, together."""
    heads: int
    key_heads: int
    head: int
    """Features of one head."""
    words: int
    """Entries of the vocabulary."""
    linear: int
    """Numbers in linear layers but the output: what adapters are added to."""
    parameters: int
    """All numbers, tied weights once."""

    @property
    def cache_numbers(self) -> int:
        """Keys and values of one token, all layers."""
        return 2 * self.layers * self.key_heads * self.head


def shape_of(config: Mapping[str, Any]) -> Shape | None:
    """The shape that a `config.json` describes; None where it does not name one."""
    inner_config = config.get("text_config")
    own = {**config, **inner_config} if isinstance(inner_config, Mapping) else dict(config)

    def number(*names: str) -> int | None:
        return next((own[name] for name in names if isinstance(own.get(name), int) and own[name] > 0), None)

    hidden = number("hidden_size", "n_embd", "d_model")
    layers = number("num_hidden_layers", "n_layer", "num_layers")
    heads = number("num_attention_heads", "n_head", "num_heads")
    words = number("vocab_size")
    if hidden is None or layers is None or heads is None or words is None:
        return None
    key_heads = number("num_key_value_heads", "num_kv_heads") or (1 if own.get("multi_query") else heads)
    head = number("head_dim") or hidden // heads
    inner = number("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size") or 4 * hidden
    matrices = 2 if own.get("model_type") in _PLAIN_INNER else 3
    experts = number("num_local_experts", "num_experts", "n_routed_experts")
    if experts is None:
        feed = matrices * hidden * inner
        met = inner
    else:
        each = number("moe_intermediate_size") or inner
        shared = number("shared_expert_intermediate_size") or (number("n_shared_experts") or 0) * each
        feed = matrices * hidden * (experts * each + shared) + hidden * experts
        met = (number("num_experts_per_tok", "num_experts_per_token") or 1) * each + shared
    attention = hidden * head * (2 * heads + 2 * key_heads)
    linear = layers * (attention + feed)
    embedding = words * (number("word_embed_proj_dim") or hidden)
    places = number("n_positions", "max_position_embeddings") or 0
    learned = places * hidden if own.get("model_type") in ("gpt2", "gpt_bigcode", "opt", "gpt_neo") else 0
    tied = own.get("tie_word_embeddings", own.get("model_type") in _TIED)
    return Shape(
        hidden,
        layers,
        met,
        heads,
        key_heads,
        head,
        words,
        linear,
        linear + embedding * (1 if tied else 2) + learned,
    )


_TIED = frozenset({"gpt2", "gpt_bigcode", "opt", "bloom", "gemma", "gemma2", "gemma3_text", "gpt_neo"})
"""Families that tie input and output where the config does not say."""
