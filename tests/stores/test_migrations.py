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
from omnichannel.stores import migrate
from omnichannel.stores.schema import PREFIX, metadata
from omnichannel.stores.sql import SqlStore
from omnichannel.stores.views import VIEWS
from tests.stores.given import Desk

MIGRATIONS = Path(migrate.__file__).parent / "migrations"


def opened(path: Path, mode: str = "auto") -> SqlStore:
    store = SqlStore(f"sqlite:///{path}", threads=False, migrate=mode)
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


def test_it_is_the_same_to_the_letter(desk: Desk, tmp_path: Path) -> None:
    """A comparison of metadata does not look at partial indexes, defaults and numbering."""

    def made(connection: Connection) -> dict[str, str]:
        query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'view' AND name LIKE 'omni%'"
        return {name: squeezed(sql) for name, sql in connection.execute(text(query)).all()}

    def create(connection: Connection) -> dict[str, str]:
        metadata.create_all(connection)
        return made(connection)

    plain = opened(tmp_path / "plain.db", "off")
    wanted = plain.write_sync(create)
    plain.close_sync()
    found = desk.run(made)
    assert found.pop(migrate.VERSION_TABLE).startswith("CREATE TABLE")
    assert found == wanted
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
    opened(path).close_sync()
    before = path.read_bytes()
    for mode in ("auto", "check", "off"):
        opened(path, mode).close_sync()
    assert path.read_bytes() == before


def test_check_refuses_an_older_database_and_says_what_helps(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    with pytest.raises(StoreError, match=r"at nothing, this version needs 0006: run `omnichannel db upgrade`"):
        opened(path, "check")
    opened(path).close_sync()
    store = opened(path, "off")
    store.write_sync(lambda c: c.execute(text("UPDATE omni_version SET version_num = '0005'")))
    store.close_sync()
    with pytest.raises(StoreError, match="at 0005, this version needs 0006"):
        opened(path, "check")


@pytest.mark.parametrize("mode", ["auto", "check"])
def test_a_newer_database_is_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "desk.db"
    store = opened(path)
    store.write_sync(lambda c: c.execute(text("UPDATE omni_version SET version_num = '9999'")))
    store.close_sync()
    with pytest.raises(StoreError, match=r"newer version \(schema 9999\): upgrade omnichannel"):
        opened(path, mode)


@pytest.mark.parametrize("step", ["0001", "0003", "0005"])
def test_an_older_database_is_brought_up_with_what_is_in_it(tmp_path: Path, step: str) -> None:
    from alembic import command

    path = tmp_path / "desk.db"
    store = opened(path, "off")

    def older(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, step)
        connection.execute(text("INSERT INTO omni_brands (id, name) VALUES ('klm', 'KLM')"))

    store.write_sync(older)
    store.close_sync()
    store = opened(path)
    assert store.write_sync(migrate.current_version) == migrate.HEAD
    assert store.write_sync(lambda c: c.execute(text("SELECT name FROM omni_brands")).scalar()) == "KLM"
    store.close_sync()


def test_a_failed_migration_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    store = opened(path, "off")
    store.write_sync(lambda c: c.execute(text("CREATE TABLE omni_journal (seq INTEGER)")))
    store.close_sync()
    with pytest.raises(StoreError, match="already exists"):
        opened(path)
    store = opened(path, "off")
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


def test_processes_that_open_a_new_file_at_once_all_succeed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'desk.db'}"
    command = [sys.executable, "-c", OPEN, url]
    processes = [subprocess.Popen(command, stdin=PIPE, stderr=PIPE) for _ in range(3)]  # noqa: S603 - our own code
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in processes] == [b""] * 3
    assert [process.returncode for process in processes] == [0] * 3
    opened(tmp_path / "desk.db", "check").close_sync()


def test_a_place_that_cannot_be_opened_is_said_with_what_helps(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot open the store .*Check that the path exists"):
        opened(tmp_path / "nowhere" / "desk.db")
