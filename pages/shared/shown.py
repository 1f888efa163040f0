"""Figures and tables as pages show them: takeaway, figure, its values in a table, and a CSV file of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from pages.shared import chart_style


def chart(figure: chart_style.Figure, takeaway: str, *, key: str, detail: str = "", note: str = "") -> None:
    """The takeaway as title, the figure, and a note below it; `values` follows.

    A screen reader gets the takeaway, the detail, and where the values are.
    """
    st.subheader(takeaway, anchor=False)
    said = [takeaway, detail.rstrip("."), "Every value stands in the table below the chart"]
    st.plotly_chart(
        figure,
        key=key,
        config=chart_style.config(f"seedpilot-{key}"),
        alt=". ".join(part for part in said if part) + ".",
    )
    if note:
        st.caption(note)


def values(frame: Callable[[], pd.DataFrame], *, key: str, alt: str, **options: Any) -> None:
    """The values of the figure of that key, made and sent only while the reader has opened them."""
    under = st.expander(
        "Values of this chart, as a table", icon=":material/table_rows:", key=f"{key}_values", on_change="rerun"
    )
    if under.open:
        with under:
            table(frame(), key=f"{key}_table", alt=alt, name=f"seedpilot-{key}", **options)


def table(frame: pd.DataFrame, *, key: str, alt: str, name: str, **options: Any) -> None:
    """A table and its download as `name`.csv; the file is written when it is asked for."""
    bare(frame, key=key, alt=alt, **options)
    download(frame, key=key, name=name)


def bare(
    frame: pd.DataFrame, *, key: str, alt: str, column_config: dict[str, Any] | None = None, **options: Any
) -> None:
    """A table: whole numbers as sentences write them (1,600), and what is unknown left empty."""
    st.dataframe(
        frame,
        hide_index=True,
        key=key,
        alt=alt,
        column_config=_counts(frame) | (column_config or {}),
        **{"placeholder": ""} | options,
    )


def _counts(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        name: st.column_config.NumberColumn(format="localized")
        for name, values in frame.items()
        if pd.api.types.is_integer_dtype(values.dtype)
    }


def download(frame: pd.DataFrame, *, key: str, name: str) -> None:
    """The download of a table that stands above it."""
    st.download_button(
        "Download this table (CSV)",
        lambda: frame.to_csv(index=False),
        f"{name}.csv",
        "text/csv",
        key=f"{key}_csv",
        icon=":material/download:",
        on_click="ignore",
    )
