"""Small files written whole or not at all."""

from __future__ import annotations

import fcntl
import math
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def write_whole(path: Path, data: bytes | memoryview, *, durable: bool = True) -> None:
    """Replace a file in one step: a reader sees the old bytes or the new ones, never a part.

    Parameters
    ----------
    path : Path
    data : bytes or memoryview
    durable : bool
        Wait until the disk has it. Progress reports need not.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with partial.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
        if durable:
            flush_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def plain(value: Any) -> Any:
    """What JSON knows: lists, names and numbers; a number that is not finite becomes None."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def flush_folder(path: Path) -> None:
    """Make a rename inside a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file: one process at a time changes what it guards."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
