"""What the hub's process is told: accounts, clock, database. Written to a file, because it holds (fake) secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, SecretStr

from omnichannel.channel.base import Account
from omnichannel.demo.clock import ScaledClock
from omnichannel.registry import account_type


class HubPlan(BaseModel):
    """All that the process needs to open the same hub again after it was killed."""

    database: str
    port: int
    start: datetime
    zero: float
    factor: float
    brands: dict[str, str]
    accounts: list[tuple[str, dict[str, Any]]]

    @property
    def clock(self) -> ScaledClock:
        """The platform clock."""
        return ScaledClock(start=self.start, zero=self.zero, factor=self.factor)

    @property
    def public_url(self) -> str:
        """Where platforms send their webhooks."""
        return f"http://127.0.0.1:{self.port}"

    def opened(self) -> list[Account]:
        """The accounts."""
        return [account_type(adapter).model_validate(fields) for adapter, fields in self.accounts]

    def save(self, path: Path) -> None:
        """Writes the plan, for its owner's eyes only."""
        path.touch(mode=0o600)
        path.write_text(self.model_dump_json(), "utf-8")

    @classmethod
    def load(cls, path: Path) -> HubPlan:
        """The plan that `save` wrote."""
        return cls.model_validate_json(path.read_text("utf-8"))


def fields_of(account: Account) -> tuple[str, dict[str, Any]]:
    """An account as plain data, with its fake secrets in the clear."""
    return type(account).adapter, {name: _plain(value) for name, value in account if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple | list):
        return [_plain(one) for one in cast(Sequence[Any], value)]
    return value.total_seconds() if hasattr(value, "total_seconds") else value
