"""How a database is opened, and how a writer has it for itself: what SQLite and PostgreSQL do differently below their
statements.

A unit reads, decides and writes, and so it relies on nobody else writing meanwhile. SQLite has one writer at a time in
any case. On PostgreSQL each writing transaction takes one advisory lock first, that of the store's schema, so that
writers take turns there too; readers wait for nobody on either.
"""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError
from sqlalchemy.pool import StaticPool

from omnichannel.model.exceptions import ConfigurationError
from omnichannel.stores.prepared import execute, say_no_values
from omnichannel.stores.texts import text_dumper

PATIENCE = 5.0
"""Seconds to wait for another process that writes to the same store, before a unit fails."""
PAUSE = 0.001
"""Seconds between two tries to begin on SQLite."""
SILENCE = 15.0
"""Seconds after which PostgreSQL ends a writing transaction of which it hears nothing: its machine may be gone, and all
others wait for it."""
WAIT = "omni_wait"
"""The execution option that says how many seconds to wait for the other writers on PostgreSQL; 0 is for as long as it
takes, which a migration has to."""
_QUIET: Mapping[str, Any] = {"hide_parameters": True, "logging_name": "omnichannel"}
"""Rows hold what customers wrote, and tokens: no exception may quote them, nor a log (see `_hush`)."""


def url_of(url: str) -> URL:
    """The URL as SQLAlchemy takes it, with our driver. Raises `ConfigurationError` for what is not supported."""
    # A URL that says only `postgres:` is what hosting providers hand out.
    given = url.replace("postgres://", "postgresql://", 1) if url.startswith("postgres://") else url
    try:
        found = make_url(given)
    except ArgumentError as error:
        raise ConfigurationError(
            "store: this is no URL of a database. Give sqlite:///desk.db or postgresql://user:password@host/database"
        ) from error
    if found.drivername == "postgresql":
        found = found.set(drivername="postgresql+psycopg")
    if found.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise ConfigurationError(
            f"store: {found.drivername} is not supported. SQLite is (sqlite:///desk.db), and PostgreSQL through "
            "psycopg (postgresql://user:password@host/database)"
        )
    return found


def is_sqlite(url: str) -> bool:
    """Whether this is a file or memory of SQLite's; False for PostgreSQL."""
    return url_of(url).get_backend_name() == "sqlite"


def in_schema(url: str, schema: str | None) -> str:
    """The URL of a store whose tables are in this schema of a PostgreSQL database; the schema has to be there.

    Raises `ConfigurationError` for SQLite, which has none.
    """
    if schema is None:
        return url
    if is_sqlite(url):
        raise ConfigurationError("store.db_schema: SQLite has no schemas; leave it out")
    name = schema if re.fullmatch("[a-z_][a-z0-9_]*", schema) else '"' + schema.replace('"', '""') + '"'
    # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS
    option = "-csearch_path=" + re.sub(r"([\\\s])", r"\\\1", name)
    placed = url_of(url).update_query_dict({"options": option}, append=True)
    return placed.render_as_string(hide_password=False)


def open_engine(url: str, *, memory: bool, writes: bool, durable: bool) -> Engine:
    """An engine of one connection that writes, or of some that read. Raises `ConfigurationError`."""
    _hush()
    if is_sqlite(url):
        return _sqlite(url, memory=memory, writes=writes, durable=durable)
    return _postgresql(url_of(url), writes=writes, durable=durable)


def _hush() -> None:
    """SQLAlchemy logs whole rows at DEBUG, whatever `hide_parameters` says, so a host's root level must not reach it.
    Whoever wants them sets the level of this logger.
    https://docs.sqlalchemy.org/en/20/core/engines.html#configuring-logging"""
    logger = logging.getLogger("sqlalchemy.engine.Engine.omnichannel")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)


# ---------------------------------------------------------------- SQLite


