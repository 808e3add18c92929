"""Downloads through routes of our own, each with a check of the object asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from faircore.errors import FaircoreError
from faircore.records import Review, ReviewStore
from faircore.workspace import default_workspace


def bundle(request: Request) -> Response:
    """Send the bundle of a review that has decided; anything else is not found."""

    def path_of(store: ReviewStore, review: Review) -> Path | None:
        return store.bundle_path(review) if review.decisions else None

    return _send(request, path_of, ".zip", "application/zip", "This review has no bundle yet.")


def audit(request: Request) -> Response:
    """Send the audit of a review as a page or as data; anything else is not found."""
    suffix = request.path_params["suffix"]
    if suffix not in _AUDITS:
        return _missing("There is no such file.")

    def path_of(store: ReviewStore, review: Review) -> Path:
        return store.audit_path(review, suffix)

    none = "This review has no written audit yet."
    return _send(request, path_of, f"-audit.{suffix}", _AUDITS[suffix], none)


def _send(
    request: Request,
    path_of: Callable[[ReviewStore, Review], Path | None],
    ending: str,
    media_type: str,
    none: str,
) -> Response:
    """Send a file of the review that is asked for, named after it; never from a cache."""
    try:
        store = ReviewStore(default_workspace())
        review = store.get(request.path_params["review"])
    except FaircoreError:
        return _missing("There is no such review.")
    path = path_of(store, review)
    if path is None or not path.is_file():
        return _missing(none)
    name = re.sub(r"[^a-z0-9]+", "-", review.name.lower()).strip("-") or "review"
    return FileResponse(
        path,
        filename=f"{name}{ending}",
        media_type=media_type,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _missing(text: str) -> Response:
    return PlainTextResponse(text, status_code=404)


_AUDITS = {"html": "text/html", "json": "application/json"}

ROUTES: list[BaseRoute] = [
    Route("/files/bundle/{review}", bundle, methods=["GET"]),
    Route("/files/audit/{review}.{suffix}", audit, methods=["GET"]),
]
