"""What a file is, by its first bytes. Names and Content-Type headers are claims; they only decide among equals."""

from __future__ import annotations

HEAD = 512
UNKNOWN = "application/octet-stream"

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x00\x00\x01\x00", "image/x-icon"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"MZ", "application/x-msdownload"),
    (0, b"\x7fELF", "application/x-elf"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
# ISO base media: the brand tells (https://mp4ra.org/registered-types/brands).
_BRANDS = {
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
    b"3gp4": "video/3gpp",
    b"3gp5": "video/3gpp",
    b"3gp6": "video/3gpp",
}
_MARKUP = ((b"<svg", "image/svg+xml"), (b"<!doctype html", "text/html"), (b"<html", "text/html"))
_INSIDE: dict[str, tuple[str, ...]] = {
    # What these containers may hold, so that a claim which names it can be believed.
    "application/zip": (
        "application/vnd.openxmlformats-officedocument.",
        "application/vnd.oasis.opendocument.",
        "application/epub+zip",
        "application/vnd.android.package-archive",
    ),
    "application/x-ole-storage": ("application/msword", "application/vnd.ms-"),
    "audio/ogg": ("audio/", "video/ogg", "application/ogg"),
    "video/webm": ("audio/webm", "video/"),
    "video/mp4": ("audio/mp4", "audio/m4a", "audio/x-m4a", "video/"),
    "application/octet-stream": (),
}
_PLAIN = ("text/plain", "text/csv", "text/calendar", "text/vcard", "text/x-vcard", "text/markdown", "application/json")


def sniff(head: bytes, claimed: str = "") -> str:
    """The media type of a file that begins with `head`. A claim counts only where the bytes leave it open."""
    claimed = claimed.partition(";")[0].strip().lower()
    found = _signature(head) or _family(head) or _markup(head)
    if found is None:
        return claimed if claimed in _PLAIN and _is_text(head) else UNKNOWN
    return claimed if claimed and claimed.startswith(_INSIDE.get(found, (found,))) else found


def _signature(head: bytes) -> str | None:
    return next((kind for at, magic, kind in _SIGNATURES if head.startswith(magic, at)), None)


def _family(head: bytes) -> str | None:
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    # MPEG audio frames without a tag: eleven set bits, then version and layer; layer 0 is AAC in ADTS.
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[2] != 0xFF:
        return "audio/aac" if head[1] & 0x06 == 0 else "audio/mpeg"
    return None


def _markup(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<?xml", b"<!--")):
        return next((kind for tag, kind in _MARKUP if tag in text), "application/xml")
    return next((kind for tag, kind in _MARKUP if text.startswith(tag)), None)


def _is_text(head: bytes) -> bool:
    if b"\x00" in head:
        return False
    try:
        # The last character may have been cut in two.
        head.decode("utf-8")
    except UnicodeDecodeError as exc:
        return exc.start >= len(head) - 3 and len(head) >= HEAD
    return True
