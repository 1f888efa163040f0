"""Kinds of training data, of baselines and of tasks."""

from __future__ import annotations

from enum import StrEnum


class Strategy(StrEnum):
    """A way of turning teacher queries into training examples."""

    ANSWER_AUGMENTATION = "answer_augmentation"
    QUESTION_REPHRASE = "question_rephrase"
    NEW_QUESTION = "new_question"
    REAL_QUESTION = "real_question"
    """An answer to one of the user's own unlabelled inputs; competes where there are any."""


class Baseline(StrEnum):
    """What the strategies are compared with; measured like a cell, but nothing is generated for it."""

    UNTUNED = "untuned"
    UNTUNED_FEW_SHOT = "untuned_few_shot"
    """The untuned student, shown some of the seeds before each question."""
    SEEDS_ONLY = "seeds_only"
    TEACHER = "teacher"
    ELSEWHERE = "elsewhere"
    """A model that was trained elsewhere; its predictions were imported, its name is the cell's variant."""


UNTRAINED = frozenset({Baseline.UNTUNED, Baseline.UNTUNED_FEW_SHOT, Baseline.TEACHER, Baseline.ELSEWHERE})
"""Arms for which nothing is trained here."""


class Mixed(StrEnum):
    """Several strategies in one training set."""

    SPENDING_PLAN = "spending_plan"
    """What a full run spends, on more than one strategy."""


Arm = Strategy | Baseline | Mixed


def arm(name: str) -> Arm:
    """The strategy, baseline or mixture of that name; ValueError for any other name."""
    for kind in (Strategy, Mixed):
        if name in set(kind):
            return kind(name)
    return Baseline(name)


class TaskType(StrEnum):
    """What one answer looks like; it decides which published studies speak about the task."""

    MATH = "math"
    MULTIPLE_CHOICE = "multiple_choice"
    TEXT_TO_SQL = "text_to_sql"
    OPEN_ENDED = "open_ended"
    CODE = "code"
    STRUCTURED = "structured"
    """A label or a JSON record: the answer is determined by the question."""
