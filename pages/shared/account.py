"""Who uses the dashboard: whoever sits at the machine, or, where others reach it, whoever has logged in."""

from __future__ import annotations

import streamlit as st

from engine.settings import Settings
from pages.shared import words

HOW = "docs/exposed.md says how a server is set up."
REMEMBER = """<script>sessionStorage.setItem("seedpilot_came", location.pathname + location.search)</script>"""
RETURN = """<script>
(() => {
  const came = sessionStorage.getItem("seedpilot_came")
  sessionStorage.removeItem("seedpilot_came")
  const here = location.pathname + location.search
  if (came && came !== here && came.startsWith("/") && !came.startsWith("//")) location.replace(came)
})()
</script>"""
"""A login ends on the first page (Streamlit's own redirect). The link that one came by waits in the browser's tab, and
is gone to once; addresses here hold no key."""


def owner() -> str | None:
    """By what runs are told apart: the e-mail address of whoever is logged in; None at the machine itself."""
    return _who() if Settings().exposed else None


def gate() -> None:
    """Lets nobody further where others reach this server and nobody has logged in; says who is in otherwise."""
    settings = Settings()
    if not settings.exposed:
        return
    if "is_logged_in" not in st.user:
        st.title("SeedPilot")
        st.error(
            f"Other machines can reach this server, but nobody can log in yet: it has no identity provider. {HOW}",
            icon=":material/lock:",
        )
        st.stop()
    if not st.user.is_logged_in:
        st.title("SeedPilot")
        st.info("Log in to see your runs and to start new ones.", icon=":material/lock:")
        st.html(REMEMBER, unsafe_allow_javascript=True)
        st.button("Log in", key="account_login", type="primary", icon=":material/login:", on_click=st.login)
        st.stop()
    name = _who()
    if name is None or not settings.admits(name):
        st.title("SeedPilot")
        shown = words.plain(name or "This account without a confirmed e-mail address")
        st.error(f"{shown} may not use this server; ask whoever runs it to add you.", icon=":material/lock:")
        st.button("Log out", key="account_logout", icon=":material/logout:", on_click=st.logout)
        st.stop()
    with st.sidebar:
        if not st.session_state.get("account_returned"):
            st.session_state["account_returned"] = True
            st.html(RETURN, unsafe_allow_javascript=True)
        st.caption(f":material/person: {words.plain(name)}")
        st.button("Log out", key="account_logout", icon=":material/logout:", on_click=st.logout)


def _who() -> str | None:
    """The confirmed e-mail address, in small letters; None where the provider gives none."""
    address = st.user.get("email")
    if not address or st.user.get("email_verified", True) is False:
        return None
    return str(address).casefold()
