"""What the first visitor asks for, read before they come."""

from __future__ import annotations

import logging

from faircore.errors import FaircoreError
from faircore.records import ReviewStore, trained_view
from faircore.workspace import default_workspace
from pages.components.frontier_view import view_of
from pages.components.loading import frontier_of, uncertainty_of
from pages.components.session import ReviewSession

_LOG = logging.getLogger(__name__)


def warm() -> None:
    """Read the newest review and judge its models, as its Frontier page does when it is opened.

    Nothing depends on it: what goes wrong here is told to the visitor whose page meets it.
    """
    workspace = default_workspace()
    if not (workspace / "reviews").is_dir():  # to look must not make anything
        return
    try:
        newest = next(iter(ReviewStore(workspace).list()), None)
        frontier = None if newest is None else frontier_of(newest)
        if newest is None or frontier is None:
            return
        first = trained_view(newest, frontier)
        seen = ReviewSession(disparity=first.disparity, partition=first.partition)
        uncertainty_of(newest, view_of(frontier, seen))
    except FaircoreError as error:
        _LOG.info("The newest review was not read ahead: %s", error)
