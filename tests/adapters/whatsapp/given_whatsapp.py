"""The accounts of these tests: two numbers of one business account, one in front of both."""

from omnichannel.adapters.whatsapp import ButtonSlot, TemplateSpec, WhatsAppAccount, WhatsAppChannel

SECRET = "app-secret-0123456789abcdef"
TEMPLATES = {
    "refund": TemplateSpec(name="refund_done", languages={"fr": "fr", "en": "en_GB"}, body=("amount", "day")),
    "hello": TemplateSpec(languages={"en-US": "en_US"}, category="marketing"),
    "parcel": TemplateSpec(
        languages={"en": "en"},
        header="city",
        body=("who",),
        buttons=(ButtonSlot(index=0, kind="url", slot="code"), ButtonSlot(index=1, kind="quick_reply", slot="stop")),
    ),
    "offer": TemplateSpec(languages={"en": "en"}, category="marketing", header="picture", header_kind="image"),
}


def account(**more: object) -> WhatsAppAccount:
    """The first number."""
    given: dict[str, object] = {
        "id": "wa",
        "phone_number_id": "106540352242922",
        "waba_id": "102290129340398",
        "display_number": "+1 555 078 3881",
        "app_secret": SECRET,
        "verify_token": "the-chosen-word",
        "token": "EAAG-access-token",
        "templates": TEMPLATES,
        **more,
    }
    return WhatsAppAccount.model_validate(given)


FIRST = account()
SECOND = account(id="wa-2", phone_number_id="206540352242922", display_number="+1 555 078 3882", templates={})
CHANNEL = WhatsAppChannel(FIRST, (FIRST, SECOND))
