"""Answers with what it was told: you type as the customer, in this terminal."""

import anyio

from omnichannel import Hub, Turn

hub = Hub(["console"])  # no account, no settings, no port


@hub.on_message
async def echo(turn: Turn) -> None:
    await turn.reply(turn.message.text)


if __name__ == "__main__":
    anyio.run(hub.serve)
