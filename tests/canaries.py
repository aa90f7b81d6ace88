"""Watches the whole suite for secrets that leave: in logs, on the terminal, in values that print, in rows.

A canary is a secret that is recognised wherever it turns up: those that simulators make up (`fake-token-` and 16
digits), those of `canary()`, and for the length of a test each value that was read out of a `SecretStr`.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from omnichannel.channel.base import Channel
from omnichannel.model.exceptions import OmnichannelError
from omnichannel.runtime.runner import Runner
from omnichannel.runtime.transport import TransportError
from omnichannel.stores import schema
from omnichannel.stores.sql import SqlStore

MARK = re.compile(r"fake-[a-z][a-z0-9-]{0,30}-[0-9a-f]{16}")
SHORTEST = 12
"""A shorter value that a test chose, such as "t", stands in ordinary words."""
KEEPS_SECRETS = frozenset({"omni_tokens"})
"""Rows that hold a platform's tokens, because they have to."""
ROWS = 500


def canary(name: str) -> str:
    """A secret for an account of a test; the same name is the same secret."""
    return f"fake-{name.replace('_', '-').lower()}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def _in_base64(text: str) -> set[str]:
    """How a text looks inside of Base64, wherever in it it begins."""
    found: set[str] = set()
    for before in range(3):
        encoded = base64.b64encode(b"." * before + text.encode()).decode().rstrip("=")
        # The first digits depend on what comes before, the last on what follows.
        found.add(encoded[(0, 2, 3)[before] : len(encoded) - (1 if (before + len(text)) % 3 else 0)])
    return found


_IN_BASE64 = re.compile("|".join(map(re.escape, sorted(_in_base64("fake-")))))


class Leak(AssertionError):
    """A secret was found where none may be."""


class Watch:
    """Looks at what comes by, and remembers what it has found."""

    def __init__(self) -> None:
        self.leaks: list[str] = []
        self.revealed: set[str] = set()
        self.looked_at = 0

    def reveal(self, secret: str) -> None:
        """A value that was read out of a `SecretStr` in this test."""
        if secret.startswith(("env:", "file:")):
            return
        if "://" in secret:  # of a mail server's URL, the password
            secret = unquote(urlsplit(secret).password or "")
        if len(secret) >= SHORTEST:
            self.revealed.add(secret)

    def look(self, text: str, where: str) -> None:
        """Remembers a secret that stands in a text."""
        self.looked_at += 1
        mark = MARK.search(text)
        if mark or any(secret in text for secret in self.revealed) or self._in_base64(text):
            self.leaks.append(f"{where}: {_masked(text, mark)}")

    def _in_base64(self, text: str) -> bool:
        if _IN_BASE64.search(text) is None:
            return False
        return any(MARK.search(_decoded(piece)) for piece in re.findall(r"[A-Za-z0-9+/_-]{16,}", text))

    def look_at(self, value: object, where: str) -> None:
        """The same for how a value prints."""
        self.look(f"{value!r} {value}", where)

    def check(self) -> None:
        """Raises `Leak` where a secret was found since the last time."""
        leaks, self.leaks = self.leaks, []
        self.revealed.clear()
        if leaks:
            raise Leak("a secret left: " + "; ".join(leaks[:5]))


def _decoded(piece: str) -> str:
    return "".join(
        base64.b64decode(piece[cut:] + "=" * (-len(piece[cut:]) % 4), altchars=b"-_").decode("latin-1")
        for cut in range(4)
        if len(piece[cut:]) % 4 != 1
    )


def _masked(text: str, mark: re.Match[str] | None) -> str:
    at = mark.start() if mark else 0
    return f"...{text[max(0, at - 60) : at + 30]!r}..."


WATCH = Watch()


class _Handler(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.DEBUG)
        self.watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += "".join(traceback.format_exception(record.exc_info[1]))
        self.watch.look(text, f"log of {record.name}")


# ---------------------------------------------------------------- what the suite does is looked at


def scan(connection: Connection, watch: Watch) -> None:
    """Every row that somebody may be shown."""
    for table in schema.metadata.sorted_tables:
        if table.name not in KEEPS_SECRETS:
            with suppress(DBAPIError):  # a test of migrations may have another schema
                for row in connection.execute(select(table).limit(ROWS)):
                    watch.look(_printed(row), f"a row of {table.name}")


