"""What a part says, for platforms that have words and files and nothing else."""

from __future__ import annotations

from omnichannel.kit.refusals import invalid
from omnichannel.model.content import Media, Text
from omnichannel.model.message import Part

__all__ = ["files_of", "words_of"]


def words_of(part: Part, platform: str) -> str:
    """The text of a part. Raises `Rejected` for content that is neither text nor a file."""
    match part.content:
        case Text() | Media():
            return part.text
        case _:
            raise invalid("unsupported_content", f"{platform} has no {part.content.type_}")


def files_of(part: Part) -> tuple[Media, ...]:
    """The files of a part."""
    if isinstance(part.content, Media):
        return (part.content,)
    return part.content.attachments if isinstance(part.content, Text) else ()
