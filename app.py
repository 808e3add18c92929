"""The ASGI application: `streamlit run app.py` serves the pages through it."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread

# Imported for their side effect only. What every page needs is loaded before the first
# visitor comes, so that the first page is quick and the freeze below covers it.
import pandas  # noqa: F401
import plotly.graph_objects  # noqa: F401
import pyarrow  # noqa: F401
import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

import faircore.export.chosen
import faircore.jobs
import faircore.plots  # noqa: F401
from pages.ahead import LoadAhead
from pages.routes import ROUTES
from pages.warm import warm

# What stands in front of every route, websockets included, is listed here and nowhere else. A page
# of another site that resolves to this machine must not reach it: Streamlit's own check of the
# host covers its websocket alone.
MIDDLEWARE = [
    Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"]),
    Middleware(LoadAhead),
]


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Freeze what the imports left behind, once, when the server is about to listen."""
    # Streamlit runs a full garbage collection after every script and fragment run. Modules
    # and their functions never die, so walking them each time is wasted; frozen objects
    # are skipped. Collect first: a frozen cycle would never be freed.
    gc.collect()
    gc.freeze()
    Thread(target=warm, name="warm", daemon=True).start()
    yield


app = st.App("pages/navigation.py", lifespan=lifespan, middleware=MIDDLEWARE, routes=ROUTES)
