"""Mail URLs: read alike for both protocols, and refused without showing what is secret in them."""

import re

import pytest

from omnichannel.kit.mail_url import Family, MailUrl, parse_mail_url


@pytest.mark.parametrize(
    ("url", "family", "expected"),
    [
        (
            "smtps://a:b@mail.example",
            "smtp",
            MailUrl(host="mail.example", port=465, tls="implicit", user="a", password="b"),
        ),
        ("smtp+starttls://mail.example/", "smtp", MailUrl(host="mail.example", port=587, tls="starttls")),
        ("smtp+starttls://mail.example:2525", "smtp", MailUrl(host="mail.example", port=2525, tls="starttls")),
        ("smtp://localhost", "smtp", MailUrl(host="localhost", port=25, tls="none")),
        ("IMAPS://mail.example", "imap", MailUrl(host="mail.example", port=993, tls="implicit")),
        ("imap+starttls://mail.example", "imap", MailUrl(host="mail.example", port=143, tls="starttls")),
        ("imap://[::1]:1143", "imap", MailUrl(host="::1", port=1143, tls="none")),
        ("imap://127.0.0.1", "imap", MailUrl(host="127.0.0.1", port=143, tls="none")),
        (
            "imaps://ann%40x.example:p%2F%3F%23%40%3A%C3%A9@mail.example",
            "imap",
            MailUrl(host="mail.example", port=993, tls="implicit", user="ann@x.example", password="p/?#@:é"),
        ),
    ],
)
def test_urls(url: str, family: Family, expected: MailUrl) -> None:
    assert parse_mail_url(url, family) == expected


@pytest.mark.parametrize(
    ("url", "family", "says"),
    [
        ("mail.example", "smtp", "no scheme: expected smtps:// or smtp+starttls://user:password@host"),
        ("smtp.example:587", "imap", "no scheme: expected imaps:// or imap+starttls://"),
        ("imaps://mail.example", "smtp", "scheme 'imaps' is not one of smtps:// or smtp+starttls://"),
        ("smtps://", "smtp", "no host"),
        ("smtps://u:hush@", "smtp", "no host"),
        ("smtps://u:hush@mail.example:abc", "smtp", "the port is not a number from 1 to 65535"),
        ("smtps://mail.example:70000", "smtp", "the port is not a number from 1 to 65535"),
        ("smtps://mail.example:0", "smtp", "the port is not a number from 1 to 65535"),
        ("smtps://u:hu/sh@mail.example", "smtp", "percent-encode"),
        ("smtps://u:1/hush@mail.example", "smtp", "there is an '@' after the host"),
        ("smtps://[::1", "smtp", "the port is not a number"),
        ("smtps://mail.example/hush", "smtp", "nothing may follow the host and port"),
        ("smtps://mail.example?hush=1", "smtp", "nothing may follow the host and port"),
        (
            "smtp://mail.example",
            "smtp",
            "smtp:// is not encrypted and host 'mail.example' is not this one: use smtps://",
        ),
        ("imap://127.evil.example", "imap", "imap:// is not encrypted"),
    ],
)
def test_bad_urls_are_named(url: str, family: Family, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        parse_mail_url(url, family)
    assert "hush" not in str(caught.value)
    assert "hush" not in repr(MailUrl(host="x", port=1, tls="none", password="hush"))
