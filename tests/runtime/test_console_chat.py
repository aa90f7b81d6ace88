"""A conversation in a terminal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from omnichannel.runtime.console import answer_text, chat


async def test_lines_become_frames_and_the_prompt_comes_back() -> None:
    shown, frames = list[str](), list[bytes]()

    async def lines() -> AsyncIterator[str]:
        for line in ("hello\n", "   \n", "Où est ma valise ?\n"):
            yield line

    async def deliver(frame: bytes) -> None:
        frames.append(frame)
        shown.append(answer_text({"text": f"answer {len(frames)}"}))

    await chat(lines(), deliver, shown.append, run="r1", sender="ann")
    assert [json.loads(frame) for frame in frames] == [
        {"text": "hello", "sender": "ann", "id": "1", "run": "r1"},
        {"text": "Où est ma valise ?", "sender": "ann", "id": "2", "run": "r1"},
    ]
    assert "".join(shown) == "you > them < answer 1\nyou > you > them < answer 2\nyou > \n"


def test_an_answer_shows_all_that_hangs_on_it() -> None:
    body = {
        "text": "A refund?\nIt takes 5 days.",
        "choices": [{"number": 1, "title": "Yes", "id": "yes"}, {"number": 2, "title": "No", "id": "no"}],
        "links": [{"title": "Terms", "url": "https://air.example/terms"}],
        "media": ["form.pdf"],
    }
    assert answer_text(body).splitlines() == [
        "them < A refund?",
        "       It takes 5 days.",
        "       [1] Yes",
        "       [2] No",
        "       Terms: https://air.example/terms",
        "       (form.pdf)",
    ]
    assert answer_text({}) == "them < \n"
