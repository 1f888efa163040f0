"""Rows that do not fit: the first in a sentence, how many there are, and three ways on: fix, remap, drop.

What is decided is kept by the file's content, can be taken back, and takes effect in a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd
import streamlit as st

from engine.labelled import Corrections, Labelled, corrected, fixed_by
from engine.row_files import unit
from pages.shared import uploads, words

AT_ONCE = 5
"""Rows that are offered for mending at once."""


def corrections(key: str, of: str) -> Corrections:
    """What was decided about the wrong rows of that file."""
    found: Corrections = st.session_state.get(f"{key}_corrections_{of}", Corrections())
    return found


def whole(file: Path | None, said: str) -> None:
    """What is wrong with a file as a whole, in the place of the advice's sentence; None where it was not even kept."""
    name = "the file" if file is None else words.plain(file.name)
    st.error(f"{said}\n\nNothing of {name} counts until then.", icon=":material/error:")


def section(held: Labelled, key: str, of: str, remap: Callable[[], None] | None = None) -> None:
    """Draws it; nothing where every row fits and nothing was decided. `remap` opens the choice of columns, None where
    it stands open above."""
    known = corrections(key, of)

    def decide(found: Corrections) -> None:
        st.session_state[f"{key}_corrections_{of}"] = found

    if held.wrong:
        _wrong(held, key, of, known, decide, remap)
    if known.fixed or known.dropped:
        _decided(held, key, known, decide)


def _wrong(
    held: Labelled,
    key: str,
    of: str,
    known: Corrections,
    decide: Callable[[Corrections], None],
    remap: Callable[[], None] | None,
) -> None:
    count, rows = len(held.wrong), f"{held.rows:,}"
    with st.container(border=True, key=f"{key}_wrong"):
        st.header(
            words.plain(f"{_sentence(held.first_wrong)} {count:,} of {rows} rows. Fix, remap, or drop {count:,}."),
            anchor=False,
        )
        left = f"The other {len(held.items):,} count meanwhile." if held.items else "No row is left that counts."
        st.markdown(f":red-badge[:material/error: {words.plain(held.name)}] {left}")
        with st.container(horizontal=True):
            fixing = st.toggle(
                "Fix", key=f"{key}_fix_{of}", help="Write the right answers here; your own file stays as it is."
            )
            if remap is not None:
                st.button(
                    "Remap",
                    key=f"{key}_remap",
                    icon=":material/view_column:",
                    on_click=remap,
                    help="Another column holds the question or the answer.",
                )
            st.button(
                f"Drop {count:,}",
                key=f"{key}_drop",
                icon=":material/delete_sweep:",
                on_click=decide,
                args=(Corrections(known.fixed, dropped=True),),
                help="Leave these rows out; it can be taken back.",
            )
        if remap is None:
            st.caption("Remap: choose other columns above.")
        if fixing:
            _fix(held, key, of, known, decide)
        if count > 1:
            with st.expander(f"All {count:,} of them", key=f"{key}_problems"):
                place = unit(held.name).capitalize()
                frame = pd.DataFrame(
                    {
                        place: [row.number for row in held.wrong],
                        "What is wrong": [row.said.replace("`", "") for row in held.wrong],
                        "Question": [row.question for row in held.wrong],
                    }
                )
                st.dataframe(frame, hide_index=True, key=f"{key}_all", alt=f"Wrong rows of {held.name}")


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _fix(held: Labelled, key: str, of: str, known: Corrections, decide: Callable[[Corrections], None]) -> None:
    able = [row for row in held.wrong if row.fixable]
    place = unit(held.name)
    if not able:
        st.info(
            "None of these rows can be mended here: what is wrong is more than an answer. Mend the file and upload it "
            "again, or drop them.",
            icon=":material/info:",
        )
        return
    shown = able[:AT_ONCE]
    if len(shown) < len(held.wrong):
        st.caption(f"{len(able):,} of {len(held.wrong):,} can be mended here; the first {len(shown)}:")
    keys = {row.number: f"{key}_answer_{of}_{row.number}" for row in shown}

    def take() -> None:
        typed = {row.number: str(st.session_state[keys[row.number]]).strip() for row in shown}
        decide(fixed_by(known, {row.number: typed[row.number] for row in shown if typed[row.number] != row.answer}))

    with st.form(f"{key}_form_{of}", border=False):
        for row in shown:
            st.text_area(
                f"Right answer of {place} {row.number}",
                row.answer,
                key=keys[row.number],
                height=68,
                help=words.plain(row.said),
            )
            st.caption(words.plain(_short(row.question)))
        st.form_submit_button("Take these answers", key=f"{key}_take", icon=":material/check:", on_click=take)


def _short(text: str, most: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _decided(held: Labelled, key: str, known: Corrections, decide: Callable[[Corrections], None]) -> None:
    dropped = held.rows - len(held.items) - held.repeats - len(held.wrong)
    parts = [f"{dropped:,} of {held.rows:,} rows dropped"] if known.dropped else []
    parts += (
        [f"{len(known.fixed):,} {'answer' if len(known.fixed) == 1 else 'answers'} written anew"] if known.fixed else []
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/history: {'; '.join(parts)}. Your own file stays as it is.")
        st.button(
            "Take it back",
            key=f"{key}_undo",
            icon=":material/undo:",
            type="tertiary",
            on_click=decide,
            args=(Corrections(),),
        )


def mended(file: Path, columns: Mapping[str, str], key: str, of: str) -> Path:
    """The file as it is after what was decided: itself, or a copy of the rows that are right."""
    known = corrections(key, of)
    if known == Corrections():
        return file
    name = f"{file.name.removesuffix('.gz').rpartition('.')[0]}-mended.jsonl"
    made: tuple[Corrections, tuple[tuple[str, str], ...], Path] | None = st.session_state.get(f"{key}_mended_{of}")
    told = tuple(sorted(columns.items()))
    if made is not None and made[:2] == (known, told) and made[2].exists():
        return made[2]
    path = uploads.keep({name: corrected(file, columns, known)}) / name
    st.session_state[f"{key}_mended_{of}"] = (known, told, path)
    return path
