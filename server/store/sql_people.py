"""Whom decisions were for: ``people_ports`` says what these methods of ``ports.Store`` promise."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, bindparam, select

from server.store import codec, schema
from server.store.roads import Roads

MAX_SEGMENT_CHARACTERS = 256  # more is no name, and policies keep thousands

_METADATA = select(schema.conversations.c.metadata_json).where(schema.conversations.c.id == bindparam("conversation"))


class PeopleMethods(Roads):
    """Part of ``SqlStore``."""

    async def segment(self, channel: str) -> str | None:
        conversation = channel.removeprefix(codec.CHANNEL_PREFIX)
        if conversation == channel or not codec.is_storable(channel):
            return None
        return await self._read(partial(_segment, conversation=conversation))


def _segment(connection: Connection, conversation: str) -> str | None:
    return segment_in(connection.scalar(_METADATA, {"conversation": conversation}))


def segment_in(metadata_json: str | None) -> str | None:
    """The segment in a conversation's metadata as stored."""
    # Metadata are the client's; most have no segment, and to look for the word is cheaper than to read JSON.
    if metadata_json is None or '"segment"' not in metadata_json:
        return None
    segment = codec.decode_mapping(metadata_json).get("segment")
    return segment if isinstance(segment, str) and 0 < len(segment) <= MAX_SEGMENT_CHARACTERS else None
