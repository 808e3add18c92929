"""What a server reads before its first visitor comes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from faircore.records import Review
from pages.warm import warm
from tests.pages.visitor import well


def test_the_first_visitor_of_the_newest_review_waits_for_nothing(
    trained: tuple[Path, Review],
    visit: Callable[..., AppTest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace, review = trained
    monkeypatch.setenv("FAIRCORE_WORKSPACE", str(workspace))
    warm()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("this was read and judged already")

    monkeypatch.setattr("pages.components.loading.uncertainty", refuse)
    monkeypatch.setattr("pages.components.loading.read_candidate", refuse)
    well(visit("frontier.py", workspace, review.id))


def test_nothing_to_read_and_a_damaged_record_stop_no_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in (("empty", None), ("damaged", b"not a database" * 100)):
        workspace = tmp_path / name
        workspace.mkdir()
        if content is not None:
            (workspace / "reviews").mkdir()
            (workspace / "records.sqlite").write_bytes(content)
        monkeypatch.setenv("FAIRCORE_WORKSPACE", str(workspace))
        warm()
        assert (workspace / "records.sqlite").exists() is (content is not None)
