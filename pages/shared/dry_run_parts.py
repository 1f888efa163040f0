"""What a dry run wrote: two examples of each strategy beside the seed that each came from."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from engine.records import Run
from engine.store import Store
from engine.written import written_in
from pages.shared import data_parts, shown, words


def written(run: Run, store: Store) -> None:
    """A table of what the teacher wrote, as text; nothing where nothing is kept."""
    found = written_in(store.folder(run.id))
    if not found:
        return
    st.markdown("**What the teacher wrote**, before anything is compared with anything:")
    table = pd.DataFrame(
        [
            {
                "Strategy": words.row(row["strategy"]),
                "From the seed": row["seed"],
                "Question": row["question"],
                "Answer": row["answer"],
                "Example": "yes" if row["rejected"] is None else f"no: {data_parts.became(row['rejected']).lower()}",
            }
            for row in found
        ]
    )
    shown.table(table, key="dry_written", alt="What the dry run wrote", name=f"{run.id}-written")
