"""`omnichannel doctor`: what is wrong with a configuration, and what it will lose."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from omnichannel.channel.base import Account
from omnichannel.cli.db import CONFIG, store_url
from omnichannel.config import Settings, load
from omnichannel.hub.linting import lint_settings
from omnichannel.hub.linting import losses as hub_losses
from omnichannel.hub.settings import from_toml
from omnichannel.model.exceptions import ConfigurationError, StoreError
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.registry import channel_class_for
from omnichannel.runtime.secrets import require_webhook_secret, resolve
from omnichannel.stores import withdrawals
from omnichannel.stores.sql import SqlStore


def doctor(*, config: Path = CONFIG, as_of: date | None = None) -> int:
    """Check a settings file: its keys, its secrets, its routes, and the known ends of what it uses.

    Reads the store, if it is there, for withdrawals that differ from the file. Exits with 1 where something is wrong.

    Parameters
    ----------
    config
        The settings file.
    as_of
        List what will have ended by this day.
    """
    settings = load(config)
    found = findings(config)
    wrong = [*problems(settings), *(said for level, said in found if level == "error")]
    for line in wrong:
        print(f"wrong: {line}")
    notes = [said for level, said in found if level != "error"]
    for line in [*notes, *endings(settings, as_of), *losses(settings, as_of)]:
        print(f"note: {line}")
    if not wrong:
        print(f"{len(settings.accounts)} accounts, nothing wrong")
    return 1 if wrong else 0


def problems(settings: Settings) -> Iterator[str]:
    """What keeps a hub from opening."""
    for account in settings.accounts:
        try:
            resolved = resolve(account, os.environ, lambda path: Path(path).read_text("utf-8"))
            require_webhook_secret(channel_class_for(resolved)(resolved))
        except ConfigurationError as error:
            yield str(error)


def findings(config: Path) -> list[tuple[str, str]]:
    """What is wrong with rules, routes and withdrawals, each with its level."""
    settings = from_toml(config)
    found = lint_settings(settings, datetime.now(UTC), _stored(settings.store))  # noqa: TID251 - an edge, like the hub
    return [(one.level, f"{one.where}: {one.text} [{one.code}]") for one in found]


def _stored(url: str) -> Sequence[Withdrawal]:
    """The withdrawals of the store; none where it is not there or cannot be read: that is the hub's to say."""
    try:
        url = store_url(url, os.environ)
        if not (path := make_url(url).database) or not Path(path).is_file():
            return ()
        store = SqlStore(url, migrate="check")
        store.open_sync()
    except (ConfigurationError, StoreError, SQLAlchemyError):
        return ()
    try:
        return store.read_sync(withdrawals.active)
    finally:
        store.close_sync()


def losses(settings: Settings, as_of: date | None) -> Iterator[str]:
    """Known withdrawals of the channels in use, by the day asked about."""
    for one in hub_losses(settings.accounts, as_of) if as_of is not None else ():
        where = f"; where to: {', '.join(one.successors)}" if one.successors else ""
        yield f"{one.channel}: {one.what} Since {one.closed_on.isoformat()}{where} ({one.source})"


def endings(settings: Settings, as_of: date | None) -> Iterator[str]:
    """The published ends of the APIs in use, by the day asked about."""
    for account in settings.accounts:
        lifecycle = channel_class_for(account).lifecycle
        if lifecycle.sunset_at is not None and (as_of is None or lifecycle.sunset_at <= as_of):
            yield _ending(account, lifecycle.version, lifecycle.sunset_at, lifecycle.successor, lifecycle.see)


def _ending(account: Account, version: str, day: date, successor: str | None, see: str) -> str:
    what = f"{account.adapter} {version}".strip()
    following = f"; after it: {successor}" if successor else ""
    return f"account {account.id!r}: {what} ends on {day.isoformat()}{following}{f' ({see})' if see else ''}"
