"""Maths word problems: a worked answer that ends in `#### N`, as GSM8K writes it."""

from __future__ import annotations

from engine.tasks.custom import named_task
from engine.tasks.symbolic import parse_worked as parse_answer

__all__ = ["TASK", "parse_answer"]

TASK = named_task("math")
