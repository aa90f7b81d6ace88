"""`omnichannel doctor`: what is wrong with a configuration, and what it will lose."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from omnichannel.channel.base import Account
from omnichannel.cli.db import CONFIG
from omnichannel.config import Settings, load
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.registry import channel_class_for
from omnichannel.runtime.secrets import require_webhook_secret, resolve


def doctor(*, config: Path = CONFIG, as_of: date | None = None) -> int:
    """Check a settings file: its keys, its secrets, and the known ends of the APIs that it uses.

    Exits with 1 where something is wrong.

    Parameters
    ----------
    config
        The settings file.
    as_of
        List what will have ended by this day.
    """
    settings = load(config)
    wrong = list(problems(settings))
    for line in wrong:
        print(f"wrong: {line}")
    for line in endings(settings, as_of):
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
