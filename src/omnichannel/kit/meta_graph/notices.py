"""What Meta says about templates, in the same shape for every product.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/message_template_status_update
"""

from __future__ import annotations

from typing import Any, NamedTuple, NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from omnichannel.model import late
from omnichannel.model.outcome import Failure, Level, Outcome

__all__ = ["TEMPLATE_FIELDS", "TemplateNews", "template_news"]

TEMPLATE_FIELDS = frozenset(
    {
        "message_template_status_update",
        "message_template_quality_update",
        "message_template_components_update",
        "template_category_update",
    }
)
_UNUSABLE = frozenset({"PAUSED", "DISABLED", "REJECTED", "DELETED", "PENDING_DELETION"})


class _TemplateUpdate(TypedDict):
    message_template_id: NotRequired[int | str | None]
    message_template_name: str
    message_template_language: NotRequired[str | None]
    event: NotRequired[str | None]
    reason: NotRequired[str | None]
    previous_quality_score: NotRequired[str | None]
    new_quality_score: NotRequired[str | None]
    previous_category: NotRequired[str | None]
    new_category: NotRequired[str | None]


_UPDATE: TypeAdapter[_TemplateUpdate] = late.adapter(_TemplateUpdate)


class TemplateNews(NamedTuple):
    """Which template and event it is (a key), in words, and what it means for sends where it cannot be used."""

    subject: str
    detail: str
    failure: Failure | None


def template_news(field: str, value: Any, see: str) -> TemplateNews:
    """What one update says. Raises `ValidationError`."""
    update = _UPDATE.validate_python(value)
    name, language = update["message_template_name"], update.get("message_template_language") or ""
    event, reason = update.get("event") or "", update.get("reason") or ""
    news = [
        event,
        reason if reason.upper() != "NONE" else "",
        _arrow(update.get("previous_quality_score"), update.get("new_quality_score")),
        _arrow(update.get("previous_category"), update.get("new_category")),
    ]
    what = ", ".join(one for one in news if one) or field.removeprefix("message_").replace("_", " ")
    detail = f"{name} ({language}): {what}" if language else f"{name}: {what}"
    failure = None
    if event in _UNUSABLE:
        failure = Failure(outcome=Outcome.INVALID, level=Level.TEMPLATE, code=event, message=detail, see=see)
    return TemplateNews(f"{update.get('message_template_id') or name}:{event}", detail, failure)


def _arrow(before: str | None, after: str | None) -> str:
    return f"{before or 'unknown'} to {after}" if after else ""
