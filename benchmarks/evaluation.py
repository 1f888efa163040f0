"""How long it takes to have several adapters answer the same questions: `seedpilot bench evaluation [--shape NAME]`.

A Llama with random weights (speed does not depend on them) and four LoRA adapters on all linear layers. The rivals
have them loaded in peft's wrapper and call `generate`; `merged` is what a careful user does with peft. Ours includes
reading each adapter from the disk, merging it and taking it out again. Contenders take turns, figures are medians over
rounds, ratios medians of the rounds' ratios. One thread on a CPU; what others do on the machine disturbs the processor
time less than the time by the clock, so both are given. What each item is answered is compared with batch 1, which is
transformers without padding.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils import logging as transformers_logging

from engine.adapters import Mix, read_adapter, with_adapter
from engine.answer_loss import answer_losses
from engine.decoding import Decoding, decode
from engine.training_order import Row

ONE, EIGHT, THIRTY_TWO = "peft generate, batch 1", "peft generate, batch 8", "peft generate, batch 32"
MERGED_32, NAMES = "peft merged, batch 32", "peft adapter_names, batch 32"
OURS, OURS_MIXED = "ours, merged in turn", "ours, mixed in one batch"
GOLD = "ours, gold answers' likelihood"
ADAPTERS = 4
STOP = 0

Answers = list[list[int]]
"""Token ids by item, for each adapter in turn."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A student, its questions and its answers."""

    hidden: int
    layers: int
    words: int
    items: int
    """Questions an adapter."""
    prompt: tuple[int, int]
    """Shortest and longest question, in tokens."""
    answer: int
    """Longest answer, in tokens."""
    stops: int = 1
    """Words that end an answer; with one, which is never said, all answers have the longest length."""


SHAPES = {
    "small": Shape(256, 6, 8192, 32, (32, 32), 16),
    "medium": Shape(384, 12, 16_384, 32, (48, 48), 24),
    "uneven": Shape(256, 6, 8192, 64, (12, 60), 64, stops=400),
    "few": Shape(256, 6, 8192, 4, (32, 32), 16),
    "many": Shape(256, 6, 8192, 256, (32, 32), 16),
    "0.5B": Shape(896, 24, 151_936, 64, (64, 128), 64),
}
"""`small` and `medium` are those of an earlier trial; `0.5B` is for a GPU."""
DEFAULT = ("small", "medium", "uneven", "few")


class Case:
    """One shape, made: base, adapters on the disk and in peft's wrapper, questions."""

    def __init__(self, shape: Shape, folder: Path, device: torch.device) -> None:
        self.shape, self.device = shape, device
        config = LlamaConfig(
            vocab_size=shape.words,
            hidden_size=shape.hidden,
            intermediate_size=4 * shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.hidden // 64 or 1,
            num_key_value_heads=shape.hidden // 64 or 1,
            max_position_embeddings=1024,
            initializer_range=0.05,
            bos_token_id=None,
            eos_token_id=STOP,
        )
        torch.manual_seed(0)
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.base: Any = LlamaForCausalLM(config).eval().to(device, dtype).requires_grad_(False)
        with torch.no_grad():
            if shape.stops == 1:
                self.base.lm_head.weight[STOP] = 0  # a logit of zero is never the largest
        self.folders = [folder / str(number) for number in range(ADAPTERS)]
        for number, own in enumerate(self.folders):
            torch.manual_seed(number + 1)
            lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
            wrapped = get_peft_model(self.base, lora)
            for name, weight in wrapped.named_parameters():
                if "lora_B" in name:
                    torch.nn.init.normal_(weight, std=0.02)
            wrapped.save_pretrained(str(own))
            self.base = wrapped.unload().requires_grad_(False)
        copied = LlamaForCausalLM(config).eval().to(device, dtype)
        copied.load_state_dict(self.base.state_dict())
        self.peft: Any = PeftModel.from_pretrained(copied, str(self.folders[0]), adapter_name="0").eval()
        for number in range(1, ADAPTERS):
            self.peft.load_adapter(str(self.folders[number]), adapter_name=str(number))
        rng = random.Random(0)
        self.prompts = [
            [rng.randrange(shape.stops, shape.words) for _ in range(rng.randint(*shape.prompt))]
            for _ in range(shape.items)
        ]
        self.stops = list(range(shape.stops))

    # --- contenders ---------------------------------------------------------------------------------

    def generate(self, model: Any, prompts: Sequence[list[int]], **more: Any) -> Answers:
        """transformers, with the usual padding on the left."""
        width = max(len(prompt) for prompt in prompts)
        ids = torch.tensor([[STOP] * (width - len(one)) + one for one in prompts], device=self.device)
        mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in prompts], device=self.device)
        out = model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=self.shape.answer,
            eos_token_id=self.stops,
            pad_token_id=STOP,
            **more,
        )[:, width:].tolist()
        return [row[: next((i for i, one in enumerate(row) if one in self.stops), len(row))] for row in out]

    def peft_batches(self, size: int, merged: bool = False) -> Answers:
        """One adapter after the other, batches of that many questions."""
        said: Answers = []
        for number in range(ADAPTERS):
            self.peft.set_adapter(str(number))
            if merged:
                self.peft.merge_adapter([str(number)])
            for begin in range(0, len(self.prompts), size):
                said += self.generate(self.peft, self.prompts[begin : begin + size])
            if merged:
                self.peft.unmerge_adapter()
        return said

    def peft_names(self, size: int = 32) -> Answers:
        """Batches of all adapters' rows, by `adapter_names`."""
        rows = [(str(number), prompt) for prompt in self.prompts for number in range(ADAPTERS)]
        said: Answers = []
        for begin in range(0, len(rows), size):
            part = rows[begin : begin + size]
            said += self.generate(self.peft, [prompt for _, prompt in part], adapter_names=[name for name, _ in part])
        return [said[at * ADAPTERS + number] for number in range(ADAPTERS) for at in range(len(self.prompts))]

    def merged(self) -> Answers:
        """Ours: one base, adapters merged and taken out in turn."""
        said: Answers = []
        for folder in self.folders:
            with with_adapter(self.base, read_adapter(self.base, folder)) as model:
                found = decode(model, self.prompts, Decoding(self.shape.answer, tuple(self.stops)))
            said += [list(one.ids) for one in found]
        return said

    def mixed(self) -> Answers:
        """Ours: rows of all adapters in one batch."""
        mix = Mix(self.base, [read_adapter(self.base, folder) for folder in self.folders])
        how = Decoding(self.shape.answer, tuple(self.stops), groups=ADAPTERS, before=mix.before)
        group = [number for number in range(ADAPTERS) for _ in self.prompts]
        try:
            return [list(one.ids) for one in decode(self.base, self.prompts * ADAPTERS, how, group)]
        finally:
            mix.remove()

    def gold(self) -> Answers:
        """Ours: one pass over questions with answers of the longest length, nothing is generated."""
        rows = [Row((*prompt, *([1] * self.shape.answer)), len(prompt)) for prompt in self.prompts]
        for folder in self.folders:
            with with_adapter(self.base, read_adapter(self.base, folder)) as model, torch.inference_mode():
                for begin in range(0, len(rows), 16):
                    answer_losses(model, rows[begin : begin + 16], self.device)
        return []

    def contenders(self) -> dict[str, Callable[[], Answers]]:
        """By name."""
        return {
            ONE: lambda: self.peft_batches(1),
            EIGHT: lambda: self.peft_batches(8),
            THIRTY_TWO: lambda: self.peft_batches(32),
            MERGED_32: lambda: self.peft_batches(32, merged=True),
            NAMES: self.peft_names,
            OURS: self.merged,
            OURS_MIXED: self.mixed,
            GOLD: self.gold,
        }


