"""How a run's adapters were trained: every setting with where it came from, and the control of matched steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from engine.matched_steps import control_of, told
from engine.recipe_sources import kept_settings
from engine.records import CellRow, Run
from engine.store import Store
from pages.shared import shown, words

NAMES = {
    "learning_rate": "Learning rate",
    "batch_size": "Examples per step",
    "epochs": "Passes over the examples",
    "min_steps": "Fewest steps",
    "warmup": "Warm-up, share of the steps",
    "rank": "LoRA rank",
    "alpha": "LoRA alpha",
    "max_length": "Longest example, tokens",
    "dropout": "Dropout",
    "gradient_accumulation": "Parts of a batch",
    "gradient_checkpointing": "Inner values computed twice",
    "four_bit": "Base in 4 bits",
    "layers": "Layers with an adapter",
    "optimizer": "Optimizer",
    "gradient_norm": "Longest gradient",
    "schedule": "Schedule",
    "loss": "Loss",
    "device": "Device",
    "numbers": "Numbers",
    "adapters_at_once": "Adapters in a step",
    "memory": "Memory",
}
"""A setting as users read it."""


def settings(title: str, run: Run, store: Store, *, key: str) -> None:
    """Every setting of a run's training, to be opened; nothing for a run that has none yet."""
    table = settings_table(store.folder(run.id))
    if not len(table):
        return
    with st.expander(f"{title}, and where each setting came from", icon=":material/tune:"):
        shown.table(
            table,
            key=key,
            name=f"{run.id}-settings",
            alt="Every setting of the training, its value, and where it came from",
        )


def settings_table(folder: Path) -> pd.DataFrame:
    """One row a setting of the run in that folder; empty for a run that has none yet."""
    return pd.DataFrame(
        [
            {
                "Setting": NAMES.get(one.name, one.name),
                "Value": _shown(one.value),
                "Where it came from": one.origin.value[:1].upper() + one.origin.value[1:],
                "More": one.why,
            }
            for one in kept_settings(folder)
        ]
    )


def control_sentence(cells: Sequence[CellRow]) -> str:
    """What the control of matched steps says; empty where there is none."""
    control = control_of(cells)
    return "" if control is None else told(control, words.STRATEGIES[control.anchor].lower())


def _shown(value: float | int | bool | str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
