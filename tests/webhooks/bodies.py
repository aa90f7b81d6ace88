"""Bodies that do not survive being parsed and written again, or that a framework likes to read for itself."""

from __future__ import annotations

KEPT: dict[str, bytes] = {
    "plain": b'{"a":1}',
    "key order and spaces": b'{"b": 2,  "a":1 }',
    "indented": b'{\n  "a": [\n    1\n  ]\n}',
    "emoji": '{"a": "😀👩‍👩‍👧"}'.encode(),
    "emoji, escaped": b'{"a": "\\ud83d\\ude00"}',
    "half an emoji, escaped": b'{"a": "\\ud83d"}',
    "escaped slash": b'{"a": "https:\\/\\/air.example"}',
    "escaped letter": b'{"a": "th\\u00e9"}',
    "escaped letter, capital": b'{"a": "th\\u00E9"}',
    "letter": '{"a": "café"}'.encode(),
    "letter in two": '{"a": "cafe\u0301"}'.encode(),
    "right to left": '{"a": "\u202e\u05e9\u05dc\u05d5\u05dd\u202c"}'.encode(),
    "line separator": '{"a": "\u2028"}'.encode(),
    "html": b'{"a": "<script>&amp;\\u003c"}',
    "escaped CRLF": b'{"a": "\\r\\n"}',
    "CRLF at the end": b'{"a": 1}\r\n',
    "newline at the end": b'{"a": 1}\n',
    "spaces around": b"  {}  ",
    "BOM": b"\xef\xbb\xbf{}",
    "NUL": b'{"a": "\x00"}',
    "escaped NUL": b'{"a": "\\u0000"}',
    "the same key twice": b'{"a": 1, "a": 2}',
    "numbers": b'{"a": [1.0, 1E2, -0, 10000000000000000000000001, 1e400]}',
    "no JSON number": b'{"a": NaN}',
    "a long string": b'{"a": "' + b"x" * 9_000 + b'"}',
    "a long string of escapes": b'{"a": "' + b"\\u00e9" * 1_500 + b'"}',
    "deep": b"[" * 64 + b"]" * 64,
    "an array": b'["a"]',
    "a word": b"null",
    "cut off": b'{"a": "',
    "nothing": b"",
    "form": b"a=b+c%20d&a=%F0%9F%98%80&empty=&%26=%3D",
    "form, not UTF-8": b"a=\xe9t\xe9",
    "XML": b'<?xml version="1.0"?>\r\n<Response/>',
    "multipart": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
}
"""Verified, and kept as they came."""

REFUSED: dict[str, tuple[bytes, int]] = {
    "JSON, not UTF-8": (b'{"a": "\xff"}', 400),
    "too deep": (b"[" * 65 + b"]" * 65, 400),
    "too large": (b"x" * 10_001, 413),
}
"""Signed, and not taken all the same."""

KINDS = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x")
"""What a body may be called. The last two are what frameworks read before anybody asked them to."""
