"""The form of the user's unlabelled inputs, which real questions are taken from: the file, its columns, its labels."""

from __future__ import annotations

import streamlit as st

from engine.plan import SANDBOX
from pages.shared import columns_form, uploads
from pages.shared.pilot_examples import FILES, FORMATS
from pages.shared.pilot_parts import KEEP, Asked


def section(asked: Asked, prefix: str) -> None:
    """Asks for them; `prefix` begins the keys of the inputs. The examples and their task are asked for before."""
    if asked.raw["seeds"].get("path") == SANDBOX:
        asked.raw["unlabelled"] = {"path": SANDBOX}
        st.caption("Real questions: the sandbox brings its own inputs without answers.")
        return
    file = uploads.ask(
        f"Your own questions without answers ({FORMATS})",
        FILES,
        f"{prefix}_inputs",
        "For real questions. Each is answered once; test items and seeds among them are left out and counted.",
    )
    if file is None:
        asked.wait_for("Real questions: upload your questions without answers, or leave the strategy out.")
        return
    columns = columns_form.ask(file, asked.raw.get("task"), f"{prefix}_inputs", answered=False)
    asked.raw["unlabelled"] = {"path": str(file), **({"map": columns} if columns else {})}
    task = columns_form.task_of(asked.raw.get("task"))
    if task is not None and task.label_of is not None:
        asked.raw["unlabelled"]["keep_label_shares"] = st.checkbox(
            "Keep the shares of labels that the seeds have",
            key=f"{prefix}_label_shares",
            help="What would lift a label above its share among your seeds is left out and counted.",
            **KEEP,
        )
