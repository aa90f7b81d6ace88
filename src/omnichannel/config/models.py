"""What the settings file holds, table by table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field, SerializeAsAny, StringConstraints

from omnichannel.channel.base import Account
from omnichannel.channel.capabilities import PriceFact
from omnichannel.model.base import Frozen
from omnichannel.model.content import Localized
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.routing.rules import RoutingRule

__all__ = [
    "BrandSettings",
    "Document",
    "EngineSettings",
    "PriceSettings",
    "QueueSettings",
    "ScopeSettings",
    "Settings",
    "StoreSettings",
    "WithdrawalSettings",
]

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""An id of the user's: in rows and URLs, never renamed."""
