"""Learning: decisions that wait for a reward.

Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index(
        "ix_decisions_unrewarded",
        "decisions",
        ["policy", "at_ms"],
        sqlite_where=sa.text("reward IS NULL"),
        postgresql_where=sa.text("reward IS NULL"),
    )
