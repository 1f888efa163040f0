"""What every page about one run begins with, and the folder of its data to take away."""

from __future__ import annotations

import streamlit as st

from engine.plan import PilotPlan
from engine.records import Run
from engine.run_export import export, exportable
from engine.runs import plan_of
from engine.store import Store
from pages.shared import run_words, words


def of_address(store: Store) -> tuple[Run, PilotPlan]:
    """The run that the address names and its plan; where it names none, the page says so and ends."""
    run_id = st.query_params.get("run")
    if not run_id:
        st.info("No run is chosen. The list of runs leads to each of them.", icon=":material/info:")
        st.page_link("pages/pilot/runs.py", label="All runs", icon=":material/list_alt:")
        st.stop()
    run = store.run(run_id)
    return run, plan_of(run)


def head(run: Run, plan: PilotPlan) -> None:
    """Its name, its state, and what in it is practice."""
    st.subheader(words.plain(run.name), anchor=False)
    st.markdown(f"{run_words.badges(run, plan)} :gray[:small[{run.id}]]")


def folder(run: Run, store: Store, *, key: str, help: str) -> None:
    """The download of the run's data set folder, which is made when it is asked for; nothing where there is none."""
    if exportable(store, run.id):
        st.download_button(
            "Download the data set folder (ZIP)",
            lambda: export(store, run.id).read_bytes(),
            f"{run.id}-data.zip",
            "application/zip",
            key=key,
            icon=":material/folder_zip:",
            on_click="ignore",
            help=help,
        )
