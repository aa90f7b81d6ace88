"""What of a delivery is still to be said after steps that ended, and why they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import TypeAdapter

from omnichannel.model.content import Block, Text, load_block, text_of
from omnichannel.model.message import Refusal
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.stores.outgoing import Outgoing
from omnichannel.stores.progress import RANK
from omnichannel.stores.types import AnyRow

_FAILURE: TypeAdapter[Failure] = TypeAdapter(Failure)


DOUBT = timedelta(minutes=3)
"""After an answer that the channel is gone, how long until it is asked again for a message that has no other way."""
MOST_DOUBTS = 5
INTERRUPTED = Failure(
    outcome=Outcome.RETRY,
    level=Level.ATTEMPT,
    code="interrupted",
    message="the process ended while the request was under way",
    certain=False,
)
"""What is known of an attempt that was begun and never settled."""


def told(refused: Sequence[Refusal]) -> str:
    """Why no channel was used, for the reason of a delivery."""
    return "; ".join(f"{one.channel}: {one.reason}{one.detail and f' ({one.detail})'}" for one in refused)


def after_doubt(out: Outgoing) -> datetime | None:
    """When to ask once more a platform that said its channel is gone: one answer alone is no proof of that."""
    doubted = [step.n for step in out.steps if step.state == "doubted"]
    if not doubted or len(doubted) >= MOST_DOUBTS:
        return None
    keys = {part.key for part in out.parts if part.step in doubted}
    return max((a.started_at + DOUBT for a in out.attempts if a.part in keys), default=None)


def remaining(content: Block, out: Outgoing) -> Block:
    """What no step has brought to a platform yet. All of it where a step was accepted as a whole and had no success
    in time all the same."""
    for step in out.steps:
        mine = [part for part in out.parts if part.step == step.n]
        rest = [part for part in mine if RANK[part.state] == 0]
        if rest and len(rest) < len(mine):
            content = _joined(rest)
    return content


def _joined(rest: Sequence[AnyRow]) -> Block:
    blocks: Sequence[Block] = [load_block(part.content) for part in rest]
    texts = [text_of(block) for block in blocks if isinstance(block, Text)]
    attachments = [block for block in blocks if not isinstance(block, Text)]
    if len(attachments) == len(blocks) == 1:
        return blocks[0]
    ending = next((block for block in reversed(blocks) if isinstance(block, Text)), Text(""))
    media = [block for block in attachments if block.type_ == "media"]
    replies = ending.quick_replies
    return Text("\n".join(texts), quick_replies=replies, buttons=ending.buttons, attachments=cast(Any, media))


def load_failure(data: Mapping[str, Any] | None) -> Failure:
    """A failure as a part keeps it."""
    if data is None:
        return Failure(outcome=Outcome.INVALID, level=Level.MESSAGE, message="refused without a reason")
    return _FAILURE.validate_python(data)
