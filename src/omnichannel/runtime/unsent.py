"""What of a delivery is still to be said after steps that ended, and why they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from pydantic import TypeAdapter

from omnichannel.channel.capabilities import Capabilities
from omnichannel.channel.wire import Repeat
from omnichannel.model.content import Block, Text, load_block, text_of
from omnichannel.model.message import Refusal
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.routing.checks import No
from omnichannel.stores.outgoing import Outgoing
from omnichannel.stores.progress import RANK
from omnichannel.stores.types import AnyRow
from omnichannel.stores.units import AccountInfo

_FAILURE: TypeAdapter[Failure] = TypeAdapter(Failure)


UNKNOWN = "nobody knows whether it arrived"
HOLDING = frozenset({Outcome.AUTH, Outcome.SUSPENDED, Outcome.PAYMENT_REQUIRED, Outcome.WITHDRAWN})
"""Failures of the account, not of the message: once the account works again, the message may go there after all."""
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


def holds(failure: Failure) -> bool:
    """Whether it is surely the account that failed."""
    return failure.outcome in HOLDING and failure.certain


def ending(failure: Failure, no: No | None) -> str:
    """How a step ends: `failed` speaks against its account, `skipped` does not once the account works again, and
    `doubted` not after a while. `no` is what stands against the step by now, where the account failed."""
    if no is not None and no.reason in ("held", "suspected", "country_blocked", "purpose_blocked"):
        return "skipped"
    return "doubted" if holds(failure) and failure.outcome is Outcome.WITHDRAWN else "failed"


def told(refused: Sequence[Refusal]) -> str:
    """Why no channel was used, for the reason of a delivery."""
    return "; ".join(f"{one.channel}: {one.reason}{one.detail and f' ({one.detail})'}" for one in refused)


def after_doubt(out: Outgoing, now: datetime) -> datetime | None:
    """When to ask once more a platform that said its channel is gone: one answer alone is no proof of that. None once
    that time has come: what is decided then is no longer a matter of doubt."""
    doubted = [step.n for step in out.steps if step.state == "doubted"]
    if not doubted or len(doubted) >= MOST_DOUBTS:
        return None
    keys = {part.key for part in out.parts if part.step in doubted}
    asked = max((a.started_at + DOUBT for a in out.attempts if a.part in keys), default=None)
    return asked if asked is not None and asked > now else None


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


KEY_MARGIN = timedelta(minutes=1)
"""How long before its end a key is not trusted any more: a request takes its time."""


def is_keyed(surface: Capabilities | None) -> bool:
    """Whether a send is repeated under a key that the platform forgets after a time."""
    return surface is not None and surface.repeat is Repeat.KEYED and surface.key_kept is not None


def doubts(out: Outgoing, part: AnyRow) -> Sequence[AnyRow]:
    """The tries of a part that ended without a word and may have arrived."""
    return [a for a in out.attempts if a.part == part.key and a.state == "failed" and not a.certain]


def in_doubt(out: Outgoing) -> bool:
    """Whether something of a delivery may have arrived, and nobody knows."""
    return any(a.state == "unknown" or (a.state == "failed" and not a.certain) for a in out.attempts)


def may_answer(info: AccountInfo | None, out: Outgoing, part: AnyRow) -> bool:
    """Whether the response to a webhook may be a part's way: so that it is looked for on channels alone that can."""
    return info is not None and info.answers and out.delivery.in_reply_to is not None and not part.tries


def key_is_over(out: Outgoing, part: AnyRow, surface: Capabilities | None, now: datetime) -> bool:
    """Whether a part may have arrived under a key that the platform does not know any more: then a repetition would be
    a second message. What is sent again on purpose is no repetition."""
    if surface is None or surface.key_kept is None or part.resent:
        return False
    begun = [attempt.started_at for attempt in doubts(out, part)]
    return bool(begun) and now >= min(begun) + surface.key_kept - KEY_MARGIN


def load_failure(data: Mapping[str, Any] | None) -> Failure:
    """A failure as a part keeps it."""
    if data is None:
        return Failure(outcome=Outcome.INVALID, level=Level.MESSAGE, message="refused without a reason")
    return _FAILURE.validate_python(data)
