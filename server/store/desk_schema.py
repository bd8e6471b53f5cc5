"""The tables of agents: notes, what can be searched, how much each takes on, and what was offered to whom."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)


def desk_tables(metadata: MetaData) -> tuple[Table, Table, Table, Table, Table]:
    """notes, searched, search_rows, agent_capacities, offers."""
    # What agents tell each other of a conversation. No customer and no prompt ever reads it.
    notes = Table(
        "notes",
        metadata,
        Column("note_id", String(64), primary_key=True),
        Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
        Column("author_id", String, nullable=False),
        Column("author_kind", String(16), nullable=False),
        Column("author_name", String, nullable=False),
        Column("key", String(64), nullable=False),
        Column("text", Text, nullable=False),
        Column("at_ms", BigInteger, nullable=False),
        UniqueConstraint("conversation_id", "author_id", "key"),
    )
    Index("ix_notes_conversation_id_note_id", notes.c.conversation_id, notes.c.note_id)

    # How far each conversation's messages can be searched, and the messages that can: their words stand in
    # ``MESSAGE_TEXT`` under ``number``.
    searched = Table(
        "searched",
        metadata,
        Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
        Column("last_offset", BigInteger, nullable=False),
    )
    search_rows = Table(
        "search_rows",
        metadata,
        Column("number", Integer, primary_key=True),
        Column("message_id", ForeignKey("messages.message_id"), nullable=False, unique=True),
    )

    # How many conversations an agent takes at once, where it is not the house's number.
    agent_capacities = Table(
        "agent_capacities",
        metadata,
        Column("user_id", ForeignKey("users.id"), primary_key=True),
        Column("capacity", Integer, nullable=False),
    )

    # Waiting conversations that were offered to agents; a refusal counts for the wait in which it was given.
    offers = Table(
        "offers",
        metadata,
        Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
        Column("agent_id", ForeignKey("users.id"), primary_key=True),
        Column("waiting_since_ms", BigInteger, nullable=False),
        Column("state", String(16), nullable=False),
        Column("until_ms", BigInteger, nullable=False),  # the database's clock
        CheckConstraint("state IN ('open', 'refused', 'lapsed')", name="state"),
    )
    _OFFERED = offers.c.state == "open"
    Index("uq_offers_open", offers.c.conversation_id, unique=True, sqlite_where=_OFFERED, postgresql_where=_OFFERED)
    return notes, searched, search_rows, agent_capacities, offers
