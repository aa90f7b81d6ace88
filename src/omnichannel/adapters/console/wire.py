"""The frame that the terminal sends for each line."""

from __future__ import annotations

from typing import NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from omnichannel.model import late


class Frame(TypedDict):
    """What was typed, by whom. `id` is the frame's own, ascending within a run; `run` tells runs apart."""

    text: str
    sender: NotRequired[str]
    id: NotRequired[str]
    run: NotRequired[str]


FRAME: TypeAdapter[Frame] = late.adapter(Frame)
