"""What tests of the pages do on a page: find a widget by its label, read its words."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

WORDS = ("title", "subheader", "markdown", "caption", "error", "warning", "info", "success")


def well(app: AppTest) -> AppTest:
    """The run ended without a fault."""
    assert [e.value for e in app.exception] == []
    return app


def button(app: AppTest, label: str) -> Any:
    return next(b for b in app.button if b.label == label)


def labelled(elements: Any, label: str) -> Any:
    return next(e for e in elements if e.label == label)


def words(app: AppTest) -> str:
    return "\n".join(str(e.value) for kind in WORDS for e in getattr(app, kind))


def decide_alone(app: AppTest, reason: str, *, name: str = "Ada") -> AppTest:
    """On the Decide page: propose what is selected, open the sealed rows, record it alone."""
    labelled(app.text_area, "Why this point").set_value(reason)
    labelled(app.text_input, "Your name").set_value(name)
    for label in ("Propose this point", "Open the sealed rows", "Record the decision alone"):
        well(button(app, label).click().run())
    return app


def one_error(app: AppTest) -> str:
    """The one sentence or two that the page says is wrong."""
    well(app)
    assert len(app.error) == 1
    text = str(app.error[0].value)
    assert "Traceback" not in text
    assert text.endswith(".")
    return text


def boxes(app: AppTest) -> list[str]:
    """What the boxes "How to read this" say, from the top of the page."""
    found = [e for e in app.expander if e.label == "How to read this"]
    return [str(e.markdown[0].value) for e in found]
