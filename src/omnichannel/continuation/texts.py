"""What we say around a move, in our own words and the customer's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

__all__ = ["Phrase", "say"]

Phrase: TypeAlias = Literal["code", "code_sent", "code_ok", "code_wrong", "private"]

_TEXTS: Mapping[str, Mapping[Phrase, str]] = {
    "en": {
        "code": "Your code is {code}. Write it where you go on with us, and nowhere else. It is good for 15 minutes.",
        "code_sent": "So that only you see your conversation, we have sent you a code on {channel}. Write it here.",
        "code_ok": "Thank you. We go on here with your conversation.",
        "code_wrong": "That code is not right, or too old.",
        "private": "So that nobody else reads along, please go on with us here:\n{links}",
    },
    "fr": {
        "code": "Votre code est {code}. Écrivez-le là où vous continuez avec nous, et nulle part ailleurs. "
        "Il est valable 15 minutes.",
        "code_sent": "Pour que vous seul voyiez votre conversation, nous vous avons envoyé un code sur {channel}. "
        "Écrivez-le ici.",
        "code_ok": "Merci. Nous continuons ici votre conversation.",
        "code_wrong": "Ce code n'est pas le bon, ou il est trop ancien.",
        "private": "Pour que personne d'autre ne lise, continuez avec nous ici :\n{links}",
    },
    "de": {
        "code": "Ihr Code ist {code}. Schreiben Sie ihn dort, wo Sie mit uns weitermachen, und nirgends sonst. "
        "Er gilt 15 Minuten.",
        "code_sent": "Damit nur Sie Ihr Gespräch sehen, haben wir Ihnen auf {channel} einen Code geschickt. "
        "Bitte schreiben Sie ihn hier.",
        "code_ok": "Danke. Wir machen hier mit Ihrem Gespräch weiter.",
        "code_wrong": "Dieser Code stimmt nicht, oder er ist zu alt.",
        "private": "Damit niemand mitliest, machen Sie bitte hier mit uns weiter:\n{links}",
    },
    "es": {
        "code": "Su código es {code}. Escríbalo donde continúe con nosotros y en ningún otro sitio. Vale 15 minutos.",
        "code_sent": "Para que solo usted vea su conversación, le hemos enviado un código por {channel}. "
        "Escríbalo aquí.",
        "code_ok": "Gracias. Seguimos aquí con su conversación.",
        "code_wrong": "Ese código no es correcto, o es demasiado antiguo.",
        "private": "Para que nadie más lo lea, continúe con nosotros aquí:\n{links}",
    },
}


def say(phrase: Phrase, language: str | None, **slots: str) -> str:
    """The phrase in a language that we have it in, else in English. Slots are filled as they are."""
    words = _TEXTS.get((language or "en").replace("_", "-").partition("-")[0].lower(), _TEXTS["en"])[phrase]
    for name, value in slots.items():
        words = words.replace("{" + name + "}", value)
    return words
