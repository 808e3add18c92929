"""Pages as a visitor reaches them: through the navigation, with nothing remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from faircore.jobs import Job
from faircore.plans import SweepPlan
from tests.pages.visitor import well

NAVIGATION = Path(__file__).parents[2] / "pages" / "navigation.py"


@pytest.fixture(autouse=True)
def no_caches() -> Iterator[None]:
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def visit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    def visit(page: str, workspace: Path | None = None, review: str = "") -> AppTest:
        if workspace is not None:
            monkeypatch.setenv("FAIRCORE_WORKSPACE", str(workspace))
        app = AppTest.from_file(str(NAVIGATION), default_timeout=60).run()
        app.switch_page(page)
        app.session_state["every-model"] = True  # the Frontier's table, for those who open it
        if review:
            app.query_params["review"] = review
        return well(app.run())

    return visit


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started and no model is trained, or the test fails."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a page trained a model")

    monkeypatch.setattr("faircore.jobs.job.subprocess.Popen", refuse)
    monkeypatch.setattr("faircore.sweep.run_sweep", refuse)
    monkeypatch.setattr("faircore.training.Prepared.sample", refuse)
    monkeypatch.setattr("faircore.audit.study.run_study", refuse)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[SweepPlan]:
    """Plans that would have been trained."""
    plans: list[SweepPlan] = []

    def note(job: Job) -> None:
        assert isinstance(job.spec, SweepPlan)
        plans.append(job.spec)

    monkeypatch.setattr(Job, "start", note)
    return plans
