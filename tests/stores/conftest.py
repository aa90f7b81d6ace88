"""The desk of the store tests: each runs on SQLite in memory, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from omnichannel.stores.sql import SqlStore
from tests.stores.given import Desk


@pytest.fixture(params=["sqlite", "postgresql"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    url = "sqlite://" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    made = Desk(SqlStore(url, threads=False))
    yield made
    made.store.close_sync()
