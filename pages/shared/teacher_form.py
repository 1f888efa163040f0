"""The form of one model that is asked: the plan's table of it, with its price, limits and mode.

The same form serves the teacher, the augmenter and further teachers. A key is never in the table: it names an
environment variable, or says that the key was typed, which then stands beside the plan in memory.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from engine.plan import SANDBOX, TeacherPlan
from engine.prices import quote
from engine.settings import key_from_environment
from pages.shared import uploads, words
from pages.shared.pilot_parts import KEEP, Asked

SANDBOX_TEACHER = "Sandbox"
ENDPOINT = "An endpoint (OpenAI, vLLM, Ollama, llama.cpp)"
LOCAL = "A model on this machine"
REPLAY = "Recorded replies"
NO_KEY, KEY_ENV, KEY_TYPED = "None needed", "Environment variable", "Typed here"
SAME, OTHER = "The teacher too", "Another model"
DEFAULTS = TeacherPlan()
ONE_BY_ONE = "Dry runs and the check before a pilot are asked one by one, at the usual price."


def teacher(asked: Asked, own: bool) -> None:
    """The plan's teacher, and who writes the questions; `own`: the examples are the user's."""
    asked.raw["teacher"] = section(asked, "pilot", own=own, main=True)
    batch = bool(asked.raw["teacher"].get("batch"))
    who = st.radio(
        "Who writes the questions",
        [SAME, OTHER],
        key="pilot_augmenter",
        horizontal=True,
        disabled=batch,
        help="For rephrasings and new questions. Published: rephrasing bears a weaker writer well, new questions do "
        "not. The answers are the teacher's either way.",
        **KEEP,
    )
    if batch:
        st.caption("Batches take one model only: the teacher writes the questions too.")
    elif who == OTHER:
        with st.container(border=True):
            asked.raw["augmenter"] = section(asked, "augmenter", label="Which model writes them", own=own)


def section(
    asked: Asked, prefix: str, *, label: str = "Who answers", own: bool = False, main: bool = False, name: str = ""
) -> dict[str, Any]:
    """Asks for a model; its table of the plan. `prefix` parts its inputs from those of other models, `name` is what
    messages call it, and `main` is the plan's own teacher."""
    kinds = [SANDBOX_TEACHER, ENDPOINT, LOCAL, REPLAY]
    kind = st.radio(label, kinds, key=f"{prefix}_teacher", horizontal=True, **KEEP)
    if kind == SANDBOX_TEACHER:
        st.caption("Free, no key. Answers the sandbox's problems, and is wrong now and then on purpose.")
        if own and main:
            asked.notes.append("The sandbox's teacher knows the sandbox's problems only; it will not answer yours.")
        return {"kind": SANDBOX}
    if kind == REPLAY:
        found = _replay(asked, prefix)
    elif kind == LOCAL:
        model = st.text_input(
            "Folder or hub id of the model",
            key=f"{prefix}_local",
            placeholder="Qwen/Qwen2.5-7B-Instruct or /models/teacher",
            help="Runs in the worker's own process. Costs no query money; a served model (vLLM) is much faster.",
            **KEEP,
        )
        found = {"kind": "transformers_local", "model": model.strip() or None}
    else:
        found = _endpoint(asked, prefix, main=main)
    with st.expander("Pace and limits", icon=":material/speed:", key=f"{prefix}_limits"):
        found |= _limits(prefix, main=main, endpoint=kind == ENDPOINT)
    return {setting: value for setting, value in found.items() if value is not None}


def _replay(asked: Asked, prefix: str) -> dict[str, Any]:
    file = uploads.ask(
        "Recorded replies (JSONL)",
        ["jsonl"],
        f"{prefix}_replies",
        "A row holds `question` and `reply`. Several rows with one question are its draws, in order.",
    )
    if file is None:
        asked.wait_for("Upload a file with recorded replies (JSONL), or choose another teacher.")
        return {"kind": "replay"}
    return {"kind": "replay", "replies": str(file)}


