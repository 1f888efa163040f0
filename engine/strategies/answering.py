"""From a question to a draft: written where the strategy writes, answered, voted on, checked against the seed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from engine.domain import Item, Outcome, Paid, Request
from engine.strategies.base import UNANSWERABLE, Draft, Visit, answer_request, parse_question, parse_questions, refuses
from engine.tasks.base import Task

FURTHER = 1_000_000
"""Sample indices between one vote and the next: a first vote is the plain variant's answer, and is paid once."""


async def answered(visit: Visit, question: str, earlier: tuple[int, ...] = ()) -> Draft:
    """Has a question answered in the seed's context, and the answer parsed; `earlier` are the queries that wrote it.

    With several votes the answer of more than half of them is kept, in the words of the first who gave it.
    """
    task = visit.task
    first = answer_request(task, question, visit.sample_index, context=visit.seed.context, shown=visit.shown)
    asked = [replace(first, sample_index=visit.sample_index + vote * FURTHER) for vote in range(visit.making.votes)]
    votes = [_answer(task, question, paid) for paid in await asyncio.gather(*map(visit.ask, asked))]
    ids = (*earlier, *(row for vote in votes for row in vote.query_ids))
    if len(votes) == 1:
        return replace(votes[0], query_ids=ids)
    return replace(await _majority(visit, question, votes), query_ids=ids)


def _answer(task: Task, question: str, paid: Paid) -> Draft:
    ids = (paid.query_id,)
    if paid.reply.finish_reason == "length":
        return Draft(question, None, "cut_off", ids)
    if UNANSWERABLE in paid.reply.text:
        return Draft(question, None, "unanswerable", ids)
    if refuses(paid.reply.text):
        return Draft(question, None, "refused", ids)
    answer = task.parse_answer(paid.reply.text)
    return Draft(question, answer, None if answer else "unparsable", ids)


async def _majority(visit: Visit, question: str, votes: list[Draft]) -> Draft:
    """The first vote that agrees with more than half of all; votes without an answer agree with none."""
    item = replace(visit.seed, question=question)
    answers = [vote.answer for vote in votes if vote.answer is not None]
    for answer in answers:
        # Beside the event loop: some scorers run code.
        alike = await asyncio.to_thread(_agreeing, visit.task, item, answer, answers)
        if 2 * alike > len(votes):
            return Draft(question, answer, None, ())
    # What more than half of the votes say is why there is no example: unanswerable is no disagreement.
    reasons = [vote.rejected for vote in votes if vote.rejected is not None]
    common = max(set(reasons), key=reasons.count, default="no_majority")
    return Draft(question, None, common if 2 * reasons.count(common) > len(votes) else "no_majority", ())


def _agreeing(task: Task, item: Item, answer: str, answers: list[str]) -> int:
    """How many of the answers are right if this one is; where the task cannot score, the same words are asked for."""
    gold = replace(item, answer=answer)
    same = " ".join(answer.split()).casefold()
    return sum(
        " ".join(other.split()).casefold() == same or task.score_item(gold, other).outcome is Outcome.RIGHT
        for other in answers
    )


async def with_the_seeds_answer(visit: Visit, draft: Draft, rejected: str = "answer_changed") -> Draft:
    """The draft, rejected where its answer is wrong by the seed's gold: the rephrasing asks something else, or the
    teacher erred, and either way the example teaches a wrong answer. What cannot be scored is no reason to reject.

    The answer is asked for anyway, so that this costs no query. Beside the event loop: some scorers run code.
    """
    if draft.answer is None or draft.question is None:
        return draft
    item = replace(visit.seed, question=draft.question)
    score = await asyncio.to_thread(visit.task.score_item, item, draft.answer)
    return replace(draft, rejected=rejected) if score.outcome is Outcome.WRONG else draft


async def written_then_answered(visit: Visit, request: Request, together: int = 1) -> Draft:
    """Two calls: the augmenter writes a question (or a list of them, of which this visit takes its own), the teacher
    answers it in the seed's context."""
    paid = await visit.write(request)
    ids, text = (paid.query_id,), paid.reply.text
    cut = paid.reply.finish_reason == "length"
    if together == 1:
        question, last = parse_question(text), True
    else:
        found, place = parse_questions(text, together), visit.sample_index % together
        question, last = found[place], all(later is None for later in found[place + 1 :])
    if cut and last:  # of a list that was cut off only the last question is
        return Draft(None, None, "cut_off", ids)
    if question is None:
        return Draft(None, None, "unanswerable" if UNANSWERABLE in text else "unparsable", ids)
    if UNANSWERABLE in question:
        return Draft(None, None, "unanswerable", ids)
    if refuses(question):
        return Draft(None, None, "refused", ids)
    if not visit.task.has_form(question):
        return Draft(question, None, "not_the_form", ids)
    return await answered(visit, question, ids)
