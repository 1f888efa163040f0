"""When to stop asking for examples of which none is kept; and the words for data without a generated example.

The rule: a strategy whose questions are written is on trial for its first `TRIAL` visits. As long as none of them gave
a good example, no further visit begins; where none of them did, asking for that strategy ends there. It looks at
earlier visits only, in their order, so a resumed run ends at the same place, and a small budget's data stays the
beginning of a large one's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from engine.curation import KEPT, Curator
from engine.data_card import ALONE
from engine.domain import Strategy
from engine.strategies import Draft
from engine.wording import NAMES

TRIAL = 60
"""Visits of a strategy that may pass without one good example. A strategy of which 5 % would be kept is given up
wrongly with a chance of 0.95^60 = 4.6 %, one of 10 % with 0.2 %; after 40 visits these were 12.9 % and 1.5 %. Below
5 % an example costs more than twenty times what one visit does."""

REMEDIES = {
    "no_reply": ("the teacher gave no reply", "see the worker's log, and the endpoint's limits"),
    "cut_off": ("the reply was cut off", "raise the task's max_answer_tokens and max_question_tokens"),
    "refused": ("the teacher refused", "reword the task's instructions, or ask another teacher"),
    "unparsable": (
        "no answer was found in the reply",
        "read some in rejected.parquet, and correct the task's instructions or how it finds an answer",
    ),
    "unanswerable": ("the teacher called the question unanswerable", "give the context that an answer needs"),
    "not_the_form": (
        "the question was not in the task's form",
        "show the writer examples (prompts.few_shot), or ask a stronger augmenter",
    ),
    "answer_changed": ("the rephrasing changed the answer", "ask a stronger augmenter, or leave rephrasings out"),
    "wrong_by_verification": ("the answer was not the seed's", "see whether the seeds are right, or the teacher able"),
    "no_majority": ("no answer had a majority of the votes", "ask an abler teacher"),
    "duplicate": ("it repeated a seed or an earlier example", "spend it on another strategy, or ask an abler writer"),
    "near_test_item": ("it was too near a test item", "see whether the test items repeat the seeds"),
    "near_seed": ("the question was nearly a seed's", "ask a stronger augmenter"),
    "near_duplicate": ("the question was nearly an earlier one", "bring more seeds, or ask a stronger augmenter"),
    "other_language": ("it was in another language than the seeds", "name the language in the task's instructions"),
    "label_share": ("no seed has its label", "bring seeds with that label, or do not keep the shares of labels"),
    "dropped_by_hand": ("you dropped it by hand", "restore what you want to keep, on the page of the run's data"),
    "too_long": ("it was too long for the student", "raise training.max_length, or ask for shorter answers"),
}
"""Reason of rejection -> what it says of an example, and what to do."""


def trial_of(strategy: Strategy, visits: int) -> int | None:
    """Visits of a strategy's trial, of so many in all; None where it could save none, and for real questions, which
    come in the order of the user's file: the first ones may all be of a kind that says nothing of the rest."""
    return None if strategy is Strategy.REAL_QUESTION or visits <= TRIAL else TRIAL


class Trial:
    """The first visits of one strategy, as they are judged."""

    def __init__(self) -> None:
        self.passed = False
        """Whether there was a good example: asking goes on, and nothing more need be looked at."""
        self.reasons: Counter[str] = Counter()
        """Of the visits without one."""

    def see(self, reason: str) -> bool:
        """Takes the next visit's reason; whether the trial is passed. (Where shares of labels are kept, the first
        example with a label of the seeds is let in at once.)"""
        self.passed = self.passed or reason == KEPT
        if not self.passed:
            self.reasons[reason] += 1
        return self.passed

    def told(self, strategy: Strategy) -> str:
        """Why asking ended, what was the commonest reason, and what to do."""
        visits = self.reasons.total()
        reason, count = self.reasons.most_common(1)[0]
        what, remedy = _remedy(reason)
        return (
            f"None of the first {visits} examples of {NAMES[strategy]} was kept ({count} of {visits}: {what}), so no "
            f"more of them were asked for, nor paid. Before you ask again: {remedy}."
        )


def sees(trial: Trial, curator: Curator) -> Callable[[Draft | None], bool]:
    """Takes the next draft of a trial; whether it is passed. For drafts that are judged only once they are all there:
    the `curator` is the trial's own."""
    return lambda draft: trial.see(curator.judge(draft).reason)


def alone(counts: Iterable[Mapping[str, int]]) -> str:
    """What is said of a data set without a generated example; `counts` are each strategy's visits by reason."""
    left_out = Counter[str]()
    for of in counts:
        left_out.update({reason: count for reason, count in of.items() if reason != KEPT and count})
    if not left_out:
        return f"{ALONE}: it is the seeds alone."
    reason, count = left_out.most_common(1)[0]
    what, remedy = _remedy(reason)
    return (
        f"{ALONE}: it is the seeds alone. {left_out.total():,} examples were asked for; the commonest reason against "
        f"them ({count:,} times): {what}. Before you ask again: {remedy}."
    )


def is_alone(message: str) -> bool:
    """Whether a run's message says that its data hold no generated example."""
    return ALONE in message


def _remedy(reason: str) -> tuple[str, str]:
    return REMEDIES.get(reason, (reason.replace("_", " "), "read some in rejected.parquet"))
