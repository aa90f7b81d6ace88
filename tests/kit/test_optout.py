"""A stop is never missed, and never heard in a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.kit.optout import opt_out_word

# 47 CFR 64.1200(a)(10): "stop," "quit," "end," "revoke," "opt out," "cancel," or "unsubscribe".
FEDERAL = ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"]
PROVIDERS = ["STOPALL", "OPTOUT", "Opt-Out", "STOP ALL"]
SLIPS = ["stpo", "STOPP", "unsuscribe", "stop please", "S T O P"]
ELSEWHERE = {
    "fr": "ARRÊT",
    "es": "BAJA",
    "pt": "Sair",
    "de": "Kündigen",
    "it": "Annulla",
    "nl": "Afmelden",
    "sv": "Avsluta",
    "da": "Afmeld",
    "nb": "Stopp",
    "fi": "Lopeta",
    "pl": "Rezygnuję",
    "cs": "Zrušit",
    "ro": "Dezabonare",
    "hu": "Leiratkozás",
    "el": "ΔΙΑΚΟΠΉ",
    "tr": "İptal",
    "ru": "Стоп",
    "uk": "Відписатися",
    "ar": "إيقاف",
    "he": "הסר",
    "fa": "لغو",
    "hi": "रोकें",
    "bn": "বন্ধ করুন",
    "ur": "بند کریں",
    "zh": "退订",
    "ja": "配信停止",
    "ko": "수신거부",
    "vi": "TỪ CHỐI",
    "th": "หยุด",
    "id": "Berhenti",
}


@pytest.mark.parametrize("word", [*FEDERAL, *PROVIDERS, *SLIPS, *ELSEWHERE.values()])
@pytest.mark.parametrize("shape", ["{}", " {}.\n", "«{}»!", "🛑 {} 🛑"])
def test_stop_whatever_the_language(word: str, shape: str) -> None:
    for text in (shape.format(word), shape.format(word.upper()), shape.format(word.lower())):
        assert opt_out_word(text) == "stop"
        assert opt_out_word(text, "sw-KE") == "stop"


def test_a_turkish_capital_is_the_same_letter() -> None:
    assert opt_out_word("YARDIM") == opt_out_word("yard\u0131m") == "help"


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("START", "start"),
        ("Unstop", "start"),
        ("订阅", "start"),
        ("HELP", "help"),
        ("info", "help"),
        ("Hilfe!", "help"),
    ],
)
def test_start_and_help(text: str, keyword: str) -> None:
    assert opt_out_word(text) == keyword


@pytest.mark.parametrize(
    "text",
    [
        "stop sending me the wrong bag",
        "Please cancel my flight",
        "I want to end this",
        "help me",
        "the bus stop",
        "stop 2",
        "Yes",
        "resume",
        "acha",
        "",
        "!!!",
        "रक",
        "stop" * 40,
        " " * 70 + "stop",
    ],
)
def test_what_is_not_a_keyword(text: str) -> None:
    assert opt_out_word(text) is None


@pytest.mark.parametrize(
    ("text", "language", "keyword"),
    [
        ("fin", None, None),
        ("Fin!", "sv", None),
        ("FIN", "es-MX", "stop"),
        ("fin", "fr_FR", "stop"),
        ("Slut", "da", "stop"),
        ("Slut", "en", None),
        ("Halt!", "DE", "stop"),
        ("fine", "it", "stop"),
        ("Fine", "en", None),
    ],
)
def test_everyday_words_need_the_language(text: str, language: str | None, keyword: str | None) -> None:
    assert opt_out_word(text, language) == keyword


@given(st.text(max_size=80), st.none() | st.text(max_size=8))
def test_any_text_has_an_answer(text: str, language: str | None) -> None:
    assert opt_out_word(text, language) in {None, "stop", "start", "help"}
