"""Settings of a plan in words: their names and their values. The plan's own keys stand in docs/plan.md."""

from __future__ import annotations

import json
from typing import Any

from pages.shared import words

SECTIONS = {
    "seeds": "Seed examples",
    "test": "Test items",
    "unlabelled": "Real inputs",
    "teacher": "Teacher",
    "augmenter": "Question writer",
    "teachers": "Other teachers",
    "prompts": "Prompts",
    "grid": "Design",
    "target": "Whole budget",
    "ceiling": "Ceiling",
    "check": "Check of the teacher",
    "training": "Training",
    "full": "Full run",
    "retrieval": "Retrieval",
}
PARTS = {
    "kind": "kind",
    "base_url": "address",
    "model": "model",
    "replies": "recorded replies",
    "key_env": "variable that holds the key",
    "usd_per_million_input": "$ per million tokens read",
    "usd_per_million_output": "$ per million tokens written",
    "concurrency": "requests at once",
    "timeout_s": "seconds until a request is given up",
    "path": "file",
    "map": "columns",
    "count": "how many are used",
    "holdout": "rows split off",
    "few_shot": "seeds shown in each prompt",
    "usd": "dollars",
    "four_bit": "base in 4 bits",
}
"""Of the keys that say little by themselves; others are read as they are written."""
VALUES = {
    "sandbox": "the sandbox",
    "openai_compatible": "an endpoint",
    "transformers_local": "a model on this machine",
    "replay": "recorded replies",
    **{strategy.value: name for strategy, name in words.STRATEGIES.items()},
}


def name(dotted: str) -> str:
    """`teacher.base_url` is "Teacher: address"."""
    first, *rest = dotted.split(".")
    said = SECTIONS.get(first, first.replace("_", " ").capitalize())
    return ": ".join([said, *(PARTS.get(part, part.replace("_", " ")) for part in rest)])


def value(found: Any) -> str:
    """A value as a reader would write it; what nobody set is "not set"."""
    if found is None:
        return "not set"
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, str):
        return VALUES.get(found, found)
    if isinstance(found, int | float):
        return f"{found:,}" if abs(found) >= 1 or found == 0 else f"{found:g}"
    if isinstance(found, list) and all(isinstance(one, str | int | float) for one in found):
        return ", ".join(value(one) for one in found) or "none"
    return json.dumps(found, ensure_ascii=False)
