"""What a file is, whatever it is called."""

import pytest

from omnichannel.runtime.sniff import HEAD, sniff

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OPENXML = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("head", "claimed", "found"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/png", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "text/html", "image/png"),
        (b"GIF89a..", "", "image/gif"),
        (b"GIF87a..", "", "image/gif"),
        (b"BM....", "", "image/bmp"),
        (b"II*\x00", "", "image/tiff"),
        (b"MM\x00*", "", "image/tiff"),
        (b"\x00\x00\x01\x00", "", "image/x-icon"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "", "audio/wav"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "", "video/x-msvideo"),
        (b"RIFF\x00\x00\x00\x00QQQQ", "", "application/octet-stream"),
        (b"%PDF-1.7", "image/png", "application/pdf"),
        (b"OggS\x00", "audio/ogg; codecs=opus", "audio/ogg"),
        (b"OggS\x00", "video/ogg", "video/ogg"),
        (b"OggS\x00", "text/html", "audio/ogg"),
        (b"fLaC", "", "audio/flac"),
        (b"ID3\x03", "", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "", "audio/aac"),
        (b"#!AMR\n", "", "audio/amr"),
        (b"\x1aE\xdf\xa3", "audio/webm", "audio/webm"),
        (b"\x00\x00\x00\x18ftypmp42", "", "video/mp4"),
        (b"\x00\x00\x00\x18ftypmp42", "audio/mp4", "audio/mp4"),
        (b"\x00\x00\x00\x18ftypM4A ", "video/mp4", "audio/mp4"),
        (b"\x00\x00\x00\x18ftypheic", "", "image/heic"),
        (b"\x00\x00\x00\x18ftypqt  ", "", "video/quicktime"),
        (b"PK\x03\x04", "image/png", "application/zip"),
        (b"PK\x03\x04", OPENXML, OPENXML),
        (OLE, "application/msword", "application/msword"),
        (OLE, "", "application/x-ole-storage"),
        (b"\x1f\x8b\x08", "", "application/gzip"),
        (b"7z\xbc\xaf\x27\x1c", "", "application/x-7z-compressed"),
        (b"Rar!\x1a\x07\x00", "", "application/vnd.rar"),
        (b"{\\rtf1", "", "application/rtf"),
        (b"MZ\x90\x00", "image/png", "application/x-msdownload"),
        (b"\x7fELF", "image/png", "application/x-elf"),
        (b"\xef\xbb\xbf <!DOCTYPE html>", "text/plain", "text/html"),
        (b"<html>", "image/png", "text/html"),
        (b"<?xml version='1.0'?><svg>", "image/png", "image/svg+xml"),
        (b"<!-- x --><html>", "text/plain", "text/html"),
        (b"<?xml version='1.0'?><feed>", "", "application/xml"),
        (b"plain words", "text/plain; charset=utf-8", "text/plain"),
        (b"a;b\n1;2", "text/csv", "text/csv"),
        (b"plain words", "image/png", "application/octet-stream"),
        (b"plain words", "", "application/octet-stream"),
        (b"\x00\x01\x02", "text/plain", "application/octet-stream"),
        (b"\xfe\xed\xfa", "text/plain", "application/octet-stream"),
        (b"", "text/plain", "text/plain"),
    ],
)
def test_the_bytes_decide(head: bytes, claimed: str, found: str) -> None:
    assert sniff(head, claimed) == found


def test_text_whose_last_character_was_cut_is_text() -> None:
    head = ("é" * HEAD).encode()[: HEAD - 1]
    assert sniff(b"x" + head, "text/plain") == "text/plain"
    assert sniff(head[: HEAD - 10] + b"\xff" + head[:5], "text/plain") == "application/octet-stream"
