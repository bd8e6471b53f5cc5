"""Whom decisions were for: ``people_ports`` says what these methods of ``ports.Store`` promise."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection, bindparam, select

from server.store import codec, schema
from server.store.people_ports import Asked
from server.store.prepare import check_texts
from server.store.roads import Roads
from server.store.whom import ASKED_ID, WHOM, with_whom

_turns, _decisions = schema.turns, schema.decisions
_METADATA = select(schema.conversations.c.metadata_json).where(schema.conversations.c.id == bindparam("conversation"))
_ASKED = (
    select(*WHOM, _turns.c.analysis_json)
    .select_from(with_whom(_decisions).outerjoin(_turns, _turns.c.turn_id == ASKED_ID))
    .where(_decisions.c.decision_id == bindparam("decision"))
)


class PeopleMethods(Roads):
    """Part of ``SqlStore``."""

    async def segment(self, channel: str) -> str | None:
        conversation = channel.removeprefix(codec.CHANNEL_PREFIX)
        if conversation == channel or not codec.is_storable(channel):
            return None
        return await self._read(partial(_segment, conversation=conversation))

    async def asked(self, decision_id: str) -> Asked | None:
        check_texts(decision_id=decision_id)
        return await self._read(partial(_asked, decision=decision_id))


def _segment(connection: Connection, conversation: str) -> str | None:
    return codec.segment_of(connection.scalar(_METADATA, {"conversation": conversation}))


def _asked(connection: Connection, decision: str) -> Asked | None:
    row = connection.execute(_ASKED, {"decision": decision}).first()
    if row is None:
        return None
    return Asked(row.user, codec.segment_of(row.metadata_json), codec.decode_mapping(row.analysis_json))
