"""The two ends: a client for the views, and the hub that the worker runs (`omnichannel worker desk.omni:hub`)."""

from pathlib import Path

from omnichannel import Handlers, Hub, Turn
from omnichannel.sync import Client

SETTINGS = Path(__file__).resolve().parent.parent / "omnichannel.toml"
handlers = Handlers()


@handlers.on_message
async def first_line(turn: Turn) -> None:
    """Thanks whoever is new, and hands over to a person."""
    if turn.conversation.assignee is None:
        await turn.reply("Thank you for writing. A colleague answers you here.")
    await turn.handoff()


hub = Hub.from_toml(SETTINGS, handlers=handlers)
omni = Client.from_toml(SETTINGS)
