"""The agents' desk: notes, search over messages, ratings by agent, capacities and offers.

Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "notes",
        sa.Column("note_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("author_id", sa.String(), nullable=False),
        sa.Column("author_kind", sa.String(length=16), nullable=False),
        sa.Column("author_name", sa.String(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_notes_conversation_id")),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_notes")),
        sa.UniqueConstraint("conversation_id", "author_id", "key", name=op.f("uq_notes_conversation_id_author_id_key")),
    )
    op.create_index("ix_notes_conversation_id_note_id", "notes", ["conversation_id", "note_id"])
    _create_search()
    _create_offers()
    op.add_column("assessments", sa.Column("agent_id", sa.String(), nullable=True))
    op.create_index(
        "ix_assessments_agents",
        "assessments",
        ["at_ms"],
        sqlite_where=sa.text("agent_id IS NOT NULL"),
        postgresql_where=sa.text("agent_id IS NOT NULL"),
    )


def _create_search() -> None:
    op.create_table(
        "searched",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("last_offset", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_searched_conversation_id")),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_searched")),
    )
    op.create_table(
        "search_rows",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.message_id"], name=op.f("fk_search_rows_message_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_search_rows")),
        sa.UniqueConstraint("message_id", name=op.f("uq_search_rows_message_id")),
    )
    if op.get_bind().dialect.name == "sqlite":
        # The words alone, as the store has made them: letters beyond ASCII are theirs, not the tokenizer's
        # (https://sqlite.org/fts5.html#contentless_tables).
        op.execute("CREATE VIRTUAL TABLE message_text USING fts5(words, content='', tokenize='ascii')")
        return
    op.execute(
        "CREATE TABLE message_text (number INTEGER PRIMARY KEY REFERENCES search_rows (number) ON DELETE CASCADE, "
        "words TSVECTOR NOT NULL)"
    )
    op.execute("CREATE INDEX ix_message_text_words ON message_text USING gin (words)")


def _create_offers() -> None:
    op.create_table(
        "agent_capacities",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_agent_capacities_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_agent_capacities")),
    )
    op.create_table(
        "offers",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("waiting_since_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'refused', 'lapsed')", name=op.f("ck_offers_state")),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_offers_conversation_id")),
        sa.ForeignKeyConstraint(["agent_id"], ["users.id"], name=op.f("fk_offers_agent_id")),
        sa.PrimaryKeyConstraint("conversation_id", "agent_id", name=op.f("pk_offers")),
    )
    op.create_index(
        "uq_offers_open",
        "offers",
        ["conversation_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
