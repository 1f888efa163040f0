"""The words of SeedPilot and of its field, in plain language: what the glossary shows."""

from __future__ import annotations

import re
from dataclasses import dataclass

ASK, TRAIN, PILOT, ADVICE, LAW, SEARCH = (
    "Data and who makes it",
    "Students and training",
    "Pilots and money",
    "Reading the advice",
    "The law",
    "Search",
)
"""Groups, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Term:
    """One word and what it means."""

    name: str
    group: str
    meaning: str
    also: tuple[str, ...] = ()
    """Other words for it that people search for."""
    see: tuple[str, ...] = ()
    """Names of other terms."""

    @property
    def anchor(self) -> str:
        """The end of a link to it."""
        return anchor(self.name)

    def holds(self, search: str) -> bool:
        """Whether every word of the search stands somewhere in it."""
        text = " ".join((self.name, self.meaning, *self.also)).lower()
        return all(word in text for word in search.lower().split())


TERMS: tuple[Term, ...] = (
    Term("Seed", ASK, "One of your labelled examples: a question and its right answer. Every strategy starts from "
         "them.", ("labelled example", "human data"), ("Reach", "Strategy")),
    Term("Unlabelled input", ASK, "A real question of yours without an answer. The teacher can answer it.",
         ("unlabelled",), ("Real question",)),
    Term("Synthetic data", ASK, "Training examples that a model wrote instead of a person.",
         ("augmentation", "generated"), ("Strategy",)),
    Term("Strategy", ASK, "A way of asking the teacher for training examples: answers, rephrasings, new questions, "
         "or answers to real questions.", ("data augmentation",),
         ("Answer augmentation", "Question rephrase", "New question", "Real question")),
    Term("Answer augmentation", ASK, "Another worked answer to one of your questions. One query an example. Shown "
         "as *Answers*.", ("answers", "AA", "rejection sampling"), ("Reach",)),
    Term("Question rephrase", ASK, "One of your questions in other words with the same answer, then an answer to "
         "it. Two queries an example. Shown as *Rephrasings*.", ("rephrasing", "paraphrase", "QR")),
    Term("New question", ASK, "A different question inspired by one of yours, then its answer. Two queries an "
         "example, three where another call checks that it can be answered.", ("NQ", "self-instruct"),
         ("Verification",)),
    Term("Real question", ASK, "An answer to one of your own unlabelled inputs. One query an example, until the "
         "inputs end.", ("RQ", "distillation"), ("Unlabelled input",)),
    Term("Teacher", ASK, "The large model that you pay for answers.", ("LLM", "oracle"), ("Student", "Query")),
    Term("Augmenter", ASK, "The model that writes questions: often the teacher itself, sometimes a cheaper one. A "
         "weak augmenter's new questions are worth less; its rephrasings hold up.", ("question writer",)),
    Term("Pool", ASK, "Everything that one strategy generated from one set of seeds, in order. A smaller budget is "
         "its beginning, so a pilot pays for its largest budget only."),
    Term("Curation", ASK, "Keeping or rejecting each generated example, counted by reason.",
         ("filtering", "rejected", "kept"), ("Price per kept example",)),
    Term("Verification", ASK, "Another query that checks a generated example before it is kept.", ("check",)),
    Term("Rationale", ASK, "The reasoning that leads to an answer. Where it is trained too, two answers to the same "
         "question can differ and teach something.", ("chain of thought", "reasoning")),
    Term("Variant", ASK, "A change to a strategy: shares of several teachers, a check, a share of human examples."),
    Term("Student", TRAIN, "The small model that you train and will run.", ("target model", "base model"),
         ("Teacher",)),
    Term("Fine-tuning", TRAIN, "Training a finished model further, on your own examples.", ("SFT",), ("LoRA",)),
    Term("LoRA", TRAIN, "Fine-tuning that leaves the student as it is and trains a small set of added weights, the "
         "adapter.", ("low-rank adaptation", "PEFT"), ("Adapter",)),
    Term("Adapter", TRAIN, "The added weights that LoRA trains: a small file beside the student.", (), ("LoRA",)),
    Term("Pack", TRAIN, "Several adapters trained together on one student in memory, which saves most of the time."),
    Term("Seeds only", TRAIN, "The student trained on your labelled examples alone: what generated data has to beat.",
         ("baseline", "anchor"), ("Untuned student",)),
    Term("Untuned student", TRAIN, "The student before any training, asked the same test items.", ("zero-shot",)),
    Term("Test item", TRAIN, "A labelled example that is kept out of training and only used to count what is right. "
         "All strategies answer the same ones.", ("held-out", "test set"), ("Detectable effect",)),
    Term("Scorer", TRAIN, "The rule that says whether a reply is right: equal text, a number, JSON fields, tests "
         "that pass, a judge.", ("metric",), ("Not scored", "Judge")),
    Term("Judge", TRAIN, "A model that scores free text by your rubric. It costs queries too, and its agreement "
         "with your own labels is measured.", ("LLM as a judge",)),
    Term("Not scored", TRAIN, "A reply that could not be judged right or wrong. It enters no mean and is always "
         "counted.", ("unparsed",)),
    Term("Query", PILOT, "One paid call of the teacher.", ("call", "request"), ("Budget",)),
    Term("Budget", PILOT, "How many queries you can pay, or the money that buys them.", ("money",), ("Budget ratio",)),
    Term("Budget ratio", PILOT, "Teacher queries divided by seeds. It decides more than either number alone.",
         ("BR", "queries per seed"), ("Crossover",)),
    Term("Ceiling", PILOT, "The most that a run may spend, typed by you. Every query is reserved under it before it "
         "is sent, so it holds.", ("limit",), ("Ledger",)),
    Term("Ledger", PILOT, "The list of every query ever paid for, with its reply. Nothing in it is bought twice."),
    Term("Price per kept example", PILOT, "What an example costs when the rejected ones are paid for too.", (),
         ("Curation",)),
    Term("Pilot", PILOT, "A small paid experiment: each strategy at a few budgets, each with its own adapter, to "
         "see which works on your task.", (), ("Cell", "Full run")),
    Term("Cell", PILOT, "One trained and scored adapter of a pilot: a strategy, a number of seeds, a budget, a "
         "repetition.", (), ("Pilot",)),
    Term("Replicate", PILOT, "The same cell again with another training seed, to see how much is chance.",
         ("seed noise",)),
    Term("Probe", PILOT, "A small try-out before a pilot: one query a strategy, a dry run, one training step.",
         ("smoke test",)),
    Term("Full run", PILOT, "The whole data set by the advised plan, and the student trained on it.", (),
         ("Spending plan",)),
    Term("Measurement", PILOT, "How many of the scored test items a cell got right."),
    Term("Sandbox", PILOT, "Made-up tasks with a small teacher and student that ship with SeedPilot: practice "
         "without a key or a GPU. Its results say nothing about a real task and are always named so."),
    Term("Atlas", PILOT, "Every strategy measured at many budgets and numbers of seeds, on the sandbox's toy student "
         "in five worlds. It shows how the trade-off looks and is no evidence for a real student.", (), ("Sandbox",)),
    Term("Situation", ADVICE, "What you have: kind of answer, seeds, budget, teacher, student."),
    Term("Prior advice", ADVICE, "Advice without a point of your own: from published studies, none of which measured "
         "your task, student or teacher, or from the sandbox's atlas, if you ask for it.", (),
         ("Measured advice", "Confidence")),
    Term("Measured advice", ADVICE, "Advice that your own points moved. Where they leave the law, the curve follows "
         "them.", ("posterior",)),
    Term("Confidence", ADVICE, "Low, medium or high: how far the choice of the strategy can be relied on."),
    Term("80 % interval", ADVICE, "Four times in five the truth should lie inside, as far as the evidence goes.",
         ("credible interval", "confidence interval", "uncertainty")),
    Term("Likely best", ADVICE, "The chance that no other strategy does better in the situation shown.", ("P(best)",)),
    Term("Point", ADVICE, "A percentage point of accuracy: from 70 % to 75 % is 5 points. Also a measured or "
         "published accuracy in a chart."),
    Term("Too close to call", ADVICE, "The best strategies differ by less than your test items can show, or by less "
         "than half a point. The cheapest is named instead.", ("tie",), ("Detectable effect",)),
    Term("Detectable effect", ADVICE, "The smallest difference that your test items can tell from chance. More "
         "items see less.", ("power", "minimum detectable")),
    Term("Crossover", ADVICE, "The budget ratio from which one strategy overtakes another.", ("crossing", "overtake"),
         ("Budget ratio",)),
    Term("Spending plan", ADVICE, "How many queries go to which strategy, in order. A hypothesis until a mixed set "
         "was measured.", ("mixed",)),
    Term("Assumed", ADVICE, "Not supported by any published or measured point: an assumption, drawn hatched.", (),
         ("Prior advice",)),
    Term("Evidence", ADVICE, "The published figures behind the advice, each with its source."),
    Term("Calibration", ADVICE, "Making intervals as wide as they had to be on curves that were measured whole.",
         ("margins",), ("80 % interval",)),
    Term("Performance gap recovered", ADVICE, "How much of the way from the untuned student to a reference model "
         "was covered, in percent. Some studies give it in place of an accuracy.", ("PGR",)),
    Term("Quality", LAW, "What one example of a strategy teaches; one more answer to a seed counts as 1.", ("q",),
         ("Reach",)),
    Term("Reach", LAW, "How many times over a strategy can multiply your seeds before it only repeats itself. "
         "Answers run out first, new questions last.", ("R", "saturation", "diversity"), ("Quality",)),
    Term("Effective examples", LAW, "Your seeds and all generated examples, each counted by what it is worth.",
         ("N",), ("Quality", "Reach")),
    Term("Curve", LAW, "Accuracy against what is spent, for one strategy.", ("learning curve", "scaling law")),
    Term("Parameter of the law", LAW, "A number that the law is made of: a quality, a reach, the student's start "
         "and ceiling.", ("posterior", "median")),
    Term("Dense retrieval", SEARCH, "Search that compares meanings, as vectors, in place of words.", ("embedding",)),
    Term("Query encoder", SEARCH, "The model that turns a search query into a vector. SeedPilot trains it."),
    Term("Query expansion", SEARCH, "A search query with what a teacher adds to it, so that it finds more.",
         ("SoftQE",)),
    Term("SoftQE", SEARCH, "Training the query encoder to land where the expanded query would, so that searching "
         "needs no teacher.", ("distillation",), ("Query expansion",)),
)  # fmt: skip
"""Every term, by group, in the order of reading."""


def anchor(name: str) -> str:
    """The end of a link to a term of that name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def link(name: str) -> str:
    """A Markdown link to a term; KeyError for one that the glossary does not hold."""
    term = {term.name: term for term in TERMS}[name]
    return f"[{term.name}](glossary#{term.anchor})"


