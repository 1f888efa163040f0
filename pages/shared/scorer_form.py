"""How an answer is scored: one of the engine's scorers, with the options that it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from engine.tasks.judge import HIGHEST, LOWEST
from engine.tasks.records import COMPARISONS
from pages.shared.pilot_parts import KEEP

KINDS = {
    "exact": "The same text",
    "labels": "One of some labels",
    "json_fields": "JSON, field by field",
    "numeric": "A number",
    "regex": "What a pattern finds",
    "choice": "One of the row's choices",
    "sql": "The result of a database query",
    "tests": "Unit tests",
    "tool_call": "Tool calls",
    "judge": "A judge with your rubric",
    "python": "A Python function of yours",
}
"""The engine's scorers -> what users read."""
WHAT_IT_DOES = {
    "exact": "Right where the texts agree, case and white space aside; JSON objects agree as values.",
    "labels": "The label may stand alone, in a JSON object, or once in a sentence; a reply with two is wrong.",
    "json_fields": "Right where every required field matches; the share of matching fields stands beside it.",
    "numeric": "The final number: after the last ####, in the last \\boxed{}, after 'answer is', else the last one.",
    "regex": "The last match of the pattern, or its first group, is the answer.",
    "choice": "A label, or a choice's own text; the choices are put below the question.",
    "sql": "Run on the row's SQLite database, read-only; right where it gives the gold's rows.",
    "tests": "Run confined, without network or files; right where every test of the row passes.",
    "tool_call": "The same tools in the same order with matching arguments.",
    "judge": f"A model scores each reply from {LOWEST} to {HIGHEST}; each verdict is a paid query.",
    "python": "Run confined, without network or files. None means: not scored.",
}
EXAMPLE = '''def score(input, answer, reply):
    """1.0 right, 0.0 wrong, None not scored; or either of them with a reason, as a pair."""
    same = reply.strip() == answer.strip()
    return (1.0 if same else 0.0), "" if same else "another text"
'''
FIELD, COMPARED, TOLERANCE, REQUIRED = "Field", "Compared as", "Tolerance", "Required"


def ask(given: Any, tag: str) -> tuple[dict[str, Any], str | None]:
    """The `[scorer]` table of a task file, and the source of a Python scorer; `given` is what the form begins with."""
    given = given if isinstance(given, dict) else {}
    kinds = list(KINDS)
    kind = st.selectbox(
        "How an answer is compared",
        kinds,
        index=kinds.index(given["kind"]) if given.get("kind") in kinds else 0,
        format_func=KINDS.__getitem__,
        key=f"scorer_kind_{tag}",
        **KEEP,
    )
    st.caption(WHAT_IT_DOES[kind].replace("\\", "\\\\"))
    known = given if given.get("kind") == kind else {}
    if kind == "python":
        options, source = _python(known, tag)
        return {"kind": kind} | options, source
    draw = _OPTIONS.get(kind)
    return {"kind": kind} | ({} if draw is None else draw(known, f"{tag}_{kind}")), None


def _labels(given: Mapping[str, Any], tag: str) -> dict[str, Any]:
    labels = given.get("labels", [])
    typed = st.text_area(
        "Labels, one a line",
        "\n".join(map(str, labels)) if isinstance(labels, list) else "",
        key=f"scorer_labels_{tag}",
        **KEEP,
    )
    return {"labels": [line.strip() for line in typed.splitlines() if line.strip()]}


def _numeric(given: Mapping[str, Any], tag: str) -> dict[str, Any]:
    left, right = st.columns(2)
    found = {
        "tolerance": _number(left, "Largest difference", given, "tolerance", 1e-9, 0.0, tag),
        "relative": _number(right, "Largest relative difference", given, "relative", 1e-6, 0.0, tag),
    }
    symbolic = st.checkbox(
        "Compare expressions as mathematics",
        given.get("symbolic") is True,
        key=f"scorer_symbolic_{tag}",
        help="With math-verify: 1/2 and 0.5, x + 1 and 1 + x.",
        **KEEP,
    )
    return _without_none(found) | ({"symbolic": True} if symbolic else {})


def _regex(given: Mapping[str, Any], tag: str) -> dict[str, Any]:
    pattern = st.text_input(
        "Pattern",
        str(given.get("pattern", "")),
        key=f"scorer_pattern_{tag}",
        placeholder=r"code:\s*([A-Z]\d\d)",
        help="A regular expression. The right answer may be written plainly.",
        **KEEP,
    )
    return {"pattern": pattern}


def _sql(given: Mapping[str, Any], tag: str) -> dict[str, Any]:
    folder = st.text_input(
        "Folder of the databases",
        str(given.get("databases", "")),
        key=f"scorer_databases_{tag}",
        placeholder="/data/spider/database",
        help="On the machine that runs this dashboard: NAME.sqlite or NAME/NAME.sqlite for each database of the rows.",
        **KEEP,
    ).strip()
    return {"databases": folder} if folder else {}


