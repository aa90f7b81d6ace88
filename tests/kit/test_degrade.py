"""What a surface cannot show is said in another way, and what is lost is named."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.channel.capabilities import ButtonLimit, Capabilities, Choices, MediaLimit, Support
from omnichannel.kit.degrade import Fitted, fit, match_choice, shortened, with_choices, with_links
from omnichannel.kit.text import measure
from omnichannel.model.content import Block, LinkButton, Location, Media, QuickReply, Template, Text

PLAIN = Capabilities(text_limit=40)
RICH = Capabilities(
    text_limit=40,
    media={
        "image": MediaLimit(max_bytes=100, types=("image/jpeg", "image/png"), caption=10),
        "file": MediaLimit(max_bytes=1000),
    },
    choices=Choices(count=2, title=5, list_count=4, list_title=8, id=6),
    features={
        "attachments": Support.FULL,
        "quick_replies": Support.FULL,
        "buttons": Support.LOSSY,
        "templates": Support.FULL,
        "location": Support.FULL,
    },
)
MAIL = replace(RICH, text_limit=1000, media={"file": MediaLimit(max_bytes=1000, per_message=2)})
YES, NO = QuickReply("Yes", id="y"), QuickReply("No", id="n")
LINK = LinkButton("Pay", "https://pay.example/1")
PHOTO = Media(id="p", kind="image", type="image/jpeg; q=1", name="bag.jpg", size=100)
PAPER = Media(id="d", name="form.pdf", type="application/pdf")


PRESSED = replace(RICH, buttons=ButtonLimit(count=2, title=4, text=10))


@pytest.mark.parametrize(
    ("text", "links", "kept"),
    [
        ("Ten chars!", (LINK, LINK), True),
        ("Eleven char", (LINK,), False),
        ("", (LINK,), False),
        ("Go", (LINK, LINK, LINK), False),
        ("Go", (LinkButton("Title", "https://pay.example/1"),), False),
    ],
)
def test_buttons_that_do_not_fit_are_lines(text: str, links: tuple[LinkButton, ...], kept: bool) -> None:
    found = fit(Text(text, buttons=links), replace(PRESSED, text_limit=400))
    assert found.lost == (() if kept else ("buttons",))
    (part,) = found.parts
    assert isinstance(part, Text)
    assert part.buttons == (links if kept else ())
    assert kept or all(f"{link.title}: {link.url}" in part.text for link in links)


def full(*parts: Block) -> Fitted:
    return Fitted(parts, (), Support.FULL)


def lossy(lost: str, *parts: Block) -> Fitted:
    return Fitted(parts, tuple(lost.split()), Support.LOSSY)


@pytest.mark.parametrize(
    "content",
    [
        Text("Hello"),
        Text(""),
        Text("Hello", quick_replies=[YES, NO]),
        Text("Hello", quick_replies=[QuickReply("Maybe no", id="m"), YES]),
        Text("Hello", buttons=[LINK]),
        PHOTO,
        replace(PHOTO, caption="x" * 10),
        replace(PHOTO, size=None),
        PAPER,
        Location(48.85, 2.35, "Paris"),
        Template("delay", flight="AF1"),
    ],
)
def test_what_the_surface_can_do_stays_as_it_is(content: Block) -> None:
    assert fit(content, RICH) == full(content)


@pytest.mark.parametrize(
    ("content", "capabilities"),
    [
        (Text("Go?", quick_replies=[YES, NO]), PLAIN),
        (Text("Go?", quick_replies=[YES, NO]), replace(RICH, features={})),
        (Text("Go?", quick_replies=[YES, NO]), replace(RICH, choices=Choices(count=1, list_count=1))),
        (Text("Go?", quick_replies=[YES, NO]), replace(RICH, choices=Choices(count=2, title=2))),
        (Text("Go?", quick_replies=[QuickReply("Yes", id="y" * 7), NO]), RICH),
    ],
)
def test_quick_replies_become_numbered_lines(content: Text, capabilities: Capabilities) -> None:
    assert fit(content, capabilities) == lossy("quick_replies", Text("Go?\n\n1. Yes\n2. No"))


def test_more_options_than_buttons_make_a_list_while_they_fit_it() -> None:
    four = Text(
        "Which?", quick_replies=[QuickReply(name, id=name[:2]) for name in ("Oslo", "Rome", "Paris", "Bordeaux")]
    )
    assert fit(four, RICH) == full(four)
    five = Text("Which?", quick_replies=[*four.quick_replies, YES])
    assert fit(five, RICH).parts == (Text("Which?\n\n1. Oslo\n2. Rome\n3. Paris"), Text("4. Bordeaux\n5. Yes"))


def test_emoji_titles_are_measured_as_platforms_do() -> None:
    assert fit(Text("?", quick_replies=[QuickReply("👍" * 4, id="4")]), RICH).support is Support.FULL
    assert fit(Text("?", quick_replies=[QuickReply("👍" * 5, id="5")]), RICH).support is Support.LOSSY


def test_link_buttons_become_lines() -> None:
    assert fit(Text("Due", buttons=[LINK]), PLAIN) == lossy("buttons", Text("Due\n\nPay: https://pay.example/1"))


def test_everything_at_once_keeps_its_order() -> None:
    content = Text("Due", quick_replies=[YES, NO], buttons=[LINK], attachments=[PHOTO])
    found = fit(content, replace(PLAIN, text_limit=200), media_url=lambda media: f"https://m.example/{media.id}")
    assert found == lossy(
        "attachments buttons quick_replies",
        Text("Due\n\nbag.jpg: https://m.example/p\nPay: https://pay.example/1\n\n1. Yes\n2. No"),
    )


def test_long_text_is_split_and_what_can_be_tapped_stays_last() -> None:
    content = Text("one " * 20, quick_replies=[YES, NO], buttons=[LINK])
    found = fit(content, RICH)
    assert found.support is Support.FULL
    assert found.parts == (
        Text("one " * 9 + "one"),
        Text("one " * 9 + "one", quick_replies=[YES, NO], buttons=[LINK]),
    )


def test_attachments_become_parts_of_their_own() -> None:
    assert fit(Text("Here", attachments=[PHOTO, PAPER]), RICH) == full(Text("Here"), PHOTO, PAPER)
    assert fit(Text("", attachments=[PHOTO]), RICH) == full(PHOTO)


def test_attachments_come_before_what_can_be_tapped() -> None:
    content = Text("Yours?", quick_replies=[YES, NO], attachments=[PHOTO])
    assert fit(content, RICH) == full(PHOTO, Text("Yours?", quick_replies=[YES, NO]))


def test_several_files_ride_on_a_message_that_takes_them() -> None:
    three = [replace(PAPER, id=str(number)) for number in range(3)]
    found = fit(Text("Here", attachments=three), MAIL)
    assert found == full(Text("Here", attachments=three[:2]), three[2])
    assert fit(Text("", attachments=three[:1]), MAIL) == full(Text("", attachments=three[:1]))


def test_a_caption_rides_as_text_where_files_do() -> None:
    assert fit(replace(PAPER, caption="Sign it"), MAIL) == full(Text("Sign it", attachments=[PAPER]))


@pytest.mark.parametrize(
    "media",
    [
        replace(PHOTO, size=101),
        replace(PHOTO, type="image/gif"),
        Media(kind="audio", name="bag.jpg", type="audio/ogg"),
    ],
)
def test_files_that_are_not_allowed_become_lines(media: Media) -> None:
    linked = fit(Text("Here", attachments=[media]), RICH, media_url=lambda _: "https://m.example/1")
    assert linked == lossy("attachments", Text("Here\n\nbag.jpg: https://m.example/1"))
    assert fit(media, RICH) == lossy("attachments", Text("bag.jpg"))


@pytest.mark.parametrize(
    ("media", "url", "line"),
    [
        (
            Media(kind="audio", caption="Listen", name="a.ogg"),
            "https://m.example/1",
            "Listen\n\na.ogg: https://m.example/1",
        ),
        (Media(kind="audio", alt="A voice"), None, "A voice"),
        (Media(kind="audio"), None, "audio"),
        (Media(kind="audio"), "https://m.example/1", "https://m.example/1"),
    ],
)
def test_the_line_of_a_file(media: Media, url: str | None, line: str) -> None:
    assert fit(media, PLAIN, media_url=lambda _: url) == lossy("attachments", Text(line))


def test_mime_types_may_be_a_family() -> None:
    any_image = replace(RICH, media={"image": MediaLimit(max_bytes=100, types=("image/*",))})
    assert fit(replace(PHOTO, type="IMAGE/WEBP"), any_image).support is Support.FULL


def test_a_long_caption_follows_its_media() -> None:
    assert fit(replace(PHOTO, caption="x" * 11), RICH) == full(PHOTO, Text("x" * 11))
    assert fit(Text("Look", attachments=[replace(PHOTO, caption="x" * 11)]), RICH) == full(
        Text("Look"), PHOTO, Text("x" * 11)
    )


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (Location(48.8566, 2.3522, "Paris"), "Paris\n48.8566, 2.3522"),
        (Location(-33.9, 151.2), "-33.9, 151.2"),
    ],
)
def test_a_location_becomes_its_coordinates(location: Location, text: str) -> None:
    assert fit(location, PLAIN) == lossy("location", Text(text))


def test_a_template_has_no_substitute() -> None:
    assert fit(Template("delay"), PLAIN) == Fitted((), ("templates",), Support.NONE)


def test_a_surface_without_text_takes_none() -> None:
    assert fit(Text("Hi"), replace(PLAIN, text_limit=0)) == Fitted((), ("text",), Support.NONE)


TITLES = st.text(st.sampled_from("ab 👍é"), min_size=1, max_size=9)


@given(
    st.text(st.sampled_from("ab .\n👍"), max_size=150),
    st.lists(TITLES.map(QuickReply), max_size=6),
    st.lists(st.sampled_from([PHOTO, PAPER, replace(PHOTO, size=999), replace(PAPER, caption="c" * 60)]), max_size=3),
    st.sampled_from([PLAIN, RICH, MAIL]),
)
def test_every_part_fits(text: str, options: list[QuickReply], files: list[Media], capabilities: Capabilities) -> None:
    found = fit(Text(text, quick_replies=options, attachments=files), capabilities)
    assert found.parts
    assert (found.support is Support.FULL) is (not found.lost)
    for part in found.parts:
        assert isinstance(part, Text | Media)
        if isinstance(part, Text):
            assert measure(part.text, capabilities.text_unit) <= capabilities.text_limit
        assert fit(part, capabilities) == full(part)


OPTIONS = [YES, NO, QuickReply("Call me!"), QuickReply("7"), QuickReply("?")]


@pytest.mark.parametrize(
    ("typed", "choice"),
    [
        ("yes", "y"),
        (" YES! ", "y"),
        ("n", "n"),
        ("1", "y"),
        ("2.", "n"),
        ("2)", "n"),
        ("(2)", "n"),
        ("#2", "n"),
        ("2️⃣", "n"),
        ("\uff12", "n"),
        ("٢", "n"),
        ("2. No", "n"),
        ("2 no.", "n"),
        ("2. Yes", None),
        ("3", "Call me!"),
        ("call  me", "Call me!"),
        ("7", "7"),
        ("4", "7"),
        ("?", "?"),
        ("0", None),
        ("6", None),
        ("999", None),
        ("1000", None),
        ("yes please", None),
        ("", None),
        ("  ", None),
    ],
)
def test_a_typed_answer_is_matched(typed: str, choice: str | None) -> None:
    assert match_choice(typed, OPTIONS) == choice


@given(st.text(max_size=30))
def test_any_answer_is_one_of_the_options_or_none(typed: str) -> None:
    assert match_choice(typed, OPTIONS) in {None, *(option.choice for option in OPTIONS)}
    assert match_choice(typed, ()) is None


FETCHED = replace(
    PLAIN,
    media={
        "image": MediaLimit(max_bytes=1000, types=("image/*",), by_url=True),
        "file": MediaLimit(max_bytes=1000, per_message=2, caption=100, by_url=True),
    },
    features={"attachments": Support.FULL},
)


@pytest.mark.parametrize("kind", ["image", "file"])
def test_what_the_platform_fetches_needs_a_url(kind: Any) -> None:
    type_ = "image/png" if kind == "image" else "application/pdf"
    linked = Media(kind=kind, type=type_, name="a", ref="https://m.example/1")
    ours = replace(linked, ref="blob:1")
    # One of ours goes under the URL that it is served at, one with a URL of its own under that.
    assert fit(linked, FETCHED, media_url=lambda _: "https://no.example") == full(linked)
    assert fit(ours, FETCHED, media_url=lambda _: "https://m.example/1") == full(linked)
    assert fit(ours, FETCHED) == lossy("attachments", Text("a"))
    riding = fit(Text("Here", attachments=[ours]), FETCHED, media_url=lambda _: "https://m.example/1")
    apart = (Text("Here"), linked) if kind == "image" else (Text("Here", attachments=[linked]),)
    assert riding == full(*apart)


def test_a_link_of_its_own_is_in_the_line_of_a_file() -> None:
    linked = Media(kind="audio", name="a.ogg", ref="https://m.example/1")
    assert fit(linked, PLAIN) == lossy("attachments", Text("a.ogg: https://m.example/1"))


def test_links_and_choices_written_below_a_text() -> None:
    links = (LinkButton(title="Shop", url="https://shop.example"), LinkButton(title="Help", url="https://help.example"))
    assert with_links("Hi", links) == "Hi\nShop: https://shop.example\nHelp: https://help.example"
    assert (with_links("", links[:1]), with_links("Hi", ())) == ("Shop: https://shop.example", "Hi")
    replies = (QuickReply("Yes"), QuickReply("No"))
    assert with_choices("Sure?", replies) == "Sure?\n\n1. Yes\n2. No"
    assert (with_choices("", replies), with_choices("Hi", ())) == ("1. Yes\n2. No", "Hi")


def test_a_surface_with_shorter_texts() -> None:
    found = shortened(RICH, 5)
    assert (found.text_limit, found.media["image"].caption, found.media["file"].caption) == (5, 5, 0)
    assert shortened(RICH, 1000) == RICH