def _sqlite(url: str, *, memory: bool, writes: bool, durable: bool) -> Engine:
    options: dict[str, Any] = {
        "connect_args": {"check_same_thread": False, "timeout": PATIENCE, "cached_statements": 512},
        **_QUIET,
    }
    if memory:
        options["poolclass"] = StaticPool
    engine = create_engine(url, **options)
    pragmas = (
        "journal_mode=WAL",
        f"synchronous={'FULL' if durable else 'OFF'}",
        f"cache_size=-{32_768 if writes else 8_192}",
        "temp_store=MEMORY",
        f"query_only={'OFF' if writes else 'ON'}",  # what a reader wrote would be lost in silence
    )

    def connected(connection: sqlite3.Connection, record: object) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            _patiently(connection, f"PRAGMA {pragma}")

    def began(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        _patiently(cast(sqlite3.Connection, driver), "BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", began)
    return engine


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Executes what may have to wait for other processes. SQLite's own waiting sleeps for up to 100 ms at a time, and
    does not wait at all for some locks: https://www.sqlite.org/c3ref/busy_handler.html"""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise DatabaseError(statement, None, error) from error
            if time.monotonic() >= until:
                raise DatabaseError(statement, None, error) from error
            time.sleep(PAUSE)
        else:
            return


# ---------------------------------------------------------------- PostgreSQL


_LOCK = 0x6F6D6E69
"""Ours among the advisory locks of a database; the second half is the schema, for it may hold several stores."""
_TURN = f"SELECT pg_advisory_xact_lock({_LOCK}, hashtext(coalesce(current_schema(), ''))), pg_current_xact_id()::text"
# A server may be set to acknowledge what is not on its disk yet; what is stricter than that stays.
# https://www.postgresql.org/docs/current/runtime-config-wal.html#GUC-SYNCHRONOUS-COMMIT
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'; ",
    "SET LOCAL synchronous_commit = off; ",
)
_XID = "omni_xid"
_NETWORK: Mapping[str, str] = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""A server that is gone without a word is noticed: https://www.postgresql.org/docs/current/libpq-connect.html"""
_CONFLICTS = frozenset({"40001", "40P01"})
"""serialization_failure and deadlock_detected: https://www.postgresql.org/docs/current/errcodes-appendix.html"""


def _postgresql(url: URL, *, writes: bool, durable: bool) -> Engine:
    try:
        from psycopg import IsolationLevel
    except ImportError as error:
        raise ConfigurationError(
            "store: PostgreSQL needs psycopg, which is not installed: pip install 'omnichannel[postgres]'"
        ) from error
    dumper = text_dumper()
    network = {name: value for name, value in _NETWORK.items() if name not in url.query}
    engine = create_engine(url, pool_pre_ping=True, connect_args=network, **_QUIET)

    def connected(connection: Any, record: object) -> None:
        connection.adapters.register_dumper(str, dumper)
        # A reader sees one moment, as on SQLite. A writer sees what was committed before its turn came: with a
        # stricter level it would see what there was when it began to wait.
        connection.isolation_level = IsolationLevel.READ_COMMITTED if writes else IsolationLevel.REPEATABLE_READ
        connection.read_only = not writes

    def began(connection: Connection) -> None:
        _take_turn(connection, durable=durable)

    event.listen(engine, "connect", connected)
    event.listen(engine, "handle_error", _quote_nothing)
    if writes:
        event.listen(engine, "begin", began)
    return engine


def _take_turn(connection: Connection, *, durable: bool) -> None:
    """Waits until nobody else writes. In one request, and for this transaction alone: a connection may come from a
    proxy that gives it to somebody else afterwards."""
    wait = connection.get_execution_options().get(WAIT, PATIENCE)
    limits = ("lock_timeout", wait), ("idle_in_transaction_session_timeout", SILENCE if wait else 0)
    settings = "".join(f"SET LOCAL {name} = {int(most * 1000)}; " for name, most in limits)
    try:
        cursor = execute(connection, settings + _DURABLE[not durable] + _TURN, None)
    except DBAPIError as error:
        if not error.connection_invalidated:
            cast(Any, connection.connection.driver_connection).rollback()
        raise
    while cursor.nextset():
        pass
    connection.info[_XID] = cursor.fetchone()[1]
    cursor.close()


def _quote_nothing(context: ExceptionContext) -> None:
    """PostgreSQL quotes the values that it refuses, whatever `hide_parameters` says."""
    error = context.original_exception
    if isinstance(context.sqlalchemy_exception, DBAPIError) and say_no_values(error):
        kind = context.dialect.loaded_dbapi.Error
        lost = context.is_disconnect
        raise DBAPIError.instance(
            context.statement, None, cast(Exception, error), kind, hide_parameters=True, connection_invalidated=lost
        )


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone, and nothing that it had not committed is on disk."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def is_conflict(error: BaseException) -> bool:
    """Whether it failed because of what another transaction did at the same time: it is undone, and may be repeated."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _CONFLICTS


def transaction_of(connection: Connection) -> str | None:
    """What the database calls the transaction that is under way, so that it can be asked what became of it."""
    return connection.info.get(_XID)


def was_committed(connection: Connection, transaction: str) -> bool | None:
    """What became of a transaction whose connection was lost while it was committed; None where nobody can say.

    Asked in its own turn: the server lets nobody write before the lost transaction has ended, which it may notice only
    when it has heard nothing for a while.
    """
    asked = "SELECT pg_xact_status(%s::xid8)"  # https://www.postgresql.org/docs/current/functions-info.html
    try:
        with connection.execution_options(**{WAIT: SILENCE + PATIENCE}).begin():
            cursor = execute(connection, asked, [transaction])
            (status,) = cursor.fetchone()
            cursor.close()
    except DBAPIError:
        return None
    finally:
        connection.execution_options(**{WAIT: PATIENCE})
    return {"committed": True, "aborted": False}.get(status)
