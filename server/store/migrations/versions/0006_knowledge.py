"""Knowledge: articles in versions, the rows that are searched, and their full text.

Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "knowledge_versions",
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("tags_json", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'approved', 'active', 'retired')", name=op.f("ck_knowledge_versions_state")
        ),
        sa.PrimaryKeyConstraint("article_id", "version", name=op.f("pk_knowledge_versions")),
    )
    op.create_index(
        "uq_knowledge_versions_active",
        "knowledge_versions",
        ["article_id"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "knowledge_changes",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("by_id", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_knowledge_changes")),
    )
    op.create_index("ix_knowledge_changes_article_id", "knowledge_changes", ["article_id", "version"])
    _create_rows()
    _create_text()


def _create_rows() -> None:
    op.create_table(
        "knowledge_rows",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("embedded", sa.Text(), nullable=False),
        sa.Column("variants_json", sa.Text(), nullable=False),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("embedding", sa.LargeBinary(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('passage', 'ask')", name=op.f("ck_knowledge_rows_kind")),
        sa.CheckConstraint("(model IS NULL) = (embedding IS NULL)", name=op.f("ck_knowledge_rows_embedding")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_knowledge_rows")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_knowledge_rows_entry_id")),
    )
    op.create_index("ix_knowledge_rows_article_id", "knowledge_rows", ["article_id"])
    op.create_index("ix_knowledge_rows_revision", "knowledge_rows", ["revision"])


def _create_text() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # The words alone: the texts stand in knowledge_rows (https://sqlite.org/fts5.html#external_content_tables).
        op.execute(
            "CREATE VIRTUAL TABLE knowledge_text USING fts5(title, heading, text, content='knowledge_rows', "
            "content_rowid='number', tokenize='porter unicode61')"
        )
        return
    op.execute(
        "CREATE TABLE knowledge_text (number INTEGER PRIMARY KEY REFERENCES knowledge_rows (number) ON DELETE CASCADE, "
        "document TSVECTOR NOT NULL)"
    )
    op.execute("CREATE INDEX ix_knowledge_text_document ON knowledge_text USING gin (document)")
