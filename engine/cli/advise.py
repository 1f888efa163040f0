"""`seedpilot recommend`: how to spend the budget."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import offers, situations
from engine.advice import as_json, recommend
from engine.cli.frame import Commands, command, dumps
from engine.domain import PUBLISHED, Measurement, Recommendation, Situation, TaskType, TeacherOffer
from engine.errors import InputError, SeedPilotError
from engine.next_pilot import NextPilot, next_pilot
from engine.plan import SANDBOX_STUDENTS
from engine.points import read_points
from engine.student import check_student
from engine.tasks import load_task
from engine.wording_choices import moved

OFFER = "NAME[=PRICE][,tokens=IN/OUT][,wrong=SHARE]"
PRICES = "PRICE is dollars per query (0.002), or per million tokens read and written (0.15/0.60)"


def add(commands: Commands) -> None:
    """Declares the commands."""
    advise = command(
        commands,
        "recommend",
        _recommend,
        "Says how to spend the budget.",
        "seedpilot recommend --task math --seeds 100 --queries 3000 --json\n"
        "  seedpilot recommend --task math --seeds 100 --unlabelled 2000 --budget-usd 50 \\\n"
        "      --teacher-model large=2.5/10,tokens=400/300 --teacher-model small=0.15/0.6,tokens=400/300,wrong=0.2 \\\n"
        "      --augmenter weak --student Qwen2.5-1.5B --verifiable no --seed-price 2",
    )
    # numbers are read below, so that every problem is reported at once
    advise.add_argument("--task", help=f"{', '.join(TaskType)}, or the path of a task.toml")
    advise.add_argument("--seeds", metavar="N", help="labelled examples")
    advise.add_argument("--queries", metavar="N", help="teacher queries that can be paid")
    advise.add_argument("--unlabelled", metavar="N", help="your own questions without an answer")
    advise.add_argument("--budget-usd", metavar="X", help="instead of --queries, with the price of a teacher")
    advise.add_argument("--usd-per-query", metavar="X", help="what one query of the teacher costs, where none is named")
    advise.add_argument(
        "--teacher-model",
        metavar="OFFER",
        action="append",
        default=[],
        help=f"{OFFER}; up to {situations.MOST_TEACHERS}, compared for the same money. {PRICES}. A price that is not "
        "given stays unknown. wrong: share of its answers that you found wrong",
    )
    advise.add_argument("--tokens", metavar="IN/OUT", help="tokens read and written per query, for prices per token")
    advise.add_argument("--augmenter", metavar="strong|weak", default="strong", help="the model that writes questions")
    advise.add_argument("--augmenter-model", metavar="OFFER", help="that model with its price, if it is another one")
    advise.add_argument("--student", metavar="NAME", help="its size is read from its name or its folder")
    advise.add_argument("--verifiable", metavar="yes|no", help="can an answer be checked without the teacher")
    advise.add_argument("--seed-price", metavar="USD", help="what one more labelled example costs")
    advise.add_argument("--test-items", metavar="N", help="items that the strategies will be compared on")
    advise.add_argument("--calls", metavar="all|paper", default="all", help="count every call, or one an example")
    advise.add_argument(
        "--known",
        metavar="|".join(situations.KNOWN),
        default=PUBLISHED,
        help="what it starts from: studies of other students, or the worlds of the sandbox's atlas, a toy student's",
    )
    advise.add_argument("--points", type=Path, metavar="FILE.csv", help="your own measured points")
    advise.add_argument("--json", action="store_true")


def _recommend(given: argparse.Namespace) -> int:
    situation, points = _asked(given)
    advice = recommend(situation, points)
    before = recommend(situation) if points else None
    pilot = next_pilot(situation, points)
    if given.json:
        told = as_json(advice) | {"next_pilot": _pilot_json(pilot)}
        if before is not None:
            told |= {"moved": moved(before, advice), "before": as_json(before)}
        print(dumps(told))
    else:
        print(f"{_advice_text(advice, before)}\n\nNext pilot: {pilot.why}")
        for cell in pilot.cells:
            print(f"  {cell.strategy.value:<20} {cell.seeds:>6} seeds {cell.queries:>8} queries")
    return 0


def _pilot_json(pilot: NextPilot) -> dict[str, Any]:
    """What to measure next, or why nothing."""
    return {
        "cells": [{"strategy": c.strategy.value, "seeds": c.seeds, "queries": c.queries} for c in pilot.cells],
        "queries": pilot.queries,
        "gain_points": round(pilot.gain_points, 3),
        "test_items": pilot.items,
        "why": pilot.why,
    }


def _asked(given: argparse.Namespace) -> tuple[Situation, tuple[Measurement, ...]]:
    """The situation and the points; InputError with every problem of the flags, the points and the situation."""
    read = _Flags()
    teachers = tuple(_offer(text, "--teacher-model", read, given.tokens) for text in given.teacher_model)
    if given.usd_per_query is not None:
        if teachers:
            read.problems.append("--usd-per-query: give the price with --teacher-model NAME=PRICE, or name no teacher")
        teachers = teachers or (
            TeacherOffer("teacher", usd_per_query=read.number(given.usd_per_query, "--usd-per-query")),
        )
    augmenter = given.augmenter_model and _offer(given.augmenter_model, "--augmenter-model", read, given.tokens)
    student = (given.student or "").strip() or None
    situation = Situation(
        task=_task(given.task, read),
        seeds=read.needed(given.seeds, "--seeds"),
        queries=_queries(given, teachers, read),
        augmenter=given.augmenter,
        calls=given.calls,
        unlabelled=read.count(given.unlabelled, "--unlabelled"),
        budget_usd=read.number(given.budget_usd, "--budget-usd", say=False),
        teachers=teachers,
        augmenter_offer=augmenter or None,
        student=student,
        student_parameters=_parameters(student, read),
        verifiable=read.yes_or_no(given.verifiable, "--verifiable"),
        seed_usd=read.number(given.seed_price, "--seed-price"),
        test_items=read.count(given.test_items, "--test-items"),
        known=given.known,
    )
    problems = read.problems + situations.problems(situation)
    points: tuple[Measurement, ...] = ()
    if given.points:
        try:
            points = read_points(given.points, given.calls if given.calls in ("all", "paper") else "all")
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return situation, points


@dataclass
class _Flags:
    """Reads flags and remembers what is wrong with them."""

    problems: list[str] = field(default_factory=list)

    def number(self, text: str | None, flag: str, *, say: bool = True) -> float | None:
        """A finite number; None where nothing was given, or where it is none and the problem is noted."""
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            return value
        if say:
            self.problems.append(f"{flag}: {text!r} is no number; expected one, like 12.5")
        return None

    def count(self, text: str | None, flag: str) -> int | None:
        """A whole number, in the same way."""
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            self.problems.append(f"{flag}: {text!r} is no whole number; expected one, like 300")
            return None

    def needed(self, text: str | None, flag: str) -> int:
        """The same, but it has to be there; 1 stands in where the problem is noted."""
        if text is None:
            self.problems.append(f"{flag} is missing: give a whole number")
        value = self.count(text, flag)
        return 1 if value is None else value

    def yes_or_no(self, text: str | None, flag: str) -> bool | None:
        """True or False; None where nothing was given."""
        if text in ("yes", "no", None):
            return None if text is None else text == "yes"
        self.problems.append(f"{flag}: {text!r}; expected yes or no")
        return None


STAND_IN = 1000
"""Queries in place of a budget that could not be read, so that the rest is checked too."""


def _queries(given: argparse.Namespace, teachers: tuple[TeacherOffer, ...], read: _Flags) -> int:
    """The budget in queries of the first teacher with a price."""
    if (given.queries is None) == (given.budget_usd is None):
        read.problems.append("give the budget once: --queries N, or --budget-usd X with --teacher-model NAME=PRICE")
        read.count(given.queries, "--queries")
        read.number(given.budget_usd, "--budget-usd")
        return STAND_IN
    if given.queries is not None:
        return STAND_IN if (queries := read.count(given.queries, "--queries")) is None else queries
    usd = read.number(given.budget_usd, "--budget-usd")
    if usd is None or usd <= 0:
        return STAND_IN  # a sum of 0 or less is a problem of the situation
    prices = [offers.usd_per_query(offer) for offer in teachers]
    each = next((price for price in prices if price), None)
    if any(price == 0 for price in prices) and each is None:
        read.problems.append("--budget-usd: the teacher is free, so money sets no limit; give --queries N")
    elif each is None:
        read.problems.append(
            "--budget-usd needs the price of a teacher: --teacher-model NAME=PRICE, with --tokens IN/OUT where it is "
            "per token, or --usd-per-query X: no price is ever guessed"
        )
    elif each > 0 and offers.affordable(usd, each) == 0:
        read.problems.append(f"--budget-usd: {usd:g} US dollars buy no query at {each:g} each; raise the budget")
    return (offers.affordable(usd, each) if each and each > 0 else None) or STAND_IN


def _offer(text: str, flag: str, read: _Flags, tokens: str | None) -> TeacherOffer:
    """`NAME[=PRICE][,tokens=IN/OUT][,wrong=SHARE]`; what is not given stays unknown."""
    (head, *rest) = text.split(",")
    name, _, price = head.partition("=")
    said = dict(part.partition("=")[::2] for part in rest)
    unknown = [key for key in said if key not in ("tokens", "wrong")]
    if unknown:
        read.problems.append(f"{flag} {text!r}: found {', '.join(unknown)}; expected {OFFER}")
    per_query: float | None = None
    per_token: tuple[float | None, float | None] = (None, None)
    if "/" in price:
        per_token = _pair(price, f"{flag} {text!r}: price", read)
    elif price:
        per_query = read.number(price, f"{flag} {text!r}: price")
    elif "=" in head:
        read.problems.append(f"{flag} {text!r}: no price after '='; {PRICES}")
    counts = said.get("tokens", tokens)
    reads, writes = (None, None) if counts is None else _pair(counts, f"{flag} {name}: tokens", read)
    wrong = read.number(said.get("wrong"), f"{flag} {text!r}: wrong")
    return TeacherOffer(name.strip(), per_query, *per_token, reads, writes, wrong)


def _pair(text: str, what: str, read: _Flags) -> tuple[float | None, float | None]:
    parts = text.split("/")
    if len(parts) != 2:
        read.problems.append(f"{what}: {text!r}; expected two numbers, like 0.15/0.60")
        return None, None
    return read.number(parts[0], what), read.number(parts[1], what)


def _task(name: str | None, read: _Flags) -> TaskType:
    known = f"{', '.join(TaskType)}, or the path of a task.toml"
    if name in set(TaskType):
        return TaskType(name)
    if name is None or not name.endswith(".toml"):
        read.problems.append(
            f"--task: found {name!r}, expected {known}" if name else f"--task is missing: give {known}"
        )
        return TaskType.MATH
    try:
        return load_task(name).type
    except InputError as error:
        read.problems += error.problems
        return TaskType.MATH


def _parameters(student: str | None, read: _Flags) -> float | None:
    """Its size as its files say it; a name alone is read by the engine."""
    if student is None or not (student in SANDBOX_STUDENTS or Path(student).is_dir()):
        return None
    try:
        found = check_student(student).parameters
    except SeedPilotError as error:
        read.problems.append(f"--student: {error}")
        return None
    return None if not found else float(found)


def _advice_text(advice: Recommendation, before: Recommendation | None) -> str:
    lines = [advice.headline, f"Budget ratio: {advice.situation.budget_ratio:.1f} queries per seed."]
    if before is not None:
        lines += [moved(before, advice), f"Without your data: {before.headline}"]
    if advice.depends_on_calls:
        lines.append("It depends on how calls are counted.")
    lines.append("")
    for outlook in advice.outlooks:
        accuracy = outlook.accuracy
        expected = (
            "refused"
            if accuracy is None
            else f"{100 * accuracy.mean:.0f} % ({100 * accuracy.low80:.0f} to {100 * accuracy.high80:.0f})"
        )
        each = "1 query" if outlook.queries_per_kept == 1 else f"{outlook.queries_per_kept:.3g} queries"
        lines.append(
            f"  {outlook.strategy.value:<20} {outlook.examples:>8} examples   accuracy {expected:<16}"
            f" likely best {100 * outlook.p_best:>3.0f} %   {each} each"
            f"{'   assumed' if outlook.assumed else ''}"
        )
    if len(advice.spending_plan) > 1:
        plan = ", then ".join(f"{queries:,} queries for {m.value}" for m, queries in advice.spending_plan)
        lines += ["", f"Spending plan (a hypothesis, {advice.plan_gain_points:+.1f} points): {plan}."]
    lines += ["", *(f"- {reason.text} [{', '.join(reason.sources)}]" for reason in advice.reasons)]
    lines += [f"! {caveat.text} [{', '.join(caveat.sources)}]" for caveat in advice.caveats]
    return "\n".join(line.replace(" []", "") for line in lines)
