"""One way to say beside a chart how it is read."""

from __future__ import annotations

import streamlit as st

from pages.components.session import session


def how_to_read(*lines: str, about: str = "") -> None:
    """Draw a closed box "How to read this" with one short point per line.

    Parameters
    ----------
    *lines : str
        Sentences in Markdown, the most needed first; text from data goes through ``plain`` before.
    about : str
        Anchor on the Help page that explains the words, such as ``"frontier"``; none when empty.
        The link opens in a tab of its own, so that nobody loses their place.
    """
    with st.expander("How to read this"):
        text = "\n".join(f"- {line}" for line in lines) if len(lines) > 1 else "".join(lines)
        if about:
            text += f"\n\n[The words used here, explained]({help_link(about)})"
        st.markdown(text)


def help_link(anchor: str) -> str:
    """Address of a section of the Help page, with the review that is open here."""
    review = session().review
    return f"help?review={review}#{anchor}" if review else f"help#{anchor}"
