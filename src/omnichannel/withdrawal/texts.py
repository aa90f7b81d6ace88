"""The words of our own notices: sentences, months and channel names in seven languages. Data, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ASKED_FOR", "CHANNEL_NAMES", "LANGUAGES", "Words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One language. `date` is a format of day, month and year; `first` is how the first of a month is written.
    `until_us` and `we_leave` are for a brand without a name."""

    until: str
    leaving: str
    until_us: str
    we_leave: str
    go_on: str
    months: tuple[str, ...]
    date: str
    first: str = "1"
    names: Mapping[str, str]


LANGUAGES: Mapping[str, Words] = {
    "en": Words(
        until="You can reach {brand} on {channel} until {closed_at:date}.",
        leaving="{brand} is leaving {channel}.",
        until_us="You can reach us on {channel} until {closed_at:date}.",
        we_leave="We are leaving {channel}.",
        go_on="You can continue this conversation here:",
        months=(
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ),
        date="{day} {month} {year}",
        names={"email": "e-mail", "voice": "telephone", "livechat": "live chat", "inapp": "our app"},
    ),
    "fr": Words(
        until="Vous pouvez joindre {brand} sur {channel} jusqu'au {closed_at:date}.",
        leaving="{brand} quitte {channel}.",
        until_us="Vous pouvez nous joindre sur {channel} jusqu'au {closed_at:date}.",
        we_leave="Nous quittons {channel}.",
        go_on="Vous pouvez poursuivre cette conversation ici :",
        months=(
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ),
        date="{day} {month} {year}",
        first="1er",
        names={"email": "e-mail", "voice": "téléphone", "livechat": "chat", "inapp": "notre application"},
    ),
    "de": Words(
        until="Sie erreichen {brand} auf {channel} noch bis zum {closed_at:date}.",
        leaving="{brand} verlässt {channel}.",
        until_us="Sie erreichen uns auf {channel} noch bis zum {closed_at:date}.",
        we_leave="Wir verlassen {channel}.",
        go_on="Sie können dieses Gespräch hier fortsetzen:",
        months=(
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ),
        date="{day}. {month} {year}",
        names={"email": "E-Mail", "voice": "Telefon", "livechat": "Live-Chat", "inapp": "unsere App"},
    ),
    "es": Words(
        until="Puede contactar con {brand} en {channel} hasta el {closed_at:date}.",
        leaving="{brand} deja {channel}.",
        until_us="Puede contactar con nosotros en {channel} hasta el {closed_at:date}.",
        we_leave="Dejamos {channel}.",
        go_on="Puede continuar esta conversación aquí:",
        months=(
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ),
        date="{day} de {month} de {year}",
        names={"email": "correo electrónico", "voice": "teléfono", "livechat": "chat", "inapp": "nuestra aplicación"},
    ),
    "it": Words(
        # "il giorno" spares the elision that "al" would need before 8 and 11.
        until="Può contattare {brand} su {channel} fino al giorno {closed_at:date}.",
        leaving="{brand} lascia {channel}.",
        until_us="Può contattarci su {channel} fino al giorno {closed_at:date}.",
        we_leave="Lasciamo {channel}.",
        go_on="Può continuare questa conversazione qui:",
        months=(
            "gennaio",
            "febbraio",
            "marzo",
            "aprile",
            "maggio",
            "giugno",
            "luglio",
            "agosto",
            "settembre",
            "ottobre",
            "novembre",
            "dicembre",
        ),
        date="{day} {month} {year}",
        first="1º",
        names={"email": "e-mail", "voice": "telefono", "livechat": "chat", "inapp": "la nostra app"},
    ),
    "nl": Words(
        until="U kunt {brand} op {channel} bereiken tot {closed_at:date}.",
        leaving="{brand} verlaat {channel}.",
        until_us="U kunt ons op {channel} bereiken tot {closed_at:date}.",
        we_leave="Wij verlaten {channel}.",
        go_on="U kunt dit gesprek hier voortzetten:",
        months=(
            "januari",
            "februari",
            "maart",
            "april",
            "mei",
            "juni",
            "juli",
            "augustus",
            "september",
            "oktober",
            "november",
            "december",
        ),
        date="{day} {month} {year}",
        names={"email": "e-mail", "voice": "telefoon", "livechat": "livechat", "inapp": "onze app"},
    ),
    "pt": Words(
        until="Pode contactar {brand} em {channel} até {closed_at:date}.",
        leaving="{brand} deixa {channel}.",
        until_us="Pode contactar-nos em {channel} até {closed_at:date}.",
        we_leave="Deixamos {channel}.",
        go_on="Pode continuar esta conversa aqui:",
        months=(
            "janeiro",
            "fevereiro",
            "março",
            "abril",
            "maio",
            "junho",
            "julho",
            "agosto",
            "setembro",
            "outubro",
            "novembro",
            "dezembro",
        ),
        date="{day} de {month} de {year}",
        names={"email": "e-mail", "voice": "telefone", "livechat": "chat", "inapp": "a nossa aplicação"},
    ),
}

CHANNEL_NAMES: Mapping[str, str] = {
    "facebook": "Facebook",
    "google_business_messages": "Google Business Messages",
    "instagram": "Instagram",
    "kakaotalk": "KakaoTalk",
    "line": "LINE",
    "mewe": "MeWe",
    "rcs": "RCS",
    "sms": "SMS",
    "tiktok": "TikTok",
    "wechat": "WeChat",
    "whatsapp": "WhatsApp",
    "x": "X",
    "youtube": "YouTube",
}
"""Names that are not simply the channel's word with a capital letter; the same in every language."""

ASKED_FOR: tuple[str, ...] = (
    *("card number", "credit card", "debit card", "security code", "cvv", "cvc", "password", "pin code"),
    *("phone number", "mobile number", "carte bancaire", "carte de crédit", "numéro de carte", "mot de passe"),
    *("code pin", "numéro de téléphone", "kreditkarte", "kartennummer", "passwort", "telefonnummer", "handynummer"),
    *("tarjeta", "contraseña", "número de teléfono", "carta di credito", "numero di carta", "numero di telefono"),
    *("creditcard", "kaartnummer", "wachtwoord", "telefoonnummer", "pincode", "cartão", "palavra-passe", "senha"),
    *("número de telefone", "número de telemóvel"),
)
"""What an impostor asks for, and a notice never does. Compared in lower case."""
