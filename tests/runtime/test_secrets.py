"""Secrets by reference, and accounts that refuse to open without theirs."""

import logging

import pytest
from pydantic import BaseModel, Field, SecretStr

from omnichannel.channel import Account, Secrets
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.runtime.secrets import require_webhook_secret, resolve
from tests.runtime.fakes import PlainAccount, PlainChannel


class Nested(BaseModel):
    key: SecretStr


class Rich(Account):
    token: SecretStr
    app_secret: Secrets = ()
    maybe: SecretStr | None = None
    text: str = ""
    nested: Nested | None = None
    many: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])


FILES = {"/run/a": "from-file\n", "/run/empty": "\n"}


def read_file(path: str) -> str:
    if path == "/run/binary":
        return b"\xff".decode()
    try:
        return FILES[path]
    except KeyError:
        raise FileNotFoundError(2, "No such file or directory", path) from None


def rich(**settings: object) -> Rich:
    return Rich.model_validate({"id": "shop", "token": "plain", **settings})


def test_every_place_of_a_secret_is_filled() -> None:
    account = rich(
        token="env:T",
        app_secret=["env:T", "file:/run/a", "as-it-is"],
        maybe="file:/run/a",
        text="env:T",
        nested={"key": "env:T"},
        many={"a": "env:T"},
    )
    found = resolve(account, {"T": "from-env"}, read_file)
    assert found.token.get_secret_value() == "from-env"
    assert [one.get_secret_value() for one in found.app_secret] == ["from-env", "from-file", "as-it-is"]
    assert found.maybe is not None
    assert found.maybe.get_secret_value() == "from-file"
    assert found.nested is not None
    assert found.nested.key.get_secret_value() == "from-env"
    assert found.many["a"].get_secret_value() == "from-env"
    assert found.text == "env:T"
    assert account.token.get_secret_value() == "env:T"


@pytest.mark.parametrize("value", ["plain", "env:", "file:", "https://x", "environment:T", ""])
def test_what_is_no_reference_stays(value: str) -> None:
    assert resolve(rich(token=value), {}, read_file).token.get_secret_value() == value


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"token": "env:MISSING"}, ["'shop'", "token", "MISSING", "not set", "set MISSING"]),
        ({"token": "env:EMPTY"}, ["'shop'", "token", "EMPTY", "empty"]),
        ({"app_secret": ["x", "env:MISSING"]}, ["'shop'", "app_secret[1]", "MISSING"]),
        ({"nested": {"key": "env:MISSING"}}, ["'shop'", "nested.key", "MISSING"]),
        ({"maybe": "file:/run/none"}, ["'shop'", "maybe", "/run/none", "No such file"]),
        ({"maybe": "file:/run/empty"}, ["'shop'", "maybe", "/run/empty", "it is empty"]),
        ({"maybe": "file:/run/binary"}, ["'shop'", "maybe", "/run/binary", "not UTF-8"]),
    ],
)
def test_a_missing_one_is_named_with_the_remedy_and_no_value(settings: dict[str, object], says: list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve(rich(**settings), {"EMPTY": "", "OTHER": "canary"}, read_file)
    assert [word for word in says if word not in str(caught.value)] == []
    assert "canary" not in str(caught.value)


class Signed(PlainChannel):
    adapter = "signed"
    webhook_secret = "app_secret"


def signed(**settings: object) -> Signed:
    return Signed(PlainAccount.model_validate({"id": "shop-1", **settings}))


@pytest.mark.parametrize("secret", [(), "", ["", ""]])
def test_an_account_without_its_webhook_secret_does_not_open(secret: object) -> None:
    with pytest.raises(ConfigurationError, match=r"'shop-1': app_secret is missing.*env:SHOP_1_SECRET.*allow_unsigned"):
        require_webhook_secret(signed(app_secret=secret))


@pytest.mark.parametrize("secret", ["s", ["", "s"]])
def test_with_one_it_opens_silently(secret: object, caplog: pytest.LogCaptureFixture) -> None:
    require_webhook_secret(signed(app_secret=secret))
    require_webhook_secret(PlainChannel(PlainAccount(id="polls-only")))
    assert caplog.text == ""


def test_allow_unsigned_opens_and_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        require_webhook_secret(signed(allow_unsigned=True))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "shop-1" in caplog.text


def test_a_single_secret_field_counts_too() -> None:
    class OneSecret(Signed):
        adapter = "one_secret"
        webhook_secret = "token"

    require_webhook_secret(OneSecret(PlainAccount(id="a", token=SecretStr("x"))))
    with pytest.raises(ConfigurationError):
        require_webhook_secret(OneSecret(PlainAccount(id="a")))
