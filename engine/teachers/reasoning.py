"""Reasoning parts of a reply: kept in the ledger as they came, kept out of examples unless asked for.

Endpoints give them in a field of their own (`reasoning_content`, `reasoning`) or inside the text, between
`<think>` and `</think>`; some chat templates open the block in the prompt, and the reply only closes it.
"""

from __future__ import annotations

import re

_BLOCK = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)


def with_reasoning(text: str, reasoning: str | None) -> str:
    """One text that holds both, as the ledger keeps it."""
    return f"<think>\n{reasoning}\n</think>\n{text}" if reasoning else text


def without_reasoning(text: str) -> str:
    """The reply without its reasoning; a block that was cut off before its end leaves nothing."""
    if "</think>" not in text and "<think>" not in text:
        return text
    head, closed, tail = text.partition("</think>")
    if closed and "<think>" not in head:
        text = tail  # opened in the prompt
    return _BLOCK.sub("", text).strip()
