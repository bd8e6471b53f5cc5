"""The decision log by policy and time, for whoever reads the last weeks of a long one.

Revises: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_decisions_policy_at_ms", "decisions", ["policy", "at_ms", "decision_id"])
