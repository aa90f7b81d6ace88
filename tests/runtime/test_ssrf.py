"""No URL, name or redirect leads a fetch to an address that is not public: judged before any connection is made."""

from collections.abc import Sequence

import pytest

from omnichannel.channel.wire import HttpRequest
from omnichannel.runtime.fetch import Fetcher
from omnichannel.runtime.ssrf import is_public, pin, resolve
from omnichannel.runtime.transport import TransportError
from tests.runtime.fakes import FakeTransport, streamed

PUBLIC = ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2001:4860:4860::8888", "8.8.8.8", "1.1.1.1")

CLASSES = {
    "this network": "0.0.0.0",  # noqa: S104 - a target, not a binding
    "this host on it": "0.1.2.3",
    "private 10": "10.0.0.1",
    "shared": "100.64.0.1",
    "loopback": "127.0.0.1",
    "loopback, another": "127.255.0.9",
    "link local": "169.254.0.1",
    "cloud metadata": "169.254.169.254",
    "private 172": "172.16.0.1",
    "private 172, the end": "172.31.255.255",
    "IETF": "192.0.0.8",
    "test 1": "192.0.2.1",
    "6to4 relay": "192.88.99.1",
    "private 192": "192.168.1.1",
    "benchmarks": "198.18.0.1",
    "benchmarks, the end": "198.19.255.255",
    "test 2": "198.51.100.1",
    "test 3": "203.0.113.1",
    "multicast": "224.0.0.1",
    "multicast, the end": "239.255.255.250",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 unspecified": "::",
    "IPv6 loopback": "::1",
    "IPv4 mapped": "::ffff:10.0.0.1",
    "IPv4 mapped, public": "::ffff:8.8.8.8",
    "IPv4 compatible": "::127.0.0.1",
    "NAT64": "64:ff9b::7f00:1",
    "NAT64, public": "64:ff9b::808:808",
    "NAT64, local use": "64:ff9b:1::a00:1",
    "discard": "100::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "ORCHID": "2001:20::1",
    "documentation": "2001:db8::1",
    "documentation, new": "3fff::1",
    "6to4 of loopback": "2002:7f00:1::",
    "6to4 of a public one": "2002:808:808::",
    "6bone": "3ffe::1",
    "unique local": "fd00::1",
    "unique local, AWS metadata": "fd00:ec2::254",
    "IPv6 link local": "fe80::1",
    "IPv6 link local, scoped": "fe80::1%eth0",
    "public, scoped": "2606:2800::1%eth0",
    "site local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "segment routing": "5f00::1",
}

FORMS = {
    "decimal": "https://2130706433/",
    "octal": "https://0177.0.0.1/",
    "hexadecimal": "https://0x7f000001/",
    "short": "https://127.1/",
    "mixed": "https://0x7f.0.0.1/",
    "leading zeros": "https://127.000.000.001/",
    "a number as the last label": "https://example.1/",
    "full width": "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "circled": "https://①②⑦.⓪.⓪.①/",
    "ideographic dot": "https://127。0。0。1/",
    "IPv6 in brackets": "https://[::1]/",
    "IPv4 mapped in brackets": "https://[::ffff:127.0.0.1]/",
    "scope in brackets": "https://[fe80::1%25eth0]/",
    "a trailing dot": "https://127.0.0.1./",
    "localhost": "https://localhost/",
    "a name of this network": "https://intranet/",
    "a user name": "https://public.example@127.0.0.1/",
    "a user name before a public host": "https://127.0.0.1@public.example/",
    "a password": "https://a:b@public.example/",
    "a backslash": "https://public.example\\@127.0.0.1/",
    "a tab": "https://public.example\t.127.0.0.1/",
    "a newline": "https://127.0.0.1\n.public.example/",
    "a space": "https:// 127.0.0.1/",
    "another port": "https://public.example:8443/",
    "port 80": "https://public.example:80/",
    "a bad port": "https://public.example:99999999/",
    "http": "http://public.example/",
    "file": "file:///etc/passwd",
    "gopher": "gopher://public.example/",
    "ftp": "ftp://public.example/",
    "no scheme": "//public.example/",
    "no host": "https:///x",
    "nothing": "",
    "a broken bracket": "https://[::1/",
    "a long label": f"https://{'a' * 64}.example/",
    "a long name": f"https://{'a.' * 127}example/",
    "an empty label": "https://a..example/",
}


