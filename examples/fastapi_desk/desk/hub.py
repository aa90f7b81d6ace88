"""The hub: for the web process without workers, and for `omnichannel worker desk.hub:hub`."""

import os
from pathlib import Path

import httpx

from omnichannel import Address, Handlers, Hub, Turn

SETTINGS = Path(__file__).resolve().parent.parent / "omnichannel.toml"
handlers = Handlers()


@handlers.identify
async def who(address: Address) -> str | None:
    """Asks the CRM once who a new customer is. Whoever it does not know stays a stranger."""
    async with httpx.AsyncClient(base_url=os.environ.get("CRM_URL", "https://crm.example")) as crm:
        found = await crm.get("/customers", params={"phone": address.value})
    return found.json()["id"] if found.status_code == 200 else None


@handlers.on_message
async def first_line(turn: Turn) -> None:
    if turn.conversation.assignee is None:
        known = turn.customer.external_id is not None
        await turn.reply("Welcome back. A colleague answers you here." if known else "Thank you for writing.")
    await turn.handoff()


hub = Hub.from_toml(SETTINGS, handlers=handlers, work=False)
