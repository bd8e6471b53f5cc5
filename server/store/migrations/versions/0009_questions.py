"""Questions: what came of each, what they cited, and which are alike.

Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _create_turns()
    op.create_table(
        "question_citations",
        sa.Column("turn_id", sa.String(length=64), nullable=False),
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("turn_id", "article_id", name=op.f("pk_question_citations")),
    )
    op.create_table(
        "question_clusters",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("direction", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("named_size", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("article_id", sa.String(length=64), nullable=True),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'draft_written', 'resolved')", name=op.f("ck_question_clusters_state")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_question_clusters")),
    )
    op.create_index("ix_question_clusters_revision", "question_clusters", ["revision"])


def _create_turns() -> None:
    op.create_table(
        "question_turns",
        sa.Column("turn_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("trouble", sa.String(length=16), nullable=True),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.Column("cluster", sa.BigInteger(), nullable=True),
        sa.Column("closeness", sa.Double(), nullable=True),
        sa.Column("thumbs_up", sa.Integer(), nullable=False),
        sa.Column("thumbs_down", sa.Integer(), nullable=False),
        sa.Column("handed_off", sa.Boolean(), nullable=False),
        sa.Column("solved", sa.Boolean(), nullable=False),
        sa.Column("satisfaction", sa.Double(), nullable=True),
        sa.Column("look_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("outcome IN ('answered', 'offered', 'unanswered')", name=op.f("ck_question_turns_outcome")),
        sa.CheckConstraint(
            "trouble IN ('out_of_scope', 'unsure', 'uncited', 'handed_off', 'badly_rated')",
            name=op.f("ck_question_turns_trouble"),
        ),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.turn_id"], name=op.f("fk_question_turns_turn_id")),
        sa.PrimaryKeyConstraint("turn_id", name=op.f("pk_question_turns")),
    )
    _create_index("look", "look_at_ms", "look_at_ms IS NOT NULL")
    _create_index("unplaced", "turn_id", "cluster IS NULL")
    op.create_index("ix_question_turns_cluster", "question_turns", ["cluster", "at_ms"])
    op.create_index("ix_question_turns_at_ms", "question_turns", ["at_ms"])


def _create_index(name: str, column: str, where: str) -> None:
    op.create_index(
        f"ix_question_turns_{name}",
        "question_turns",
        [column],
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )
