"""A link from its template."""

from __future__ import annotations

from urllib.parse import quote

from omnichannel.adapters.link_only.account import LinkOnlyAccount


def url_of(account: LinkOnlyAccount, ref: str, text: str) -> str:
    """The link, with what is filled in percent-encoded."""
    values = {"username": account.username or "", "ref": ref.removeprefix("#"), "text": text}
    url = account.template
    for name, value in values.items():
        url = url.replace(f"{{{name}}}", quote(value, safe=""))
    return url
