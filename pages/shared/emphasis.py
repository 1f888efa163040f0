"""The one button of a page that leads on."""

from __future__ import annotations

from typing import Literal

import streamlit as st


def first() -> Literal["primary", "secondary"]:
    """The type of that button. Streamlit writes white on the theme's accent, and the accent itself as text: on the dark
    theme one colour cannot be read both ways (white on it has a contrast of 2.9 to 1), and it is a plain button."""
    return "secondary" if st.context.theme.type == "dark" else "primary"
