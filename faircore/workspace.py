"""Where trained models and reviews are kept."""

from __future__ import annotations

import os
from pathlib import Path

from faircore.errors import StoreError


def default_workspace() -> Path:
    """Folder named by ``FAIRCORE_WORKSPACE``, else ``workspace`` in the current folder, made.

    Raises
    ------
    StoreError
        When it cannot be made or written to.
    """
    return make_workspace(None)


def make_workspace(path: str | Path | None) -> Path:
    """Make a workspace when it is absent, open to its owner only: it holds personal data.

    Raises
    ------
    StoreError
        When it cannot be made or written to.
    """
    path = Path(path or os.environ.get("FAIRCORE_WORKSPACE") or "workspace").absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The workspace {path} cannot be made: {error.strerror}. Set FAIRCORE_WORKSPACE to a "
            "folder you may write to."
        ) from error
    if not os.access(path, os.W_OK):
        raise StoreError(
            f"The workspace {path} cannot be written to. Set FAIRCORE_WORKSPACE to another folder."
        )
    return path
