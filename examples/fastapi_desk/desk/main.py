"""The web app: `uvicorn desk.main:app`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel

from desk.hub import hub
from omnichannel import Hub, NotFound, VersionConflict


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    async with hub:
        app.state.hub = hub
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/hooks", hub.asgi)


def open_hub(request: Request) -> Hub:
    """The hub; a test puts a simulated one there."""
    found: Hub = request.app.state.hub
    return found


Desk = Annotated[Hub, Depends(open_hub)]


class Answer(BaseModel):
    """`version` is that of the conversation which the agent had on the screen."""

    text: str
    agent: str
    version: int


@app.get("/queue/{name}")
async def queue(name: str, hub: Desk, after: str | None = None) -> dict[str, Any]:
    page = await hub.desk.list(name, after=after)
    return {"items": [{"id": one.id, "version": one.version} for one in page.items], "next": page.next}


@app.post("/conversations/{id}/answers", status_code=202)
async def answer(
    id: str, given: Answer, hub: Desk, idempotency_key: Annotated[str | None, Header()] = None
) -> dict[str, str]:
    try:
        delivery = await hub.reply(
            id, given.text, agent=given.agent, idempotency_key=idempotency_key, if_version=given.version
        )
    except NotFound as error:
        raise HTTPException(404, str(error)) from None
    except VersionConflict as error:
        raise HTTPException(409, str(error)) from None
    return {"delivery": delivery.id, "state": delivery.state}
