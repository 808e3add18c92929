"""Tell the browser at once of the largest file that pages with a chart need."""

from __future__ import annotations

from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STATIC = Path(streamlit.__file__).parent / "static"


class LoadAhead:
    """Middleware: a header on each page that names Streamlit's module of Plotly.

    Streamlit asks for it (5 MB of script) only when the first chart has come from the server. The
    browser is idle before that, while the server draws the page, and can read and compile it then.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        files = [path.relative_to(_STATIC) for path in _STATIC.glob("static/js/PlotlyChart.*.js")]
        self.links = [f"</{file.as_posix()}>; rel=modulepreload" for file in files]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back with the header if it is a page."""

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    for link in self.links:
                        headers.append("Link", link)
            await send(message)

        await self.app(scope, receive, send_with if scope["type"] == "http" else send)
