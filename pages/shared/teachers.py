"""The user's teachers: up to four names, each with a price of its own.

The user's own figures go first; a name that the price table knows brings the table's, and where they come
from is shown. What neither says stays unknown: no price is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from engine import offers, prices
from engine.domain import TaskType, TeacherOffer
from engine.kinds_shown import KINDS
from engine.situations import MOST_TEACHERS
from pages.shared import linked, words

TOKENS, ONE_QUERY = "Tokens", "One query"
UNNAMED = "Your teacher"
EXAMPLE = "gpt-4.1"
"""Stands in the field until the user names their own: a known model whose listed price is shown with its source."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A teacher as the user describes it, and where its price comes from: shown beside it."""

    offer: TeacherOffer
    source: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of one query, the same for every teacher; None is unknown. `None` in place of it: prices are per query."""

    read: float | None
    written: float | None


def first(task: TaskType, *, money: bool) -> tuple[Priced, Tokens | None]:
    """The teacher whose queries are counted; its price is asked for where the budget is money, or it is named.

    A length of a query that is not typed is assumed by the kind of answer, and said to be.
    """
    name = _name("Teacher", 1, "The model that answers. A name that the price table knows brings its price.")
    if not (money or name):
        return Priced(TeacherOffer(UNNAMED), "unknown"), Tokens(None, None)
    listed = prices.quote_by_name(name).known
    said = st.container()
    if not listed and st.session_state.get("price_fold_of", name) != name:
        st.session_state["price_fold"] = True  # another name, whose price somebody has to say
    st.session_state["price_fold_of"] = name
    with linked.fold("Price of a query", icon=":material/payments:", key="price_fold", expanded=not listed):
        known = linked.segments("Price known for", [TOKENS, ONE_QUERY], key="price")
        if known == ONE_QUERY:
            return _priced(name, "", None), None
        price = _of_tokens(name, "")
        kind = KINDS[task]
        typed = [
            number(label, key, 50.0, format="%.0f", placeholder=f"{assumed}, assumed")
            for label, key, assumed in (
                ("Tokens read per query", "tokens_in", kind.read),
                ("Tokens written per query", "tokens_out", kind.written),
            )
        ]
    read, written = typed
    tokens = Tokens(kind.read if read is None else read, kind.written if written is None else written)
    priced = _with_tokens(price, tokens)
    each = offers.usd_per_query(priced.offer)
    if each is not None and None in typed:
        said.caption(
            f"A query is taken to cost \\${each:.2g}: {tokens.read:,.0f} tokens read, {tokens.written:,.0f} written, "
            "assumed for such answers."
        )
    return priced, tokens


def others(tokens: Tokens | None) -> list[Priced]:
    """The other teachers, compared for the same money; a place appears once the one before it is taken."""
    found = []
    for place in range(2, MOST_TEACHERS + 1):
        name = _name(f"Teacher {place}", place, "Compared with your teacher for the same money.")
        if name:
            found.append(_priced(name, str(place), tokens))
        elif not any(_typed(later) for later in range(place + 1, MOST_TEACHERS + 1)):
            break
    if found and tokens is not None:
        st.caption("Tokens per query are taken to be your teacher's. A model that thinks aloud writes more.")
    return found


def missing(teacher: TeacherOffer, tokens: Tokens | None) -> str:
    """What is not known of the price of one query, in words."""
    if tokens is None:
        return "the price of one query"
    figures = {
        "the price of a million tokens read": teacher.input_usd,
        "the price of a million tokens written": teacher.output_usd,
        "the tokens read per query": tokens.read,
        "the tokens written per query": tokens.written,
    }
    return ", ".join(name for name, value in figures.items() if value is None)


def number(label: str, key: str, step: float, **options: object) -> float | None:
    """A figure that may be unknown, and then is None."""
    options = {"placeholder": "unknown"} | options
    return linked.number(label, None, key=key, min_value=0.0, step=step, **options)


def _name(label: str, place: int, help: str) -> str:
    return linked.text(
        label,
        EXAMPLE if place == 1 else "",
        key=f"teacher{place}",
        placeholder="not said",
        max_chars=80,
        help=help,
    )


def _typed(place: int) -> bool:
    key = f"teacher{place}"
    return bool(str(st.session_state.get(key) or st.query_params.get(key) or "").strip())


def _priced(name: str, place: str, tokens: Tokens | None) -> Priced:
    if tokens is not None:
        return _with_tokens(_of_tokens(name, place), tokens)
    label = f"Price of one query of {name}, $" if place else "Price of one query, $"
    usd = number(label, f"price{place}" if place else "usd_query", 0.001, format="%.5f")
    return Priced(TeacherOffer(name or UNNAMED, usd_per_query=usd), "unknown" if usd is None else "your own price")


def _of_tokens(name: str, place: str) -> Priced:
    """Asks for prices per million tokens; the table's stand in the empty fields."""
    table = prices.quote_by_name(name)
    of = f", {name}" if place else ""

    def ask(label: str, key: str, listed: float | None) -> float | None:
        shown = "unknown" if listed is None else f"{listed:g} in the table"
        return number(f"{label}{of}, $", f"{key}{place}", 0.1, format="%.3f", placeholder=shown)

    usd_in = ask("Price of a million tokens read", "usd_in", table.input_usd)
    usd_out = ask("Price of a million tokens written", "usd_out", table.output_usd)
    found = prices.quote_by_name(name, usd_in, usd_out)
    source = _short(found.source)
    if table.known and found.source != "your own price":
        st.caption(
            words.plain(f"{name}: ${found.input_usd:g} read, ${found.output_usd:g} written a million tokens. {source}.")
        )
    elif name and not found.known:
        why = source.removeprefix("unknown: ") if source != "unknown" else "type it, or it stays unknown"
        st.caption(words.plain(f"No price of {name} is known here: {why}."))
    return Priced(TeacherOffer(name or UNNAMED, input_usd=found.input_usd, output_usd=found.output_usd), source)


def _with_tokens(price: Priced, tokens: Tokens) -> Priced:
    offer = TeacherOffer(
        price.offer.name,
        input_usd=price.offer.input_usd,
        output_usd=price.offer.output_usd,
        input_tokens=tokens.read,
        output_tokens=tokens.written,
    )
    return Priced(offer, price.source)


def _short(source: str) -> str:
    """Without what the table's makers say about their own checking."""
    return source.split(";")[0] if source.startswith("genai-prices") else source
