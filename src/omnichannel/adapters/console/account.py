"""The terminal as an account: nothing has to be set."""

from __future__ import annotations

from pydantic import Field

from omnichannel.channel import Account


class ConsoleAccount(Account):
    """A terminal. `Hub(["console"])` makes one with the id `console`."""

    id: str = Field(default="console", pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")
