"""Numbers as people and platforms write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.kit.phone import country_of, digits, e164, international


@pytest.mark.parametrize(
    ("raw", "region", "number"),
    [
        ("+33612345678", None, "+33612345678"),
        ("+33 (0)6 12 34 56 78", None, "+33612345678"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("0033 6 12 34 56 78", None, "+33612345678"),
        ("whatsapp:+33612345678", None, "+33612345678"),
        ("tel:+33-6-12-34-56-78", None, "+33612345678"),
        ("\uff0b\uff13\uff13612345678", None, "+33612345678"),
        ("٠٦١٢٣٤٥٦٧٨", "FR", "+33612345678"),
        ("(415) 555-0132", "US", "+14155550132"),
        ("+15005550006", None, "+15005550006"),
        ("+5215512345678", None, "+525512345678"),
        ("+52 1 55 1234 5678", None, "+525512345678"),
        ("+525512345678", None, "+525512345678"),
        ("0612345678", None, None),
        ("12345", "US", None),
        ("KLM", None, None),
        ("1-800-FLOWERS", "US", None),
        ("+120", None, None),
        ("+999123456789", None, None),
        ("", None, None),
        ("+" + "1" * 30, None, None),
        ("+33" + " " * 80 + "612345678", None, None),
        ("0612345678", "XX", None),
    ],
)
def test_e164(raw: str, region: str | None, number: str | None) -> None:
    assert e164(raw, region) == number


@given(st.text(st.sampled_from("+0123456789 ()-.;=x٣"), max_size=24) | st.text(max_size=24))
def test_e164_never_raises_and_is_stable(raw: str) -> None:
    number = e164(raw, "FR")
    if number is not None:
        assert number == "+" + digits(number)
        assert e164(number) == number


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+33612345678", "FR"),
        ("+16847331234", "AS"),
        ("+15551234567", "US"),
        ("+447700900123", "GB"),
        ("+80012345678", None),
        ("+999123456789", None),
        ("0612345678", None),
        ("ann@example.com", None),
    ],
)
def test_country(number: str, country: str | None) -> None:
    assert country_of(number) == country


def test_digits() -> None:
    assert digits("+33 (0)6-12 ٣") == "3306123"


@pytest.mark.parametrize("number", ["+33612345678", "33612345678", "+5215512345678", "5215512345678", "525512345678"])
def test_what_platforms_write_whole(number: str) -> None:
    assert international(number) == e164(f"+{number.removeprefix('+')}")
