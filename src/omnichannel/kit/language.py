"""A cautious guess at the language of a short message, where the platform does not tell it.

Counts words that are frequent in one of seven languages and rare in the others. It says nothing rather than
something wrong: a wrong guess addresses a customer in a language they may not read.
"""

from __future__ import annotations

import re

# Whole words alone: a reference such as #2DER4MIT is none, whatever its letters spell.
_WORDS = re.compile(r"(?<!\w)[^\W\d_]+(?:['\u2019][^\W\d_]+)?(?!\w)")
_COMMON = {
    "en": "the and is are was you your my what where when how have has been this that with not please can't don't "
    "hello hi thanks thank i'm it's for would could why help of to",
    "fr": "le la les une des du et est sont vous votre vos mon ma mes nous que qui quoi où quand comment pas plus "
    "avec pour dans bonjour merci je j'ai c'est s'il svp depuis ça allô ne suis au aux sur",
    "de": "der die das und ist sind nicht ich sie wir mein meine ihr wo wann wie warum bitte danke hallo mit für "
    "ein eine einen auf dem den habe wurde kein seit",
    "es": "el los las una y es son usted mi mis dónde cuándo cómo por qué con para hola gracias no está estoy "
    "tengo muy pero vuelo del al",
    "it": "il lo gli una e è sono non mio mia dove quando come perché con per ciao grazie buongiorno della "
    "che ho ma anche",
    "nl": "de het een en is zijn niet ik mijn u waar wanneer hoe waarom met voor hallo bedankt dank alstublieft "
    "heb naar van maar",
    "pt": "o os as uma e é são não meu minha onde quando como por com para olá obrigado obrigada você está "
    "estou mas do da em",
}
_LANGUAGES: dict[str, list[str]] = {}
for _language, _words in _COMMON.items():
    for _word in _words.split():
        _LANGUAGES.setdefault(_word, []).append(_language)

_LEAST = 1.0
_LEAD = 1.5


def guess(text: str) -> str | None:
    """The language of a text, or None where it is too short or too mixed to say. Reads at most 500 characters."""
    scores: dict[str, float] = {}
    for word in _WORDS.findall(text[:500].lower().replace("\u2019", "'")):
        languages = _LANGUAGES.get(word)
        if languages is not None:
            for language in languages:
                scores[language] = scores.get(language, 0.0) + 1 / len(languages)
    if not scores:
        return None
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    best, score = ranked[0]
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    return best if score >= _LEAST and score >= second * _LEAD else None