def measured(name: str, shape: Shape, rounds: int, device: torch.device) -> list[dict[str, Any]]:
    """One row a contender."""
    with tempfile.TemporaryDirectory() as folder:
        case = Case(shape, Path(folder), device)
        contenders = case.contenders()
        clock: dict[str, list[float]] = {one: [] for one in contenders}
        processor: dict[str, list[float]] = {one: [] for one in contenders}
        said: dict[str, Answers] = {}
        case.generate(case.peft, case.prompts[:1])  # what is made once at the first call
        order = list(contenders)
        for number in range(rounds):
            order = order[1:] + order[:1]
            for one in order:
                begun, worked = time.perf_counter(), time.process_time()
                said[one] = contenders[one]()
                if device.type == "cuda":
                    torch.cuda.synchronize()
                clock[one].append(time.perf_counter() - begun)
                processor[one].append(time.process_time() - worked)
            print(f"{name}: round {number + 1} of {rounds}", file=sys.stderr)
    alone = said[ONE]
    lengths = [len(one) for one in alone]
    return [
        {
            "shape": name,
            "contender": one,
            "seconds": round(median(clock[one]), 2),
            "processor_seconds": round(median(processor[one]), 2),
            "least_processor_seconds": round(min(processor[one]), 2),
            "times_batch_1": _ratio(clock, ONE, one),
            "times_batch_8": _ratio(clock, EIGHT, one),
            "times_batch_1_processor": _ratio(processor, ONE, one),
            "times_batch_8_processor": _ratio(processor, EIGHT, one),
            "same_as_batch_1": None
            if one == GOLD
            else f"{sum(a == b for a, b in zip(said[one], alone, strict=True))} of {len(alone)}",
            "answer_tokens": f"mean {sum(lengths) / len(lengths):.1f}, longest {max(lengths)}",
            "rounds": rounds,
        }
        for one in contenders
    ]


def _ratio(took: dict[str, list[float]], rival: str, one: str) -> float:
    return round(median(a / b for a, b in zip(took[rival], took[one], strict=True)), 2)


def main() -> None:
    """Prints the rows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", action="append", choices=[*SHAPES], help=f"default: {', '.join(DEFAULT)}")
    parser.add_argument("--items", type=int, help="questions an adapter, in place of the shape's")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of a tiny shape, to see that it runs")
    given = parser.parse_args()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    warnings.filterwarnings("ignore")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    shapes = {name: SHAPES[name] for name in given.shape or DEFAULT}
    if given.quick:
        shapes = {"tiny": Shape(64, 2, 512, 6, (4, 12), 8, stops=20)}
    if given.items is not None:
        shapes = {name: replace(shape, items=given.items) for name, shape in shapes.items()}
    rows = [row for name, shape in shapes.items() for row in measured(name, shape, given.rounds, device)]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
