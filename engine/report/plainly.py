"""Others' text (teachers', endpoints', files') for a page and for a table: it stands there as it is and does nothing.

HTML is escaped by the template engine. What is left: characters that turn the direction of text round, so that a line
reads as something else than it is, and cells that a spreadsheet would take for a formula when a table is pasted there.
Keys are in none of these texts; should one have slipped into a message all the same, it is struck out.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from engine.plan import PilotPlan
from engine.settings import key_from_environment

LONGEST = 2000
"""Characters of one text."""
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FORMULA = re.compile(r"\s*[=+\-@\t\r]")
_NUMBER = re.compile(r"\s*[+-]?[\d.,]+\s*%?\s*")
STRUCK = "[a key was here]"


def visible(text: str) -> str:
    """The text with characters that nobody sees named in place: `‹U+202E›`. Lines and tabs stay."""
    return "".join(f"‹U+{ord(c):04X}›" if _hidden(c) else c for c in text)


def _hidden(c: str) -> bool:
    return c in _BIDI or (unicodedata.category(c) in ("Cc", "Cs", "Co") and c not in "\n\t")


def others(text: object) -> str:
    """Others' text for a table's cell: no formula, nothing hidden, not too long."""
    said = visible(str(text))
    said = said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
    return f"'{said}" if _FORMULA.match(said) and not _NUMBER.fullmatch(said) else said


def keys_of(plan: PilotPlan) -> tuple[str, ...]:
    """The keys that the plan's variables hold here now."""
    models = [plan.teacher, plan.augmenter, *plan.teachers.values()]
    names = {model.key_env for model in models if model is not None and model.key_env}
    keys = [key_from_environment(name) for name in sorted(names)]
    return tuple(key.get_secret_value() for key in keys if key is not None)


def without_keys(value: Any, keys: tuple[str, ...]) -> Any:
    """Plain values with those keys struck out of every text in them."""
    if isinstance(value, str):
        for key in keys:
            value = value.replace(key, STRUCK)
        return value
    if isinstance(value, dict):
        return {without_keys(name, keys): without_keys(part, keys) for name, part in value.items()}
    return [without_keys(part, keys) for part in value] if isinstance(value, list | tuple) else value
