"""The accounts of these tests: two Pages of one app, one in front of both."""

from omnichannel.adapters.messenger import ButtonSlot, MessengerAccount, MessengerChannel, TemplateSpec

SECRET = "app-secret-0123456789abcdef"
PSID = "1254477777772919"
TEMPLATES = {
    "refund": TemplateSpec(name="refund_done", languages={"en": "en", "fr": "fr"}, body=("amount", "day")),
    "hello": TemplateSpec(languages={"en-US": "en_US"}),
    "parcel": TemplateSpec(
        languages={"en": "en"},
        body=("who",),
        buttons=(ButtonSlot(index=1, kind="quick_reply", slot="stop"), ButtonSlot(index=0, kind="url", slot="code")),
    ),
    "offer": TemplateSpec(languages={"en": "en"}, category="marketing"),
}


def account(**more: object) -> MessengerAccount:
    """The first Page."""
    given: dict[str, object] = {
        "id": "page",
        "page_id": "1906385232743451",
        "app_secret": SECRET,
        "verify_token": "the-chosen-word",
        "token": "EAAG-page-token",
        "human_agent": True,
        "templates": TEMPLATES,
        **more,
    }
    return MessengerAccount.model_validate(given)


FIRST = account()
SECOND = account(id="page-2", page_id="2906385232743451", page_name="second.page", templates={})
CHANNEL = MessengerChannel(FIRST, (FIRST, SECOND))
