"""The ASGI application: `streamlit run app.py` serves the pages through it."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

# Imported for their side effect only. What every page needs is loaded before the first
# visitor comes, so that the first page is quick and the freeze below covers it.
import pandas  # noqa: F401
import plotly.graph_objects  # noqa: F401
import pyarrow  # noqa: F401
import streamlit as st

import faircore.export.chosen
import faircore.jobs
import faircore.plots  # noqa: F401
from pages.routes import ROUTES

if TYPE_CHECKING:
    from starlette.middleware import Middleware

# The gate that will stand in front of every route is listed here and nowhere else.
MIDDLEWARE: list[Middleware] = []


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Freeze what the imports left behind, once, when the server is about to listen."""
    # Streamlit runs a full garbage collection after every script and fragment run. Modules
    # and their functions never die, so walking them each time is wasted; frozen objects
    # are skipped. Collect first: a frozen cycle would never be freed.
    gc.collect()
    gc.freeze()
    yield


app = st.App("pages/navigation.py", lifespan=lifespan, middleware=MIDDLEWARE, routes=ROUTES)
