"""The schema that migrations make is the one that the code works on, however many processes make it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from omnichannel.model.exceptions import StoreError
from omnichannel.stores import drivers, migrate
from omnichannel.stores.schema import PREFIX, metadata
from omnichannel.stores.sql import SqlStore
from omnichannel.stores.views import VIEWS
from tests.postgres import Server, name_of
from tests.stores.given import Desk

MIGRATIONS = Path(migrate.__file__).parent / "migrations"


def opened(url: str, mode: str = "auto") -> SqlStore:
    store = SqlStore(url, threads=False, migrate=mode)
    store.open_sync()
    return store


def squeezed(sql: str) -> str:
    return re.sub(r"DEFAULT \((\w+)\)", r"DEFAULT \1", " ".join(sql.split()))


def test_what_the_migrations_make_is_the_schema(desk: Desk) -> None:
    """Where it is not: `python tools/migrations.py`, and after the first release a migration of its own."""

    def differences(connection: Connection) -> list[object]:
        options = {"version_table": migrate.VERSION_TABLE}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    assert desk.run(differences) == []


LETTERS = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'view' AND name LIKE 'omni%'",
    "postgresql": """
        SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL
        SELECT table_name || '.' || column_name, concat_ws(' ', data_type, is_nullable, column_default)
        FROM information_schema.columns WHERE table_schema = 'public'
    """,
}


def test_it_is_the_same_to_the_letter(new_url: str) -> None:
    """A comparison of metadata does not look at partial indexes, defaults and numbering."""

    def made(connection: Connection) -> dict[str, str]:
        found = connection.execute(text(LETTERS[connection.dialect.name])).all()
        ours = (not name.startswith((migrate.VERSION_TABLE, "omni_v1_")) for name, _ in found)
        return {name: squeezed(sql) for (name, sql), is_ours in zip(found, ours, strict=True) if is_ours}

    def create(connection: Connection) -> dict[str, str]:
        metadata.create_all(connection)
        wanted = made(connection)
        metadata.drop_all(connection)
        return wanted

    plain = opened(new_url, "off")
    wanted = plain.write_sync(create)
    plain.close_sync()
    migrated = opened(new_url)
    assert migrated.read_sync(made) == wanted
    migrated.close_sync()
    assert len(wanted) > 50
    if drivers.is_sqlite(new_url):
        assert [name for name, sql in wanted.items() if "AUTOINCREMENT" in sql] == ["omni_stream_items", "omni_log"]


def test_all_that_is_made_carries_our_prefix(desk: Desk) -> None:
    def names(connection: Connection) -> list[str]:
        found = inspect(connection)
        tables = [*found.get_table_names(), *found.get_view_names()]
        return tables + [str(one["name"]) for table in tables for one in found.get_indexes(table)]

    def is_ours(name: str) -> bool:
        return name.removeprefix("ix_").startswith(PREFIX)

    assert [name for name in desk.run(names) if not is_ours(name)] == []


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_hosts_read_the_views_that_are_written_down(desk: Desk, name: str) -> None:
    def stored(connection: Connection) -> str:
        query = text("SELECT sql FROM sqlite_master WHERE type = 'view' AND name = :name")
        return str(connection.execute(query, {"name": name}).scalar_one())

    if drivers.is_sqlite(desk.store.url):  # PostgreSQL keeps no text of a view
        assert squeezed(desk.run(stored)) == squeezed(f"CREATE VIEW {name} AS {VIEWS[name]}")
    columns = [column["name"] for column in desk.run(lambda c: inspect(c).get_columns(name))]
    asked = VIEWS[name].partition("FROM")[0].replace("SELECT", "").replace(",", " ").split()
    assert columns == asked


def test_the_head_that_the_code_names_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [migrate.HEAD]
    assert [one.revision for one in scripts.walk_revisions()][-1] == "0001"


def test_a_second_opening_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    url = f"sqlite:///{path}"
    opened(url).close_sync()
    before = path.read_bytes()
    for mode in ("auto", "check", "off"):
        opened(url, mode).close_sync()
    assert path.read_bytes() == before


def test_check_refuses_an_older_database_and_says_what_helps(new_url: str) -> None:
    with pytest.raises(StoreError, match=r"at nothing, this version needs 0006: run `omnichannel db upgrade`"):
        opened(new_url, "check")
    opened(new_url).close_sync()
    store = opened(new_url, "off")
    store.write_sync(lambda c: c.execute(text("UPDATE omni_version SET version_num = '0005'")))
    store.close_sync()
    with pytest.raises(StoreError, match="at 0005, this version needs 0006"):
        opened(new_url, "check")


@pytest.mark.parametrize("mode", ["auto", "check"])
def test_a_newer_database_is_refused(new_url: str, mode: str) -> None:
    store = opened(new_url)
    store.write_sync(lambda c: c.execute(text("UPDATE omni_version SET version_num = '9999'")))
    store.close_sync()
    with pytest.raises(StoreError, match=r"newer version \(schema 9999\): upgrade omnichannel"):
        opened(new_url, mode)


@pytest.mark.parametrize("step", ["0001", "0003", "0005"])
def test_an_older_database_is_brought_up_with_what_is_in_it(new_url: str, step: str) -> None:
    from alembic import command

    store = opened(new_url, "off")

    def older(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, step)
        connection.execute(text("INSERT INTO omni_brands (id, name) VALUES ('klm', 'KLM')"))

    store.write_sync(older)
    store.close_sync()
    store = opened(new_url)
    assert store.write_sync(migrate.current_version) == migrate.HEAD
    assert store.write_sync(lambda c: c.execute(text("SELECT name FROM omni_brands")).scalar()) == "KLM"
    store.close_sync()


def test_a_failed_migration_leaves_nothing_behind(new_url: str) -> None:
    store = opened(new_url, "off")
    store.write_sync(lambda c: c.execute(text("CREATE TABLE omni_journal (seq INTEGER)")))
    store.close_sync()
    with pytest.raises(StoreError, match="already exists"):
        opened(new_url)
    store = opened(new_url, "off")
    assert store.write_sync(lambda c: inspect(c).get_table_names()) == ["omni_journal"]
    store.close_sync()


OPEN = """
import sys
from omnichannel.stores.sql import SqlStore
sys.stdin.readline()
store = SqlStore(sys.argv[1], threads=False)
store.open_sync()
store.close_sync()
"""


def test_processes_that_open_a_new_store_at_once_all_succeed(new_url: str) -> None:
    command = [sys.executable, "-c", OPEN, new_url]
    processes = [subprocess.Popen(command, stdin=PIPE, stderr=PIPE) for _ in range(3)]  # noqa: S603 - our own code
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in processes] == [b""] * 3
    assert [process.returncode for process in processes] == [0] * 3
    opened(new_url, "check").close_sync()


def test_a_place_that_cannot_be_opened_is_said_with_what_helps(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot open the store .*Check that the path exists"):
        opened(f"sqlite:///{tmp_path / 'nowhere' / 'desk.db'}")


def test_a_server_that_is_not_there_is_said_with_what_helps(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot open the store .*Check that the server runs") as found:
        opened(f"postgresql://me:hush@/desk?host={tmp_path}")
    assert "hush" not in str(found.value)


def test_a_schema_of_its_own_is_used_and_nothing_else(postgres: Server) -> None:
    with postgres.database("template0") as url:
        postgres.execute('CREATE SCHEMA "Desk One"', "CREATE SCHEMA two", database=name_of(url))
        for schema in ("Desk One", "two"):
            opened(drivers.in_schema(url, schema)).close_sync()
        store = opened(url, "off")
        tables = store.read_sync(lambda c: [inspect(c).get_table_names(schema) for schema in ("Desk One", "two", None)])
        store.close_sync()
    assert tables[0] == tables[1] != []
    assert tables[2] == []


def test_a_schema_that_is_not_there_is_said(postgres: Server) -> None:
    with postgres.database("template0") as url, pytest.raises(StoreError, match="no schema has been selected"):
        opened(drivers.in_schema(url, "nowhere"))
