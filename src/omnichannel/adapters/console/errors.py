"""The console refuses nothing: what is written to it is in the store."""

from __future__ import annotations

from omnichannel.channel import ErrorTable

ERRORS = ErrorTable()