def _endpoint(asked: Asked, prefix: str, *, main: bool) -> dict[str, Any]:
    url, model = st.columns(2)
    found: dict[str, Any] = {
        "kind": "openai_compatible",
        "base_url": url.text_input(
            "Base URL", key=f"{prefix}_url", placeholder="https://api.openai.com/v1", **KEEP
        ).strip(),
        "model": model.text_input("Model", key=f"{prefix}_model", placeholder="gpt-4o-mini", **KEEP).strip(),
    }
    ways = [KEY_ENV, KEY_TYPED, NO_KEY] if main else [KEY_ENV, NO_KEY]
    how = st.radio("Key", ways, key=f"{prefix}_key_from", horizontal=True, **KEEP)
    if how == KEY_ENV:
        variable = st.text_input("Name of the variable", "OPENAI_API_KEY", key=f"{prefix}_key_env", **KEEP).strip()
        found["key_env"] = variable or None
        if variable and key_from_environment(variable) is None:
            asked.notes.append(f"{variable} is not set where this dashboard runs: the run would wait for its key.")
    elif how == KEY_TYPED:
        found["key_typed"] = True
        asked.key = password(f"{prefix}_key")
        if not asked.key:
            asked.wait_for("Key: is empty; type it, or name an environment variable.", complete=True)
    if main:
        found["batch"] = st.checkbox(
            "Ask in batches (OpenAI's Batch API)",
            key=f"{prefix}_batch",
            help="A file of requests is answered within 24 hours, at OpenAI for half the price. Rephrasings and new "
            f"questions take two rounds: their answers are asked once the questions are there. {ONE_BY_ONE}",
            **KEEP,
        )
    return found | _price(prefix, found)


def _price(prefix: str, model: dict[str, Any]) -> dict[str, Any]:
    """The user's own price; the listed one stands in the empty fields and below them."""
    batch = bool(model.get("batch"))
    listed = quote(model["base_url"], model["model"], batch=batch)
    read, written = st.columns(2)

    def ask(column: Any, label: str, key: str, usd: float | None) -> float | None:
        typed: float | None = column.number_input(
            label,
            min_value=0.0,
            value=None,
            step=0.1,
            format="%.3f",
            key=f"{prefix}_{key}",
            placeholder="unknown" if usd is None else f"{usd:g} listed",
            **KEEP,
        )
        return typed

    own = {
        "usd_per_million_input": ask(read, "Price of a million tokens read, $", "usd_in", listed.input_usd),
        "usd_per_million_output": ask(written, "Price of a million tokens written, $", "usd_out", listed.output_usd),
    }
    usual = quote(model["base_url"], model["model"]) if batch else None
    st.caption(words.plain(_about(listed, usual)))
    return own


def _about(listed: Any, usual: Any) -> str:
    if not listed.known:
        what = "in batches " if usual is not None else ""
        return f"No price {what}is listed for this model there: type it, or the ceiling holds in queries only."
    said = (
        f"Listed: ${listed.input_usd:g} read, ${listed.output_usd:g} written a million tokens "
        f"({listed.source.split(';')[0]}). A price of yours goes first."
    )
    if usual is not None and usual.known:
        said += f" One by one: ${usual.input_usd:g} and ${usual.output_usd:g}."
    return said


def _limits(prefix: str, *, main: bool, endpoint: bool) -> dict[str, Any]:
    """How fast it is asked, and when a request is given up; what stays empty keeps its default."""

    def number(column: Any, label: str, default: str, key: str, least: float, **options: Any) -> Any:
        return column.number_input(
            label, min_value=least, value=None, key=f"{prefix}_{key}", placeholder=default, **options, **KEEP
        )

    asked: list[tuple[str, str, str, str, float, dict[str, Any]]] = [
        ("concurrency", "Requests at once", f"{DEFAULTS.concurrency}", "concurrency", 1, {"max_value": 256})
    ]
    if endpoint:
        whole = {"format": "%.0f"}
        asked += [
            ("timeout_s", "Give a request up after, seconds", f"{DEFAULTS.timeout_s:g}", "timeout", 1.0, {}),
            ("requests_per_minute", "Requests a minute", "no limit", "rpm", 1.0, whole),
            ("tokens_per_minute", "Tokens a minute", "no limit", "tpm", 1.0, whole),
        ]
    if main:
        longest = "Longest answer of the teacher, tokens"
        asked.append(("max_answer_tokens", longest, "as the task says", "max_answer_tokens", 1, {}))
    found: dict[str, Any] = {}
    for place, (setting, label, default, key, least, options) in enumerate(asked):
        if place % 2 == 0:  # row by row, so that a narrow screen keeps the order
            columns = st.columns(2)
        found[setting] = number(columns[place % 2], label, default, key, least, **options)
    if st.checkbox(
        "Keep its reasoning in the examples",
        key=f"{prefix}_reasoning",
        help="Of models that think aloud before they answer. Otherwise the student learns from the answer alone.",
        **KEEP,
    ):
        found["keep_reasoning"] = True
    return found


def password(key: str) -> str:
    """Asks for a key: on this page and in the worker's memory, nowhere else."""
    return st.text_input(
        "Key",
        type="password",
        key=key,
        autocomplete="off",
        help="Goes to the worker's memory only: no file, link or log holds it. After a restart it is asked again.",
    )
