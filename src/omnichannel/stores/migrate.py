"""The schema's version: Alembic on the host's connection, in a version table of our own."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from omnichannel.model.exceptions import StoreError
from omnichannel.stores.schema import PREFIX

VERSION_TABLE = PREFIX + "version"


def prepare(engine: Engine, mode: str) -> None:
    """Brings the schema to this version (`auto`), or checks that it is (`check`), or trusts the host (`off`).

    Raises `StoreError` where the database is
    newer than this code, or older and `check` was asked for.
    """
    if mode == "off":
        return
    config = _config()
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    with engine.begin() as connection:
        current = _current(connection)
        if current == head:
            return
        if mode == "check":
            found = current or "nothing"
            raise StoreError(
                f"the store's schema is at {found}, this version needs {head}: run `omnichannel db upgrade`"
            )
        if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
            raise StoreError(
                f"the store was made by a newer version (schema {current}): upgrade omnichannel to open it"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _current(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()
