"""A conversation in a terminal: lines in, answers out. Where the lines come from is the caller's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

PROMPT = "you > "
ANSWER = "them < "


async def chat(
    lines: AsyncIterator[str],
    deliver: Callable[[bytes], Awaitable[None]],
    show: Callable[[str], None],
    *,
    run: str = "",
    sender: str = "you",
) -> None:
    """Delivers each line that is not blank as a frame, until the lines end.

    `deliver` is given the frame's bytes and returns when what answers has answered; `run` makes the frames' ids
    differ from those of an earlier run. `show` is given the prompt, and nothing else: answers are the caller's to
    show, with `answer_text`, whenever they come.
    """
    show(PROMPT)
    number = 0
    async for line in lines:
        text = line.strip()
        if text:
            number += 1
            await deliver(json.dumps({"text": text, "sender": sender, "id": str(number), "run": run}).encode())
        show(PROMPT)
    show("\n")


def answer_text(body: Mapping[str, Any]) -> str:
    """An appended body as the terminal shows it: its lines under each other, choices numbered to be typed."""
    first, *rest = str(body.get("text", "")).splitlines() or [""]
    indent = " " * len(ANSWER)
    lines = [ANSWER + first, *(indent + line for line in rest)]
    lines += [f"{indent}[{one['number']}] {one['title']}" for one in _many(body, "choices")]
    lines += [f"{indent}{one['title']}: {one['url']}" for one in _many(body, "links")]
    lines += [f"{indent}({name})" for name in _many(body, "media")]
    return "\n".join(lines) + "\n"


def _many(body: Mapping[str, Any], name: str) -> Sequence[Any]:
    return cast(Sequence[Any], body.get(name, ()))
