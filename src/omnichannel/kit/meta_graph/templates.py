"""Templates that Meta approved beforehand: which slot of ours fills which of their variables."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, JsonValue

from omnichannel.kit.refusals import invalid
from omnichannel.kit.slots import format_slot, pick_language
from omnichannel.model.content import Template
from omnichannel.model.frozen import Frozen

__all__ = ["Body", "ButtonSlot", "Filled", "TemplateSpec"]

Body: TypeAlias = dict[str, JsonValue]


class ButtonSlot(Frozen):
    """A variable of a template's button: the end of its URL, or the payload that its tap sends back."""

    index: int = Field(ge=0, le=9)
    kind: Literal["url", "quick_reply"]
    slot: str


class TemplateSpec(Frozen):
    """An approved template: which slot fills which of its numbered variables.

    `languages` maps our language tags to Meta's codes (`{"fr": "fr", "en-GB": "en_GB"}`); the first one is used where
    the customer's language has none. `name` is Meta's name where it is not the key that it stands under.
    A header of `header_kind` image, video or document takes a link.
    """

    languages: dict[str, str] = Field(min_length=1)
    category: Literal["marketing", "utility", "authentication"] = "utility"
    name: str | None = Field(default=None, max_length=512)
    body: tuple[str, ...] = ()
    header: str | None = None
    header_kind: Literal["text", "image", "video", "document"] = "text"
    buttons: tuple[ButtonSlot, ...] = ()


class Filled:
    """A template of the account with the slots of a content, in the customer's language.

    Raises `Rejected` for a template that the account does not know.
    """

    def __init__(self, content: Template, spec: TemplateSpec | None, language: str | None) -> None:
        if spec is None:
            raise invalid("unknown_template", f"the account has no template {content.name!r}")
        self.spec = spec
        self._content = content
        self._language, self.code = pick_language(spec.languages, language)

    def slot(self, name: str) -> str:
        """A value as the language writes it. Raises `Rejected` where it is missing."""
        if name not in self._content.slots:
            raise invalid("missing_slot", f"template {self._content.name!r} needs the slot {name!r}")
        return format_slot(self._content.slots[name], self._language)

    def start(self) -> list[JsonValue]:
        """The components of header and body. Raises `Rejected`."""
        spec = self.spec
        components: list[JsonValue] = []
        if spec.header is not None:
            components.append({"type": "header", "parameters": [_header(spec, self.slot(spec.header))]})
        if spec.body:
            texts: list[JsonValue] = [{"type": "text", "text": self.slot(name)} for name in spec.body]
            components.append({"type": "body", "parameters": texts})
        return components

    def named(self, language: Body, components: list[JsonValue]) -> Body:
        """The template as it is sent."""
        body: Body = {"name": self.spec.name or self._content.name, "language": language}
        if components:
            body["components"] = components
        return body


def _header(spec: TemplateSpec, value: str) -> JsonValue:
    if spec.header_kind == "text":
        return {"type": "text", "text": value}
    return {"type": spec.header_kind, spec.header_kind: {"link": value}}
