"""A help desk's web app: webhooks come in under /hooks, agents read the queue and answer by a small JSON API.

uvicorn support_desk:app
omnichannel worker support_desk:hub        # in a second process: handles and sends
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel

from omnichannel import Handlers, Hub, NotFound, QuickReply, Text, Turn, VersionConflict

handlers = Handlers()


@handlers.on_message(surface="mention")
async def public(turn: Turn) -> None:
    """Nobody's booking is discussed in public."""
    await turn.take_private("Thank you for writing. Let us go on here, in private.")


@handlers.on_message
async def first_line(turn: Turn) -> None:
    """A bot asks what it is about, then hands over to a person."""
    match turn.message.choice:
        case "baggage":
            await turn.reply("Thank you. A colleague answers you here.")
            await turn.handoff("baggage", note="asked by the bot")
        case "other":
            await turn.handoff("support")
        case _ if turn.conversation.assignee is None and turn.conversation.queue == "support":
            topics = [QuickReply("Baggage", id="baggage"), QuickReply("Something else", id="other")]
            await turn.reply(Text("What is it about?", quick_replies=topics))
        case _:
            await turn.handoff()


hub = Hub.from_toml(Path(__file__).with_name("omnichannel.toml"), handlers=handlers, work=False)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async with hub:
        app.state.hub = hub
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/hooks", hub.asgi)


def the_hub(request: Request) -> Hub:
    """The open hub; a test puts a simulated one there."""
    found: Hub = request.app.state.hub
    return found


Desk = Annotated[Hub, Depends(the_hub)]


class Answer(BaseModel):
    """What an agent sends. `version` is that of the conversation they had on their screen."""

    text: str
    agent: str
    version: int


@app.get("/queue/{name}")
async def queue(name: str, hub: Desk, after: str | None = None) -> dict[str, Any]:
    page = await hub.desk.list(name, after=after)
    return {"items": [{"id": c.id, "channel": c.channel, "version": c.version} for c in page.items], "next": page.next}


@app.get("/conversations/{id}")
async def show(id: str, hub: Desk) -> dict[str, Any]:
    try:
        conversation = await hub.conversation(id)
    except NotFound as error:
        raise HTTPException(404, str(error)) from None
    messages = (await hub.history(conversation.customer_id)).items
    choices = await hub.can_reply(id)
    return {
        "version": conversation.version,
        "messages": [{"channel": m.channel, "direction": m.direction, "text": m.text} for m in reversed(messages)],
        "answers_on": [step.channel for step in choices.steps],
        "not_on": {refusal.channel: refusal.reason for refusal in choices.refused},
    }


@app.post("/conversations/{id}/answers", status_code=202)
async def answer(id: str, given: Answer, hub: Desk) -> dict[str, str]:
    try:
        delivery = await hub.reply(id, given.text, agent=given.agent, if_version=given.version)
    except VersionConflict as error:
        raise HTTPException(409, str(error)) from None
    return {"delivery": delivery.id, "state": delivery.state}
