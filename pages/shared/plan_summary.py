"""What was chosen so far, step by step: beside every step of a new pilot."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from engine.domain import Strategy
from engine.plan import HUB, SANDBOX
from pages.shared import columns_form, pilots, run_words, words
from pages.shared.pilot_parts import Asked
from pages.shared.wizard import DESIGN, SEEDS, START, STEPS, STUDENT, TASK, TEACHER

SAID = {
    "complete": (":material/check_circle:", ""),
    "waits": (":material/radio_button_unchecked:", ""),
    "missing": (":material/edit:", "to do"),
    "wrong": (":material/error:", "to put right"),
}


def section(asked: Asked, found: pilots.Outline | None, faults: dict[str, list[str]]) -> None:
    """A line a step: whether it is complete, and what was chosen in it."""
    lines = chosen(asked.raw, found)
    shown = []
    for step in STEPS:
        of = faults.get(step, [])
        if of:
            state = "missing" if all(problem in asked.missing for problem in of) else "wrong"
        else:
            state = "complete" if asked.complete or step not in (SEEDS, TASK) else "waits"
        icon, said = SAID[state]
        note = f" :gray[({said})]" if said else ""
        shown.append(f"{icon} **{step}**{note}  \n{words.plain(lines[step])}")
    st.markdown("\n\n".join(shown))


def chosen(raw: dict[str, Any], found: pilots.Outline | None) -> dict[str, str]:
    """In words, by step."""
    return {
        SEEDS: _seeds(raw, found),
        TASK: _task(raw),
        TEACHER: _teacher(raw),
        STUDENT: _student(raw),
        DESIGN: _design(raw),
        START: _ceiling(raw),
    }


def _seeds(raw: dict[str, Any], found: pilots.Outline | None) -> str:
    seeds = raw.get("seeds", {})
    if seeds.get("path") == SANDBOX:
        return f"The sandbox: {seeds['count']:,} seeds, {raw['test']['count']:,} test items"
    if not seeds.get("path"):
        return "No examples yet"
    name = seeds["path"].removeprefix(HUB) if seeds["path"].startswith(HUB) else Path(seeds["path"]).name
    return name if found is None else f"{name}: {found.seeds:,} seeds, {found.test_items:,} test items"


def _task(raw: dict[str, Any]) -> str:
    path = raw.get("seeds", {}).get("path")
    if not path:
        return "Chosen with the examples"
    task = columns_form.task_of("math" if path == SANDBOX else raw.get("task"))
    if task is None:
        return "Not complete"
    return "A number, after reasoning" if task.name == "math" else task.name


def _teacher(raw: dict[str, Any]) -> str:
    said = _model(raw["teacher"])
    if "augmenter" not in raw:
        return said
    writer = _model(raw["augmenter"])
    return f"{said}; questions by {writer.replace('The ', 'the ', 1) if writer.startswith('The ') else writer}"


def _model(model: dict[str, Any]) -> str:
    kind = model.get("kind")
    if kind == "replay":
        return "Recorded replies"
    if kind == "transformers_local":
        return model.get("model") or "A model on this machine, not named yet"
    if kind == SANDBOX:
        return "The sandbox"
    host = urlsplit(model.get("base_url") or "").netloc
    return f"{model.get('model') or 'Not named yet'}{' at ' if host else ''}{host}"


def _student(raw: dict[str, Any]) -> str:
    name = raw.get("student", SANDBOX)
    return "The sandbox" if name == SANDBOX else Path(name).name if name.startswith("/") else name


def _design(raw: dict[str, Any]) -> str:
    grid = raw.get("grid", {})
    strategies = [words.STRATEGIES[Strategy(name)] for name in grid.get("strategies", ())]
    if not strategies or not grid.get("budgets"):
        return "No strategy or no budget yet"
    budgets = " and ".join(f"{budget:,}" for budget in grid["budgets"])
    said = f"{', '.join(strategies)}; {budgets} queries"
    if grid.get("adaptive") and raw.get("target", {}).get("queries"):
        said += ", step by step"
    variants = len(raw.get("variants", ()))
    return said + (f"; {variants} variant{'s' if variants > 1 else ''}" if variants else "")


def _ceiling(raw: dict[str, Any]) -> str:
    ceiling = raw.get("ceiling", {})
    queries = "what is needed and a tenth" if not ceiling.get("queries") else f"{ceiling['queries']:,} queries"
    usd = ceiling.get("usd")
    return f"Ceiling: {queries}" + ("" if usd is None else f", {run_words.money(usd)}")
