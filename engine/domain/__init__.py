"""The nouns of SeedPilot as frozen values, and the protocols of the two collaborators.

Nothing here reads a file, asks a teacher or knows where a value is kept. Accuracies are fractions
(0 to 1), ratios are teacher queries per seed, money is US dollars, durations are seconds. `None`
means unknown; it is never a stand-in for zero.
"""

from __future__ import annotations

from engine.domain.advice import (
    ATLAS,
    PUBLISHED,
    AugmenterOutlook,
    Crossover,
    CurveBand,
    Enough,
    Flip,
    Interval,
    Outlook,
    Reason,
    Recommendation,
    SeedsOrQueries,
    Situation,
    TeacherOffer,
    TeacherOutlook,
    Verification,
)
from engine.domain.cells import (
    MATCHED_STEPS,
    PAPER_RECIPE,
    Cell,
    CellJob,
    CellResult,
    GoldLikelihood,
    Measurement,
    OnCellDone,
    OnProgress,
    Outcome,
    Recipe,
    Score,
    Trainer,
    TrainingExample,
)
from engine.domain.conversation import Example, Item, Message, Paid, Reply, Request, Teacher, item_id
from engine.domain.kinds import UNTRAINED, Arm, Baseline, Mixed, Strategy, TaskType, arm

__all__ = [
    "ATLAS",
    "MATCHED_STEPS",
    "PAPER_RECIPE",
    "PUBLISHED",
    "UNTRAINED",
    "Arm",
    "AugmenterOutlook",
    "Baseline",
    "Cell",
    "CellJob",
    "CellResult",
    "Crossover",
    "CurveBand",
    "Enough",
    "Example",
    "Flip",
    "GoldLikelihood",
    "Interval",
    "Item",
    "Measurement",
    "Message",
    "Mixed",
    "OnCellDone",
    "OnProgress",
    "Outcome",
    "Outlook",
    "Paid",
    "Reason",
    "Recipe",
    "Recommendation",
    "Reply",
    "Request",
    "Score",
    "SeedsOrQueries",
    "Situation",
    "Strategy",
    "TaskType",
    "Teacher",
    "TeacherOffer",
    "TeacherOutlook",
    "Trainer",
    "TrainingExample",
    "Verification",
    "arm",
    "item_id",
]
