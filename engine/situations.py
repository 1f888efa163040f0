"""Whether a situation can be: every problem of it, at once."""

from __future__ import annotations

import math

from engine.costs import CALLS
from engine.domain import ATLAS, PUBLISHED, Situation, TeacherOffer
from engine.errors import InputError

KNOWN = (PUBLISHED, ATLAS)
"""What advice can start from."""
MOST_TEACHERS = 4
"""Teachers that are compared with one another."""
MOST = 10**12
"""No count is larger: a slip of the keyboard is."""


def check(situation: Situation) -> None:
    """Raises InputError with everything that is wrong with a situation."""
    found = problems(situation)
    if found:
        raise InputError(found)


def problems(situation: Situation) -> list[str]:
    """Everything that is wrong with a situation, a sentence each; empty where nothing is."""
    s = situation
    found = []
    if s.seeds < 1:
        found.append(f"Seeds: {s.seeds}; expected at least 1 labelled example.")
    counts = {"Seeds": s.seeds, "Budget": s.queries, "Unlabelled inputs": s.unlabelled, "Test items": s.test_items}
    for name, n in counts.items():
        if n is not None and n > MOST:
            found.append(f"{name}: more than {MOST:,}; expected less.")
        elif n is not None and n != n // 1:  # a number without a value is not equal to itself
            found.append(f"{name}: {n}; expected a whole number.")
    if s.augmenter not in ("strong", "weak"):
        found.append(f"Augmenter: {s.augmenter!r}; expected strong or weak.")
    if s.known not in KNOWN:
        found.append(f"What advice starts from: {s.known!r}; expected {' or '.join(KNOWN)}.")
    if s.calls not in CALLS:
        found.append(f"Calls are counted as {s.calls!r}; expected {' or '.join(CALLS)}.")
    else:
        least = max(CALLS[s.calls].values())
        if s.queries < least:
            found.append(f"Budget: {s.queries} queries; one example takes up to {least}, so give at least {least}.")
    if s.unlabelled is not None and s.unlabelled < 0:
        found.append(f"Unlabelled inputs: {s.unlabelled}; expected 0 or more.")
    if s.test_items is not None and s.test_items < 1:
        found.append(f"Test items: {s.test_items}; expected at least 1.")
    for name, usd in (("Budget", s.budget_usd), ("Price of one more seed", s.seed_usd)):
        if usd is not None and not (math.isfinite(usd) and usd > 0):
            found.append(f"{name}: {usd} US dollars; expected an amount above 0.")
    if s.student_parameters is not None and not (math.isfinite(s.student_parameters) and s.student_parameters > 0):
        found.append(f"Student: {s.student_parameters} parameters; expected more than 0.")
    if len(s.teachers) > MOST_TEACHERS:
        found.append(f"Teachers: {len(s.teachers)}; at most {MOST_TEACHERS} are compared.")
    names = [offer.name for offer in s.teachers]
    found += [f"Teacher {n!r} is named twice; give each one once." for n in dict.fromkeys(names) if names.count(n) > 1]
    for offer in (*s.teachers, *([s.augmenter_offer] if s.augmenter_offer else [])):
        found += _of_offer(offer)
    return found


def _of_offer(offer: TeacherOffer) -> list[str]:
    found = [] if offer.name.strip() else ["A teacher without a name; name the model."]
    figures = {
        "US dollars per query": offer.usd_per_query,
        "US dollars per million tokens read": offer.input_usd,
        "US dollars per million tokens written": offer.output_usd,
        "tokens read per query": offer.input_tokens,
        "tokens written per query": offer.output_tokens,
    }
    for unit, value in figures.items():
        if value is not None and not (math.isfinite(value) and value >= 0):
            found.append(f"Teacher {offer.name}: {value} {unit}; expected 0 or more.")
    if offer.usd_per_query is not None and (offer.input_usd, offer.output_usd) != (None, None):
        found.append(f"Teacher {offer.name} has a price per query and one per token; give one of them.")
    if offer.wrong_share is not None and not 0 <= offer.wrong_share < 1:
        found.append(f"Teacher {offer.name}: {offer.wrong_share} of its answers are wrong; expected 0 up to 1.")
    return found
