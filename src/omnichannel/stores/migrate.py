"""The schema's version: Alembic on the host's connection, in a version table of our own.

Alembic is loaded only where there is something to migrate.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from omnichannel.model.exceptions import StoreError
from omnichannel.stores.drivers import WAIT
from omnichannel.stores.schema import PREFIX

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = PREFIX + "version"
HEAD = "0006"
"""The schema that this code works on."""
_ONE_AT_A_TIME = Lock()  # Alembic keeps what it is doing in globals


def prepare(engine: Engine, mode: str) -> None:
    """Brings the schema to this version (`auto`), or checks that it is (`check`), or trusts the host (`off`).

    Any number of processes may do so at once: one migrates, the others wait for it. Raises `StoreError` where the
    database is newer than this code, or older and `check` was asked for.
    """
    if mode == "off":
        return
    with engine.execution_options(**{WAIT: 0}).begin() as connection:
        current = current_version(connection)
        if current == HEAD:
            return
        with _ONE_AT_A_TIME:
            _bring_up(connection, current, mode)


def current_version(connection: Connection) -> str | None:
    """The schema that the database is at; None for one that has none of ours."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - ours
    return found


def _bring_up(connection: Connection, current: str | None, mode: str) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise StoreError(f"the store was made by a newer version (schema {current}): upgrade omnichannel to open it")
    if mode == "check":
        raise StoreError(
            f"the store's schema is at {current or 'nothing'}, this version needs {HEAD}: run `omnichannel db upgrade`"
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
