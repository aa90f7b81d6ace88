"""Whether a machine wrote a mail (RFC 3834, and what is used besides)."""

from __future__ import annotations

from omnichannel.kit.mail.account import MailAccount
from omnichannel.kit.mail.addresses import canonical
from omnichannel.kit.mail.headers import Fields, message_id
from omnichannel.kit.mail.threading import base_of, is_own

__all__ = ["is_automatic"]

# A value of None means that the field alone says it.
_AUTOMATIC: tuple[tuple[str, tuple[str, ...] | None], ...] = (
    ("precedence", ("bulk", "list", "junk", "auto_reply", "auto-reply")),
    ("x-auto-response-suppress", ("oof", "autoreply", "all")),
    ("x-autoreply", None),
    ("x-autorespond", None),
    ("x-autoresponder", None),
    ("x-auto-reply-from", None),
    ("x-failed-recipients", None),
    ("list-id", None),
    ("list-unsubscribe", None),
)


def is_automatic(fields: Fields, sender: str, account: MailAccount) -> bool:
    """Whether a machine wrote: vacation answers, lists, robots, and our own mails that come back (RFC 3834)."""
    submitted = fields.get("auto-submitted").partition(";")[0].strip().lower()
    if submitted and submitted != "no":
        return True
    if fields.get("return-path").strip() == "<>" or fields.get("content-type").lower().startswith("multipart/report"):
        return True
    for name, values in _AUTOMATIC:
        found = fields.get(name).lower()
        if fields.has(name) and (values is None or any(value in found for value in values)):
            return True
    if any(canonical(one) in account.addresses for one in fields.all("x-loop")):
        return True
    local = sender.partition("@")[0]
    if sender in account.never_answer or local.endswith(tuple(f"-{robot}" for robot in account.never_answer)):
        return True
    if local in account.never_answer:
        return True
    return base_of(account, sender) in account.addresses or is_own(account, message_id(fields.get("message-id")))
