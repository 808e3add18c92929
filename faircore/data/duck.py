"""An in-memory DuckDB connection that can open one file and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from faircore.data.limits import Limits

_GLOB = set("*?[]{}")


def quoted(text: str) -> str:
    """SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class Scan:
    """A file as SQL.

    Attributes
    ----------
    source : str
        The table function that reads it.
    columns : dict of str to tuple of str
        For the name of each column, its SQL identifier and its type.
    """

    source: str
    columns: dict[str, tuple[str, str]]


@contextmanager
def locked_connection(
    path: Path, limits: Limits, *, threads: int | None = None
) -> Iterator[tuple[Any, str]]:
    """Open a connection that can read ``path`` only and never writes to disk.

    Parameters
    ----------
    path : Path
    limits : Limits
        ``limits.memory`` bounds the connection's memory.
    threads : int, optional
        At most so many; as many as there are processors when left out.

    Yields
    ------
    connection : duckdb.DuckDBPyConnection
    literal : str
        The file as an SQL literal.
    """
    with tempfile.TemporaryDirectory(prefix="faircore-") as folder:
        plain = path.resolve()
        if _GLOB & set(str(plain)):
            # DuckDB would take "data [1].csv" for a pattern; a link gives it a plain name.
            plain = Path(folder).resolve() / f"table{path.suffix}"
            plain.symlink_to(path.resolve())
        literal = quoted(str(plain))
        # An empty temporary directory keeps rows from spilling to disk.
        config: dict[str, Any] = {"memory_limit": limits.memory, "temp_directory": ""}
        if threads is not None:
            config["threads"] = threads
        connection = duckdb.connect(":memory:", config=config)
        try:
            # A bar on standard output is no part of an answer. In a notebook without widgets there
            # is none, and DuckDB refuses even to turn it off.
            with suppress(duckdb.Error):
                connection.execute("SET enable_progress_bar=false")
            for setting in (
                f"allowed_paths=[{literal}]",
                "enable_external_access=false",
                "autoload_known_extensions=false",
                "autoinstall_known_extensions=false",
                "lock_configuration=true",
            ):
                connection.execute(f"SET {setting}")
            yield connection, literal
        finally:
            connection.close()
