"""A base whose linear layers are held in 4 bits (NF4 of bitsandbytes): for adapters of a student that would not fit.

bitsandbytes is an extra of the project, and is used on a GPU only: on a CPU it computes too, but unpacks the weights
of each layer at each pass, which is slow, while memory is seldom what a CPU lacks.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from transformers import BitsAndBytesConfig

from engine.errors import StudentError


def four_bit_ready(student: str) -> None:
    """StudentError where this machine cannot hold a base in 4 bits, with what to do instead."""
    if not torch.cuda.is_available():
        raise StudentError(
            f"student {student}: a base in 4 bits (four_bit) needs a CUDA device, and this machine has none; leave "
            "four_bit out (gradient_checkpointing and gradient_accumulation save memory on a CPU too), or choose a "
            "smaller student"
        )
    if find_spec("bitsandbytes") is None:
        raise StudentError(
            f"student {student}: a base in 4 bits (four_bit) needs bitsandbytes, which is not installed; "
            "pip install 'seedpilot[four_bit]', or leave four_bit out"
        )


def in_four_bits(dtype: torch.dtype) -> Any:
    """What `from_pretrained` takes: NF4 with nested scales (QLoRA, arXiv 2305.14314), computing in that type."""
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
