"""Downloads through routes of our own, each with a check of the object asked for."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from faircore.errors import FaircoreError
from faircore.records import ReviewStore
from faircore.workspace import default_workspace


def bundle(request: Request) -> Response:
    """Send the bundle of a review that has decided; anything else is not found."""
    try:
        store = ReviewStore(default_workspace())
        review = store.get(request.path_params["review"])
    except FaircoreError:
        return PlainTextResponse("There is no such review.", status_code=404)
    path = store.bundle_path(review)
    if not review.decisions or not path.is_file():
        return PlainTextResponse("This review has no bundle yet.", status_code=404)
    return FileResponse(
        path,
        filename=f"{_slug(review.name)}.zip",
        media_type="application/zip",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def audit(request: Request) -> Response:
    """Send the audit of a review as a page or as data; anything else is not found."""
    suffix = request.path_params["suffix"]
    if suffix not in _AUDITS:
        return PlainTextResponse("There is no such file.", status_code=404)
    try:
        store = ReviewStore(default_workspace())
        review = store.get(request.path_params["review"])
    except FaircoreError:
        return PlainTextResponse("There is no such review.", status_code=404)
    path = store.audit_path(review, suffix)
    if not path.is_file():
        return PlainTextResponse("This review has no written audit yet.", status_code=404)
    return FileResponse(
        path,
        filename=f"{_slug(review.name)}-audit.{suffix}",
        media_type=_AUDITS[suffix],
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


_AUDITS = {"html": "text/html", "json": "application/json"}


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "review"


ROUTES: list[BaseRoute] = [
    Route("/files/bundle/{review}", bundle, methods=["GET"]),
    Route("/files/audit/{review}.{suffix}", audit, methods=["GET"]),
]