class Names:
    """A resolver with a list of answers: the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def literal(address: str) -> str:
    return f"https://[{address}]/x" if ":" in address else f"https://{address}/x"


async def fetched(url: str, names: Names, transport: FakeTransport) -> str:
    async with Fetcher(transport, resolve=names).open(HttpRequest(method="GET", url=url)) as response:
        return str(response.status)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("name", CLASSES)
async def test_no_address_of_these_is_connected_to(name: str) -> None:
    address = CLASSES[name]
    assert not is_public(address)
    transport = FakeTransport()
    for url, names in (
        (literal(address), Names(PUBLIC)),
        ("https://evil.example/", Names([address])),
        ("https://evil.example/", Names([PUBLIC[0], address])),
    ):
        with pytest.raises(TransportError) as caught:
            await fetched(url, names, transport)
        assert (caught.value.kind, caught.value.maybe_sent) == ("blocked", False)
    assert transport.sent == []


@pytest.mark.parametrize("name", FORMS)
async def test_no_spelling_of_a_url_gets_through(name: str) -> None:
    transport = FakeTransport()
    with pytest.raises(TransportError) as caught:
        # Even if the system's resolver is taken in by the spelling.
        await fetched(FORMS[name], Names(["127.0.0.1"]), transport)
    assert (caught.value.kind, transport.sent) == ("blocked", [])


@pytest.mark.parametrize(
    "target", [literal(CLASSES["cloud metadata"]), FORMS["http"], FORMS["decimal"], FORMS["a user name"]]
)
@pytest.mark.parametrize("hops", [1, 3])
async def test_no_redirect_leads_inside(target: str, hops: int) -> None:
    onward = [streamed(302, location="https://public.example/next")] * (hops - 1)
    transport = FakeTransport(streams=[*onward, streamed(302, location=target)])
    with pytest.raises(TransportError) as caught:
        await fetched("https://public.example/", Names(PUBLIC[:1]), transport)
    assert (caught.value.kind, len(transport.sent)) == ("blocked", hops)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_fourth_redirect_is_one_too_many(status: int) -> None:
    again = streamed(status, location="/again")
    transport = FakeTransport(streams=[again, again, again, streamed(200)])
    assert await fetched("https://public.example/", Names(PUBLIC[:1]), transport) == "200"
    transport = FakeTransport(streams=[again, again, again, again, streamed(200)])
    with pytest.raises(TransportError, match="redirects"):
        await fetched("https://public.example/", Names(PUBLIC[:1]), transport)
    assert len(transport.sent) == 4


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    # A name that answers differently the second time: what was checked is what is connected to.
    names = Names(PUBLIC[:1], ["127.0.0.1"])
    transport = FakeTransport(streams=[streamed(200)])
    await fetched("https://Public.Example/a?b=c", names, transport)
    assert names.asked == ["public.example"]
    assert [request.url for request in transport.sent] == [f"https://{PUBLIC[0]}/a?b=c"]
    assert transport.sent[0].headers == {"host": "public.example", "accept-encoding": "identity"}


async def test_every_checked_address_is_tried_until_one_answers() -> None:
    refused = TransportError("refused", maybe_sent=False)
    transport = FakeTransport(streams=[streamed(204)])
    assert await fetched("https://public.example/", Names(PUBLIC[:2]), transport) == "204"
    assert len(transport.sent) == 1
    transport = FakeTransport(streams=[refused, streamed(200)])
    assert await fetched("https://public.example/", Names(PUBLIC[:2]), transport) == "200"
    assert [request.url for request in transport.sent] == [f"https://{PUBLIC[0]}/", f"https://[{PUBLIC[1]}]/"]
    with pytest.raises(TransportError) as caught:
        await fetched("https://public.example/", Names(PUBLIC[:2]), FakeTransport(streams=[refused, refused]))
    assert caught.value.kind == "refused"
    lost = TransportError("reset", maybe_sent=True)
    transport = FakeTransport(streams=[lost, streamed(200)])
    with pytest.raises(TransportError) as caught:
        await fetched("https://public.example/", Names(PUBLIC[:2]), transport)
    assert (caught.value.kind, len(transport.sent)) == ("reset", 1)


@pytest.mark.parametrize("text", ["", "public.example", "1.2.3", "1.2.3.4.5", "0x7f.0.0.1", "::g"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


async def test_an_unknown_name() -> None:
    async def nobody(host: str) -> Sequence[str]:
        raise OSError("no such host")

    for names in (nobody, Names([])):
        with pytest.raises(TransportError) as caught:
            await pin("https://gone.example/", names)
        assert caught.value.kind == "dns"


async def test_an_ip_literal_and_an_international_name_are_fine() -> None:
    assert (await pin("https://[2606:2800::1]/x", Names([]))).host == "[2606:2800::1]"
    names = Names(PUBLIC[:1])
    assert (await pin("https://bücher.example:443", names)).urls == (f"https://{PUBLIC[0]}/",)
    assert names.asked == ["xn--bcher-kva.example"]


async def test_simulated_platforms_are_exempt_by_their_whole_origin() -> None:
    allow = ["http://127.0.0.1:9001"]
    assert (await pin("http://127.0.0.1:9001/file", Names([]), allow)).urls == ("http://127.0.0.1:9001/file",)
    for url in ("http://127.0.0.1:9002/", "https://127.0.0.1:9001/", "http://127.0.0.1:9001@127.0.0.1/"):
        with pytest.raises(TransportError):
            await pin(url, Names([]), allow)


async def test_the_systems_resolver_gives_addresses() -> None:
    assert set(await resolve("localhost")) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("location", "kept"), [("https://public.example/b", True), ("/b", True), ("https://cdn.example/b", False)]
)
async def test_credentials_stay_with_their_origin(location: str, kept: bool) -> None:
    transport = FakeTransport(streams=[streamed(302, location=location), streamed(200)])
    request = HttpRequest(method="GET", url="https://public.example/a", headers={"authorization": "Bearer x"})
    async with Fetcher(transport, resolve=Names(PUBLIC[:1])).open(request):
        pass
    assert "authorization" in transport.sent[0].headers
    assert ("authorization" in transport.sent[1].headers) is kept
