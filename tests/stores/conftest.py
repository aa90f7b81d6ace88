"""The desk of the store tests: each runs on SQLite in memory, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omnichannel.stores.sql import SqlStore
from omnichannel.testing.template_store import TemplateStore
from tests.stores.given import Desk


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    if request.param == "sqlite":
        made = Desk(TemplateStore("sqlite://", threads=False))
    else:
        made = Desk(SqlStore(str(request.getfixturevalue("postgres_url")), threads=False))
    yield made
    made.store.close_sync()