def _limits(given: Mapping[str, Any], tag: str) -> dict[str, Any]:
    left, right = st.columns(2)
    return _without_none(
        {
            "cpu_s": _number(left, "Processor time of a reply, seconds", given, "cpu_s", 5, 1.0, tag),
            "memory_mb": _number(right, "Memory of a reply, MB", given, "memory_mb", 1024, 128.0, tag),
        }
    )


def _judge(given: Mapping[str, Any], tag: str) -> dict[str, Any]:
    rubric = st.text_area(
        "Rubric",
        str(given.get("rubric", "")).strip(),
        key=f"scorer_rubric_{tag}",
        help="What a right reply does. The judge reads it before every reply.",
        **KEEP,
    ).strip()
    start = given.get("right_at", 4)
    right_at = st.slider(
        "Right from this score on",
        LOWEST + 1,
        HIGHEST,
        int(start) if isinstance(start, int | float) and LOWEST < start <= HIGHEST else 4,
        key=f"scorer_right_at_{tag}",
        **KEEP,
    )
    return {"rubric": rubric, "right_at": right_at}


def _python(given: Mapping[str, Any], tag: str) -> tuple[dict[str, Any], str]:
    source = st.text_area(
        "score.py", EXAMPLE, key=f"scorer_python_{tag}", height=180, help="Defines score(input, answer, reply).", **KEEP
    )
    right_at = _number(st, "Right from this value on", given, "right_at", 1.0, 0.0, tag)
    return {"file": "score.py"} | _without_none({"right_at": right_at}) | _limits(given, tag), source


def _fields(given: Mapping[str, Any], tag: str) -> dict[str, Any]:
    """A table of fields. What was typed is kept by hand: a table forgets it on a visit to another page."""
    widget, kept, begun = (f"scorer_fields{part}_{tag}" for part in ("", "_kept", "_begun"))
    if widget not in st.session_state or begun not in st.session_state:
        st.session_state[begun] = st.session_state.get(kept) or _rows(given.get("fields"))
    rows = st.data_editor(
        st.session_state[begun],
        key=widget,
        num_rows="dynamic",
        hide_index=True,
        column_config={
            FIELD: st.column_config.TextColumn(help="`address.city` looks into an object.", width="small"),
            COMPARED: st.column_config.SelectboxColumn(options=list(COMPARISONS), default="exact", required=True),
            TOLERANCE: st.column_config.NumberColumn(help="Of numbers: the largest difference.", default=0.0),
            REQUIRED: st.column_config.CheckboxColumn(help="Decides between right and wrong.", default=True),
        },
        alt="Fields and how each is compared",
    )
    st.session_state[kept] = [dict(row) for row in rows]
    fields: dict[str, Any] = {}
    for row in rows:
        name = str(row.get(FIELD) or "").strip()
        if not name:
            continue
        tolerance, required = row.get(TOLERANCE) or 0.0, row.get(REQUIRED) is not False
        told = {"compare": row.get(COMPARED) or "exact"}
        more = ({"tolerance": tolerance} if tolerance else {}) | ({} if required else {"required": False})
        fields[name] = told | more if more else told["compare"]
    return {"fields": fields} if fields else {}


def _rows(fields: Any) -> list[dict[str, Any]]:
    found = []
    for name, value in (fields if isinstance(fields, dict) else {}).items():
        told = value if isinstance(value, dict) else {"compare": value}
        found.append(
            {
                FIELD: str(name),
                COMPARED: told.get("compare", "exact"),
                TOLERANCE: float(told.get("tolerance") or 0.0),
                REQUIRED: told.get("required") is not False,
            }
        )
    return found or [{FIELD: "", COMPARED: "exact", TOLERANCE: 0.0, REQUIRED: True}]


def _number(
    column: Any, label: str, given: Mapping[str, Any], name: str, default: float, least: float, tag: str
) -> float | None:
    """A number that may be left out, and then is the engine's own."""
    start = given.get(name)
    typed = isinstance(start, int | float) and not isinstance(start, bool) and start >= least
    found: float | None = column.number_input(
        label,
        min_value=least,
        value=float(start) if typed else None,  # type: ignore[arg-type]
        format="%g",
        key=f"scorer_{name}_{tag}",
        placeholder=f"{default:g}",
        **KEEP,
    )
    return found


def _without_none(found: Mapping[str, float | None]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None}


_OPTIONS: dict[str, Callable[[Mapping[str, Any], str], dict[str, Any]]] = {
    "labels": _labels,
    "json_fields": _fields,
    "numeric": _numeric,
    "regex": _regex,
    "sql": _sql,
    "tests": _limits,
    "tool_call": _fields,
    "judge": _judge,
}
