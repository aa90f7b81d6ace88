"""Settings from a TOML file: checked as a whole, with errors that name the key and what was meant."""

from omnichannel.config.load import load
from omnichannel.config.models import (
    BrandSettings,
    EngineSettings,
    PriceSettings,
    QueueSettings,
    Settings,
    StoreSettings,
)

__all__ = [
    "BrandSettings",
    "EngineSettings",
    "PriceSettings",
    "QueueSettings",
    "Settings",
    "StoreSettings",
    "load",
]
