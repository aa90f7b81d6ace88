"""The desk of the store tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stores.given import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.store.close_sync()