def _printed(row: Iterable[object]) -> str:
    return " ".join(one.decode("latin-1") if isinstance(one, bytes) else str(one) for one in row)


def _on_closing(watch: Watch) -> Callable[[SqlStore], None]:
    close = SqlStore.close_sync

    def close_sync(self: SqlStore) -> None:
        connection = getattr(self, "_connection", None)
        if connection is not None and connection.dialect.name == "sqlite" and self.migrate != "check":
            with connection.begin():
                scan(connection, watch)
        close(self)

    return close_sync


def _on_running(watch: Watch) -> Callable[..., Any]:
    run = Runner.run

    async def looked_at(self: Runner, channel: Channel[Any], flow: Any, *args: Any, **named: Any) -> Any:
        watch.look_at(channel.account, "an account")
        result = await run(self, channel, _seen(flow, watch), *args, **named)
        watch.look_at(result, f"what a flow of {channel.adapter} came to")
        return result

    return looked_at


def _seen(flow: Any, watch: Watch) -> Generator[Any, Any, Any]:
    """The flow; each request that it yields is printed on its way to be signed."""
    answer: Any = None
    try:
        while True:
            request = flow.send(answer)
            watch.look_at(request, "a request")
            answer = yield request
    except StopIteration as done:
        return done.value
    finally:
        flow.close()


def _on_raising(kind: type[Exception], watch: Watch) -> Callable[..., None]:
    begin = cast(Callable[..., None], kind.__init__)

    def raised(self: Exception, *args: Any, **named: Any) -> None:
        begin(self, *args, **named)
        watch.look_at(self, "an exception")

    return raised


def _on_reading(watch: Watch) -> Callable[..., Any]:
    read = pytest.CaptureFixture[str].readouterr

    def readouterr(self: pytest.CaptureFixture[str]) -> Any:
        printed = read(self)
        watch.look(f"{printed.out!s}{printed.err!s}", "what was printed")
        return printed

    return readouterr


def _on_revealing(watch: Watch) -> Callable[[SecretStr], str]:
    reveal = SecretStr.get_secret_value

    def get_secret_value(self: SecretStr) -> str:
        value = reveal(self)
        watch.reveal(value)
        return value

    return get_secret_value


@contextmanager
def watching(watch: Watch) -> Generator[None]:
    """What happens inside is looked at, with logs of every level."""
    handler, root = _Handler(watch), logging.getLogger()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlStore, "close_sync", _on_closing(watch))
        patch.setattr(Runner, "run", _on_running(watch))
        patch.setattr(OmnichannelError, "__init__", _on_raising(OmnichannelError, watch))
        patch.setattr(TransportError, "__init__", _on_raising(TransportError, watch))
        patch.setattr(pytest.CaptureFixture, "readouterr", _on_reading(watch))
        patch.setattr(SecretStr, "get_secret_value", _on_revealing(watch))
        root.addHandler(handler)
        try:
            yield
        finally:
            root.removeHandler(handler)


# ---------------------------------------------------------------- hooks of the suite


@pytest.fixture(autouse=True, scope="session")
def watch_secrets() -> Generator[Watch]:
    """Looks on for the whole session."""
    with watching(WATCH):
        yield WATCH


@pytest.fixture(autouse=True)
def no_secret_leaves(watch_secrets: Watch, request: pytest.FixtureRequest) -> Generator[None]:
    """A test in which a secret left fails; `log_level` in pyproject.toml lets logs of every level be looked at."""
    yield
    if "plants_secrets" in request.keywords:
        watch_secrets.leaks.clear()
    watch_secrets.check()


def look_at_report(report: pytest.TestReport, watch: Watch) -> None:
    """What a test printed and logged, and what it says of its failure."""
    if "plants_secrets" in report.keywords:
        return
    for name, content in report.sections:
        watch.look(content, name)
    if report.failed:
        watch.look(report.longreprtext, "the report of a failure")
    leaks, watch.leaks = watch.leaks, []
    if leaks and report.passed:
        report.outcome = "failed"
        report.longrepr = f"a secret left: {'; '.join(leaks[:5])}"
