"""The record's database: opened, brought up to date, and written one transaction at a time.

SQLite, as a file of the workspace. A writer takes the lock when it begins, so what it read is
still so when it commits; a commit returns when the disk has it. The write-ahead log is left off:
releases of SQLite before 3.51.3 can lose a commit when they reset it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from faircore.errors import StoreError
from faircore.files import locked
from faircore.records.older import bring_in, tell_rows

FILE = "records.sqlite"
HEAD = "0002"
"""The newest step of ``migrations/versions``."""

WAIT_SECONDS = 60
"""How long a writer waits for others before it gives up."""


_OPEN: dict[Path, tuple[int, Engine]] = {}


def open_database(workspace: Path) -> Engine:
    """Engine of a workspace's record, with the tables of today; opened once per process.

    Raises
    ------
    StoreError
        When the file is damaged, cannot be written, or was made by a newer version.
    """
    path = (workspace / FILE).absolute()
    try:
        known = _OPEN.get(path)
        if known is not None and path.exists() and path.stat().st_ino == known[0]:
            return known[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.with_suffix(".lock")), explained():
            path.touch(mode=0o600)
            engine = _engine(path)
            _bring_up_to_date(engine, path.parent)
            _OPEN[path] = path.stat().st_ino, engine
    except OSError as error:
        raise StoreError(
            f"The record of the reviews could not be opened: {error.strerror}. Free some disk "
            "space or choose another workspace."
        ) from error
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection whose reads all see one state of the record."""
    with explained(), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that holds the writer's lock from its first read to its commit."""
    with explained(), engine.execution_options(writes=True).begin() as connection:
        yield connection


@contextmanager
def explained() -> Iterator[None]:
    """Say in words what a database error means; others pass."""
    try:
        yield
    except OperationalError as error:
        told = str(error.orig)
        if "locked" in told:
            raise StoreError(
                f"Others were writing to the record for {WAIT_SECONDS} seconds. Nothing was "
                "changed; try again."
            ) from error
        raise StoreError(
            f"The record of the reviews cannot be used ({told}). Free some disk space, or check "
            "that the workspace can be written. What was recorded before is untouched."
        ) from error
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.IntegrityError):
            raise
        raise StoreError(
            "The record of the reviews is damaged. Restore records.sqlite from a backup; trained "
            "models are untouched."
        ) from error


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": WAIT_SECONDS}
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # this module begins transactions itself
        for pragma in ("journal_mode=DELETE", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _bring_up_to_date(engine: Engine, workspace: Path) -> None:
    with writing(engine) as connection:
        now = _version(connection)
        if now == HEAD:
            return
        if now is not None and now > HEAD:
            raise StoreError(
                "The record of the reviews was written by a newer version of faircore. Use that "
                "version, or choose another workspace."
            )
        # Imported where it is needed: most openings find nothing to do.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", "faircore.records:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if now is None:
            bring_in(connection, workspace)
        tell_rows(connection, workspace)


def _version(connection: Connection) -> str | None:
    """The last step taken; None for an empty database."""
    there = connection.execute(
        text("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
    ).scalar()
    if not there:
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
