"""Texts -> vectors: an encoder from a folder or the hub, with its own pooling.

Folders of sentence-transformers are read as they lie (`modules.json`, pooling, normalisation, prompts), without that
library; of a plain transformers model the vectors are means over the words, normalised. Weights come from safetensors
only, and no code that lies beside a model is run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging as transformers_logging

from engine.errors import StudentError
from engine.retrieval.search import Vectors
from engine.settings import Settings

SANDBOX = "sandbox"
LONGEST = 512
"""Tokens of a text that are read where the encoder names no limit."""
FILES = ("*.json", "*.safetensors", "*.txt", "*.model")
Role = Literal["query", "passage"]
_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}
_LAYOUT = "give a folder with config.json, *.safetensors and tokenizer.json, or a hub id like BAAI/bge-small-en-v1.5"


@dataclass(slots=True)
class Encoder:
    """A model with all that turns its output into one vector a text."""

    name: str
    model: Any
    tokenizer: Any
    pooling: str = "mean"
    normalised: bool = True
    """Whether vectors have length 1: then inner products are cosines."""
    prefixes: dict[Role, str] = field(default_factory=dict)
    longest: int = LONGEST
    """Tokens of a text that are read."""
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return int(self.model.config.hidden_size)

    @property
    def parameters(self) -> int:
        """Of the model, adapters not counted."""
        return sum(p.numel() for name, p in self.model.named_parameters() if "lora_" not in name)


def load(name: str, *, query_prefix: str | None = None, passage_prefix: str | None = None) -> Encoder:
    """The encoder of that name: `sandbox`, a folder, or a hub id. StudentError says what is wrong with it."""
    folder = _folder(name)
    described = _described(folder)
    model_folder = folder / described.get("model", "")
    if not list(model_folder.glob("*.safetensors")):
        found = [path.name for path in (*model_folder.glob("*.bin"), *model_folder.glob("*.pt"))]
        raise StudentError(
            f"encoder {name}: {model_folder} holds no *.safetensors"
            + (f", only {found[0]}; other formats are not loaded (pickles can run code)" if found else f"; {_LAYOUT}")
        )
    # A pooling layer that no vector passes through is reported as missing, at length.
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(model_folder, trust_remote_code=False)
        model = AutoModel.from_pretrained(
            model_folder, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise StudentError(f"encoder {name} cannot be loaded ({str(error)[:300]}); {_LAYOUT}") from error
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    prefixes: dict[Role, str] = dict(described.get("prefixes", {}))
    if query_prefix is not None:
        prefixes["query"] = query_prefix
    if passage_prefix is not None:
        prefixes["passage"] = passage_prefix
    limits = [described.get("longest"), getattr(model.config, "max_position_embeddings", None)]
    longest = min([LONGEST if described.get("longest") is None else 10**9, *(n for n in limits if n)])
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.to("cuda" if torch.cuda.is_available() else "cpu").eval().requires_grad_(False)
    return Encoder(
        name,
        model,
        tokenizer,
        described.get("pooling", "mean"),
        described.get("normalised", True),
        prefixes,
        longest,
        tuple(described.get("notes", ())),
    )


def _folder(name: str) -> Path:
    if name == SANDBOX:
        return Settings().data / "sandbox" / "encoder"
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    try:
        return Path(snapshot_download(name, allow_patterns=[*FILES, "*/config.json"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise StudentError(
            f"encoder {name}: is no folder here, and the hub gave none ({type(error).__name__}); {_LAYOUT}"
        ) from error


def _described(folder: Path) -> dict[str, Any]:
    """What the folder says of itself in the layout of sentence-transformers; defaults with a note where it does not."""
    modules = folder / "modules.json"
    if not modules.exists():
        return {"notes": ["The folder names no pooling: means over the tokens are taken, and normalised."]}
    found: dict[str, Any] = {"normalised": False}
    for module in json.loads(modules.read_text(encoding="utf-8")):
        kind, place = str(module["type"]).rpartition(".")[2], folder / str(module["path"])
        if kind == "Transformer":
            found["model"] = str(module["path"])
            beside = place / "sentence_bert_config.json"
            if beside.exists():
                found["longest"] = json.loads(beside.read_text(encoding="utf-8")).get("max_seq_length")
        elif kind == "Pooling":
            found["pooling"] = _pooling(json.loads((place / "config.json").read_text(encoding="utf-8")), folder)
        elif kind == "Normalize":
            found["normalised"] = True
        elif kind != "Dropout":
            raise StudentError(
                f"encoder {folder}: has a module {kind} behind its pooling, which is not read here; choose an encoder "
                "of Transformer, Pooling and Normalize"
            )
    beside = folder / "config_sentence_transformers.json"
    if beside.exists():
        config = json.loads(beside.read_text(encoding="utf-8"))
        prompts = config.get("prompts") or {}
        passage = prompts.get("passage", prompts.get("document", ""))
        found["prefixes"] = {"query": prompts.get("query", ""), "passage": passage}
        if config.get("similarity_fn_name") == "cosine":
            found["normalised"] = True
    return found


def _pooling(config: dict[str, Any], folder: Path) -> str:
    named = config.get("pooling_mode")
    chosen = [named] if isinstance(named, str) else [short for key, short in _POOLINGS.items() if config.get(key)]
    chosen = [{"lasttoken": "last"}.get(one, one) for one in chosen]
    if len(chosen) != 1 or chosen[0] not in _POOLINGS.values():
        raise StudentError(
            f"encoder {folder}: pools by {', '.join(chosen) or 'nothing named'}; expected one of cls, mean, max, last"
        )
    return str(chosen[0])


def expanded(encoder: Encoder, query: str, passages: Sequence[str]) -> str:
    """A query with what was written for it, as one text: with the encoder's separator in between (Query2doc)."""
    separator = encoder.tokenizer.sep_token
    between = f" {separator} " if separator else " "
    return between.join([query, *passages])


def vectors_of(encoder: Encoder, texts: Sequence[str], role: Role) -> torch.Tensor:
    """The vectors of a batch [texts, width], with gradients where the model has any to give."""
    prefix = encoder.prefixes.get(role, "")
    batch = encoder.tokenizer(
        [prefix + text for text in texts],
        padding=True,
        truncation=True,
        max_length=encoder.longest,
        return_tensors="pt",
    )
    device = next(encoder.model.parameters()).device
    ids, mask = batch["input_ids"].to(device), batch["attention_mask"].to(device)
    hidden = encoder.model(input_ids=ids, attention_mask=mask).last_hidden_state
    here = mask.unsqueeze(-1).to(hidden.dtype)
    if encoder.pooling == "mean":
        pooled = (hidden * here).sum(1) / here.sum(1).clamp(min=1)
    elif encoder.pooling == "max":
        pooled = hidden.masked_fill(here == 0, -torch.inf).amax(1)
    else:
        # The first or the last token that is none of the padding, on whichever side that lies.
        places = torch.arange(mask.shape[1], device=device)
        at = (mask * (places + 1)).argmax(1) if encoder.pooling == "last" else mask.argmax(1)
        pooled = hidden[torch.arange(len(hidden), device=device), at]
    return functional.normalize(pooled, dim=-1) if encoder.normalised else pooled


def encode(encoder: Encoder, texts: Sequence[str], role: Role, batch_size: int = 64) -> Vectors:
    """The vectors of many texts [texts, width], texts of like length together."""
    found = np.zeros((len(texts), encoder.width), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda at: -len(texts[at]))
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            found[places] = vectors_of(encoder, [texts[at] for at in places], role).float().cpu().numpy()
    return found
