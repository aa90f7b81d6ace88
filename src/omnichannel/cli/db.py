"""`omnichannel db`: brings the store's schema to this version, or says whether it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from omnichannel.config import load
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.stores.drivers import in_schema
from omnichannel.stores.sql import SqlStore

CONFIG = Path("omnichannel.toml")


def upgrade(*, config: Path = CONFIG) -> None:
    """Bring the schema of the configured store to this version.

    Parameters
    ----------
    config
        The settings file.
    """
    _open(config, "auto")
    print("the schema is at this version")


def check(*, config: Path = CONFIG) -> None:
    """Say whether the schema of the configured store is at this version; changes nothing.

    Parameters
    ----------
    config
        The settings file.
    """
    _open(config, "check")
    print("the schema is at this version")


def _open(config: Path, migrate: str) -> None:
    settings = load(config).store
    store = SqlStore(in_schema(store_url(settings.url, os.environ), settings.db_schema), migrate=migrate)
    store.open_sync()
    store.close_sync()


def store_url(url: str, environ: Mapping[str, str]) -> str:
    """The URL behind `env:NAME` or `file:/path`. Raises `ConfigurationError` where there is none."""
    kind, _, name = url.partition(":")
    if kind == "env":
        if not environ.get(name):
            raise ConfigurationError(f"store.url is read from the environment variable {name}, which is not set")
        return environ[name]
    if kind == "file":
        try:
            return Path(name).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"store.url is read from the file {name}, which cannot be read") from error
    return url
