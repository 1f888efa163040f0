"""The pilot's recipe as configs of TRL and Axolotl, to lie beside a data set; each begins with how it is run.

Keys are those of TRL 1.16 (`trl sft --config`) and Axolotl 0.19 (`axolotl train`). Paths in them count from the data
set folder. Both tools report to nobody and keep nothing but the adapter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from engine.domain import Recipe

MESSAGES, CHAT_PAIRS, PAIRS = "messages", "chat_prompt_completion", "prompt_completion"
"""The configs of the data set that hold its rows: whole chats, chats cut before the answer, and plain texts."""
FILES = {name: f"train.{name}.jsonl" for name in (MESSAGES, CHAT_PAIRS, PAIRS)}
ANY_STUDENT = "ORGANISATION/STUDENT"
"""Stands where the student is to be named."""
OUTPUT = "../adapter"
"""Beside the data set folder, so that the folder holds data only."""


@dataclass(frozen=True, slots=True)
class Training:
    """What a config is made for."""

    recipe: Recipe
    examples: int
    """Rows of the data set."""
    student: str = ANY_STUDENT
    """A hub id or a folder."""
    has_template: bool = True
    """Whether the student has a chat template; without one it reads the prompt as it is."""

    @property
    def steps(self) -> int:
        """Optimizer steps: the recipe's passes, and no fewer than its fewest."""
        return self.recipe.steps(self.examples)

    @property
    def per_part(self) -> int:
        """Examples that are computed at once."""
        return -(-min(self.recipe.batch_size, self.examples) // self.recipe.gradient_accumulation)


def trl_config(training: Training) -> str:
    """The YAML for `trl sft --config`."""
    recipe = training.recipe
    values = {
        "model_name_or_path": training.student,
        # By file: `dataset_name: .` is refused, and the folder may be renamed.
        "datasets": [
            {
                "path": "json",
                "data_files": FILES[CHAT_PAIRS if training.has_template else PAIRS],
                "split": "train",
                "columns": ["prompt", "completion"],
            }
        ],
        "completion_only_loss": True,
        "max_length": recipe.max_length,
        "packing": False,
        "use_peft": True,
        "lora_r": recipe.rank,
        "lora_alpha": _whole(recipe.alpha),
        "lora_dropout": recipe.dropout,
        "lora_target_modules": "all-linear",
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": _warmup(training),
        "max_steps": training.steps,
        "per_device_train_batch_size": training.per_part,
        "gradient_accumulation_steps": recipe.gradient_accumulation,
        "optim": "adamw_torch",
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "logging_steps": 10,
        "save_strategy": "no",
        "report_to": "none",
        "output_dir": OUTPUT,
    }
    notes = [
        "TRL 1.16 (pip install 'trl[peft]'). In this folder: trl sft --config trl.yaml (without a GPU: --use_cpu)",
        f"What is longer than max_length is cut off here; {_LEFT_OUT}",
    ]
    return _yaml(notes, training, f"data_files is {FILES[PAIRS]}", values)


def axolotl_config(training: Training) -> str:
    """The YAML for `axolotl train`."""
    recipe = training.recipe
    rows: dict[str, Any] = {"path": FILES[MESSAGES], "ds_type": "json", "type": "chat_template"}
    if training.has_template:
        rows |= {"field_messages": "messages", "roles_to_train": ["assistant"], "train_on_eos": "turn"}
    else:
        rows["path"] = FILES[PAIRS]
        rows["type"] = dict(_FIELDS)
    values = {
        "base_model": training.student,
        "datasets": [rows],
        "dataset_prepared_path": f"{OUTPUT}/prepared",
        "val_set_size": 0,
        "train_on_inputs": False,
        "sequence_len": recipe.max_length,
        "excess_length_strategy": "drop",
        "sample_packing": False,
        "adapter": "lora",
        "lora_r": recipe.rank,
        "lora_alpha": _whole(recipe.alpha),
        "lora_dropout": recipe.dropout,
        "lora_target_linear": True,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler": "cosine",
        "warmup_steps": _warmup(training),
        "max_steps": training.steps,
        # Passes end the training too where they end first.
        "num_epochs": _passes(training),
        "micro_batch_size": training.per_part,
        "gradient_accumulation_steps": recipe.gradient_accumulation,
        "gradient_checkpointing": recipe.gradient_checkpointing,
        "optimizer": "adamw_torch",
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "bf16": "auto",
        "logging_steps": 10,
        "save_strategy": "no",
        "output_dir": OUTPUT,
    }
    notes = ["Axolotl 0.19. In this folder: axolotl train axolotl.yaml"]
    return _yaml(notes, training, f"path is {FILES[PAIRS]}, and type is {_FIELDS}", values)


_LEFT_OUT = "a pilot leaves such rows out."
_FIELDS = {
    "field_instruction": "prompt",
    "field_output": "completion",
    "format": "{instruction}",
    "no_input_format": "{instruction}",
}
"""How Axolotl reads rows of plain text."""


def _yaml(notes: list[str], training: Training, without: str, values: dict[str, Any]) -> str:
    notes = [
        *notes,
        f"{training.recipe.batch_size} examples a step on one device; with more devices, divide it among them.",
    ]
    if training.student == ANY_STUDENT:
        notes += [f"Name your student; if it has no chat template, {without}."]
    return "".join(f"# {note}\n" for note in notes) + str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))


def _warmup(training: Training) -> int:
    return max(1, round(training.steps * training.recipe.warmup))


def _passes(training: Training) -> int:
    a_pass = max(1, training.examples // (training.per_part * training.recipe.gradient_accumulation))
    return -(-training.steps // a_pass) + 1


def _whole(alpha: float) -> float | int:
    """Axolotl takes whole numbers only."""
    return int(alpha) if alpha == int(alpha) else alpha
