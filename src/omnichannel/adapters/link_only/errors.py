"""Nothing is asked there, so nothing is answered: the table has no rules of its own."""

from __future__ import annotations

from omnichannel.channel import ErrorTable

ERRORS = ErrorTable()
