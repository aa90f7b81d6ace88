"""Words by which a customer stops, restarts or asks for help. They act before any handler."""

from __future__ import annotations

from typing import Literal, TypeAlias
from unicodedata import category, normalize

__all__ = ["opt_out_word"]

Keyword: TypeAlias = Literal["stop", "start", "help"]

# The seven words of 47 CFR 64.1200(a)(10) (https://www.ecfr.gov/current/title-47/section-64.1200), those that
# providers add (https://help.twilio.com/articles/223134027), usual slips, and their equivalents elsewhere.
_STOP = """
en: stop, stopall, stop all, unsubscribe, cancel, end, quit, revoke, optout, opt out, stop texting me, stop messages,
    remove me, stop please, please stop, leave me alone, stpo, sotp, stopp, tsop, unsuscribe, unsubcribe, unsubscribe me
fr: arret, arreter, arretez, desabonner, desabonnement, me desabonner, desinscription, desinscrire, stop sms, resilier
es: baja, alto, parar, cancelar, darme de baja, dar de baja, desuscribir, desuscribirme, no mas mensajes
pt: sair, parar, pare, cancelar, cancelar inscricao, descadastrar, remover
de: stopp, abmelden, abbestellen, austragen, beenden, kündigen, kuendigen, keine nachrichten mehr
it: ferma, fermare, cancellami, annulla, disiscrivi, disiscrivimi, cancella iscrizione, basta
nl: stoppen, afmelden, uitschrijven, opzeggen, annuleren
sv: stopp, avsluta, avregistrera, avprenumerera, avanmäl, sluta
da: stop, afmeld, afslut, frameld, stands
nb: stopp, avslutt, avmeld, meld meg av
fi: lopeta, peruuta, peru tilaus, seis, poistu
is: hætta, stöðva, afskrá
pl: stop, rezygnuje, wypisz, wypisz mnie, anuluj, koniec, zakończ
cs: stop, odhlásit, odhlasit, zrušit, konec, ukončit
sk: odhlásiť, zrušiť, koniec, ukončiť
sl: odjava, prekini, ustavi
hr: odjava, prekini, zaustavi, odjavi me
sr: одјава, прекини, заустави
ro: opreste, dezabonare, anuleaza, anulare, renunta
hu: leiratkozás, leiratkozom, lemondás, vége
bg: спри, отпиши ме, отказ, край
el: σταματηστε, διακοπη, διαγραφη, τελος, απεγγραφη
tr: iptal, dur, durdur, abonelikten cik, ret
ru: стоп, отписаться, отписка, отмена, прекратить, хватит
uk: стоп, відписатися, відмовитися, припинити, скасувати
ar: توقف, إيقاف, ايقاف, الغاء, إلغاء, إلغاء الاشتراك, قف
he: הסר, הסרה, עצור, די, ביטול, להסיר
fa: لغو, توقف, لغو اشتراک
ur: بند کریں, روکیں, بند کرو
hi: रोकें, बंद करें, बंद करो, स्टॉप, रोको, band karo
bn: বন্ধ, বন্ধ করুন, থামুন
zh: 停止, 退订, 退訂, 取消订阅, 取消訂閱, 取消, 停, td
ja: 停止, 配信停止, 解除, ストップ, 退会, 登録解除
ko: 중지, 수신거부, 해지, 그만, 구독취소, 정지
vi: dừng, huỷ, hủy, tu choi, từ chối, ngừng, hủy đăng ký
th: หยุด, ยกเลิก, เลิก
id: berhenti, batal, henti, hentikan
ms: berhenti, batal, henti
tl: itigil, tigil, huminto
sw: simama, sitisha
"""
# Few, because a start that was not meant is a consent that was not given: no "yes", no "resume".
_START = """
en: start, unstop, subscribe, opt in, optin, resubscribe
fr: s abonner, me reabonner
es: suscribir, suscribirme
pt: inscrever
it: iscrivimi
ru: старт, подписаться
ar: اشتراك
zh: 订阅, 訂閱, 恢复订阅
ja: 配信再開, スタート
ko: 수신동의
tr: abone ol
"""
_HELP = """
en: help, info
fr: aide
es: ayuda
pt: ajuda
de: hilfe
it: aiuto
nl: hulp
sv: hjälp
da: hjælp
nb: hjelp
fi: apua, ohje
pl: pomoc
cs: pomoc
ro: ajutor
hu: segítség
el: βοηθεια
tr: yardim
ru: помощь
uk: допомога
ar: مساعدة
he: עזרה
fa: کمک
hi: मदद
zh: 帮助, 幫助
ja: ヘルプ
ko: 도움말
vi: trợ giúp
th: ช่วยเหลือ
id: bantuan
"""
# Everyday answers in another language ("Fin!" is "nice" in Swedish): they count where the language is known.
_ONLY_WHEN_KNOWN = """
es: fin
fr: fin
it: fine, no grazie
sv: slut
da: slut
nb: slutt
de: ende, halt
pt: para, fim
nl: einde, halt
"""


def opt_out_word(text: str, language: str | None = None) -> Keyword | None:
    """The keyword that a message is, or None. Only a whole message counts: "stop sending me the wrong bag" does not.

    Case, accents, punctuation and white space around and between the letters do not matter. Words of all languages
    count whatever `language` (a BCP 47 tag) is, because a stop that is missed is worse than one too many; it only
    adds words that are everyday words elsewhere. A title of a quick reply that was offered ("Cancel") is for the
    caller to match first. https://www.ecfr.gov/current/title-47/section-64.1200
    """
    if len(text) > _LONGEST:
        return None
    key = _key(text)
    primary = (language or "").replace("_", "-").partition("-")[0].lower()
    return _WORDS.get(key) or ("stop" if key in _KNOWN.get(primary, ()) else None)


def _key(text: str) -> str:
    """Letters and digits alone, without accents; the vowel signs of India and South-East Asia are letters here."""
    if text.isascii():
        return "".join(filter(str.isalnum, text.lower()))
    folded = normalize("NFKD", text.casefold()).replace("\u0131", "i")
    return "".join(one for one in folded if category(one)[0] in "LN" or (category(one)[0] == "M" and _is_vowel(one)))


def _is_vowel(mark: str) -> bool:
    return "\u0900" <= mark < "\u0f00"


def _table(source: str) -> dict[str, frozenset[str]]:
    words: dict[str, frozenset[str]] = {}
    for entry in source.strip().replace("\n    ", " ").splitlines():
        language, _, listed = entry.partition(":")
        words[language] = frozenset(filter(None, map(_key, listed.split(","))))
    return words


def _all() -> dict[str, Keyword]:
    words: dict[str, Keyword] = {}
    tables: tuple[tuple[str, Keyword], ...] = ((_HELP, "help"), (_START, "start"), (_STOP, "stop"))
    for source, keyword in tables:
        for listed in _table(source).values():
            words.update(dict.fromkeys(listed, keyword))
    return words


_LONGEST = 64
_WORDS = _all()
_KNOWN = _table(_ONLY_WHEN_KNOWN)
