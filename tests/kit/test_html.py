"""Posts as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.kit.html import HTML_CAP, post_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<p>one<br>two<br/>three</p>", "one\ntwo\nthree"),
        ("<p>a &amp; b &lt;i&gt; &#39;c&#39;</p>", "a & b <i> 'c'"),
        ("<p>  so \n much   space </p>", "so much space"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        ("<blockquote><p>said</p></blockquote><p>answered</p>", "said\n\nanswered"),
        ("<pre>a\n  b</pre>", "a\nb"),
        ("<p>x<script>alert(1)</script>y<style>p{}</style></p>", "xy"),
        ('<a href="https://a.example/b">https://a.example/b</a>', "https://a.example/b"),
        ('<a href="https://a.example/">https://a.example</a>', "https://a.example"),
        ('<a href="https://a.example/b">here</a>', "here (https://a.example/b)"),
        ('<a href="https://a.example/b"><img src="x"></a>', "https://a.example/b"),
        ('<a href="javascript:x()">here</a>', "here"),
        ('<a class="u-url mention" href="https://a.example/@ann">@ann</a>', "@ann"),
        ('<a class="mention hashtag" href="https://a.example/tags/bag">#bag</a>', "#bag"),
        ('<p class="quote-inline">RE: <p>x</p></p><p>y</p>', "y"),
        ("<p>not closed <b>at all", "not closed at all"),
        ("</p></a></pre>x", "x"),
    ],
)
def test_what_is_read(html: str, text: str) -> None:
    assert post_text(html, without=frozenset({"quote-inline"})) == text


def test_it_ends() -> None:
    assert len(post_text("<p>x</p>" * HTML_CAP)) < HTML_CAP
    assert post_text("<div>" * 20_000 + "deep") == "deep"


@given(st.text(alphabet="<>/ap br=\"'!-&;#x\n", max_size=300))
def test_nothing_raises(html: str) -> None:
    assert isinstance(post_text(html), str)
