"""The frozen base of configuration models, and the small types that everything shares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, JsonValue

Json: TypeAlias = JsonValue
Visibility: TypeAlias = Literal["private", "public"]
Success: TypeAlias = Literal["accepted", "sent", "delivered", "read", "replied"]
Purpose: TypeAlias = Literal["service", "marketing", "alert"]
Direction: TypeAlias = Literal["in", "out"]

NOTHING: Mapping[str, str] = MappingProxyType({})
"""The empty mapping that frozen records share as their default."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Frozen(BaseModel):
    """Configuration and rules: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