class FirstUse:
    """Links each term where a page says it first: call it on one text after another."""

    def __init__(self) -> None:
        self._left = set(_FORMS.values())

    def __call__(self, text: str) -> str:
        """The text with links to terms that were not met before; it may hold Markdown, but no link of its own."""

        def linked(match: re.Match[str]) -> str:
            name = _FORMS[match[0].lower()]
            if name not in self._left:
                return match[0]
            self._left.remove(name)
            return f"[{match[0]}](glossary#{anchor(name)})"

        return _FORM.sub(linked, text)


_FORMS = {
    "80 % interval": "80 % interval", "80 % intervals": "80 % interval",
    "budget ratio": "Budget ratio", "queries per seed": "Budget ratio",
    "crossover": "Crossover", "overtake": "Crossover",
    "rephrasings": "Question rephrase", "new questions": "New question", "real questions": "Real question",
    "answers": "Answer augmentation",
    "augmenter": "Augmenter", "seeds": "Seed", "seed": "Seed",
    "reach": "Reach", "worth": "Quality", "assumed": "Assumed", "hypothesis": "Spending plan",
    "test items": "Test item", "pilot": "Pilot", "cell": "Cell", "cells": "Cell", "adapter": "Adapter",
    "likely best": "Likely best", "prior advice": "Prior advice", "verified": "Verification",
    "too close to call": "Too close to call", "rationale": "Rationale", "teacher": "Teacher", "student": "Student",
}  # fmt: skip
"""How a term may stand in a sentence, in small letters, and the term."""
_FORM = re.compile(
    r"(?<![\w\[])(" + "|".join(sorted(map(re.escape, _FORMS), key=len, reverse=True)) + r")(?![\w\]-])", re.IGNORECASE
)


def found(search: str) -> dict[str, list[Term]]:
    """Terms that hold the search, by group; those whose name begins with it first. Empty where none does."""
    start = search.strip().lower()
    hits = [term for term in TERMS if term.holds(search)]
    if start:
        hits.sort(key=lambda term: not term.name.lower().startswith(start))
    groups = dict.fromkeys(term.group for term in hits)
    return {group: [term for term in hits if term.group == group] for group in groups}
