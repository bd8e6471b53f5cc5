"""Whom decisions were for: ``people_ports`` says what these methods of ``ports.Store`` promise."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, bindparam, select

from server.store import codec, schema
from server.store.roads import Roads

_METADATA = select(schema.conversations.c.metadata_json).where(schema.conversations.c.id == bindparam("conversation"))


class PeopleMethods(Roads):
    """Part of ``SqlStore``."""

    async def segment(self, channel: str) -> str | None:
        conversation = channel.removeprefix(codec.CHANNEL_PREFIX)
        if conversation == channel or not codec.is_storable(channel):
            return None
        return await self._read(partial(_segment, conversation=conversation))


def _segment(connection: Connection, conversation: str) -> str | None:
    return codec.segment_of(connection.scalar(_METADATA, {"conversation": conversation}))
