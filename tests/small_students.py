"""Tiny students with random weights, in hub layout: what the hub gives, small enough for a test."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

EOS = "<|end|>"

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}" + EOS + "\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def build_tiny_tokenizer(*, chat_template: bool = False, pad: bool = False) -> PreTrainedTokenizerFast:
    """One token a byte, so that any UTF-8 text can be said; no pad token unless asked for."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([EOS, *(["<|pad|>"] if pad else []), *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=EOS, pad_token="<|pad|>" if pad else None)
    if chat_template:
        fast.chat_template = CHAT_TEMPLATE
    return fast


FAMILIES = ("llama", "qwen2", "qwen3", "gemma2", "gemma3", "mistral", "smollm3", "opt", "gpt2")


def _model(family: str, words: int, context: int, ids: dict[str, int | None]) -> PreTrainedModel:
    if family == "gpt2":
        config = GPT2Config(vocab_size=words, n_positions=context, n_embd=16, n_layer=2, n_head=2, **ids)
        config.initializer_range = 0.2
        return GPT2LMHeadModel(config)
    if family == "opt":
        opt = OPTConfig(
            vocab_size=words,
            hidden_size=32,
            ffn_dim=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=context,
            word_embed_proj_dim=32,
            init_std=0.2,
            pad_token_id=None,
            **ids,
        )
        return OPTForCausalLM(opt)
    configs = {
        "llama": (LlamaConfig, LlamaForCausalLM),
        "qwen2": (Qwen2Config, Qwen2ForCausalLM),
        "qwen3": (Qwen3Config, Qwen3ForCausalLM),
        "gemma2": (Gemma2Config, Gemma2ForCausalLM),
        "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM),
        "mistral": (MistralConfig, MistralForCausalLM),
        "smollm3": (SmolLM3Config, SmolLM3ForCausalLM),
    }
    make_config, make_model = configs[family]
    sized: dict[str, Any] = {"pad_token_id": None} | ids
    if "head_dim" in inspect.signature(make_config).parameters and family.startswith(("gemma", "qwen3")):
        sized["head_dim"] = 16
    config = make_config(
        vocab_size=words,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        initializer_range=0.2,
        **sized,
    )
    model: PreTrainedModel = make_model(config)
    return model


def build_tiny_student(
    folder: Path,
    chat_template: bool = False,
    *,
    family: str = "llama",
    seed: int = 0,
    context: int = 2048,
    words: int | None = None,
) -> Path:
    """A random student of some 40,000 parameters in `folder` (made where missing); returns the folder.

    `family` is one of FAMILIES. `words` is for another tokenizer that is put into the folder afterwards. The same
    arguments give the same weights.
    """
    tokenizer = build_tiny_tokenizer(chat_template=chat_template)
    ids = {"bos_token_id": None, "eos_token_id": tokenizer.eos_token_id}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _model(family, words or len(tokenizer), context, ids)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
