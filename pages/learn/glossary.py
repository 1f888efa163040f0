"""Glossary: every word of SeedPilot and of its field in a sentence or two, each with a link of its own."""

import streamlit as st

from pages.shared import linked, terms, words

search = linked.text(
    "Find a word",
    key="find",
    type="search",
    placeholder="for example reach, LoRA, ceiling",
    max_chars=60,
    icon=":material/search:",
)
groups = terms.found(search)
count = sum(map(len, groups.values()))
if search and count:
    st.caption(f"{count} of {len(terms.TERMS)} words hold “{words.plain(search)}”, in their name or what they mean.")
elif search:
    st.info(
        f"No word here holds “{words.plain(search)}”. Try a shorter one, or empty the field to see all "
        f"{len(terms.TERMS)}.",
        icon=":material/search_off:",
    )
for group, found in groups.items():
    st.header(group, anchor=False)
    for term in found:
        st.subheader(term.name, anchor=term.anchor)
        also = f" :gray[Also: {', '.join(term.also)}.]" if term.also else ""
        see = [f"[{name}](#{terms.anchor(name)})" for name in term.see] if not search else []
        st.markdown(term.meaning + also + (f" See {', '.join(see)}." if see else ""))
st.page_link("pages/learn/law.py", label="Quality and reach, to be moved by hand", icon=":material/tune:")
