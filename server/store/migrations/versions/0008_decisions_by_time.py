"""The decision log by policy and time, for whoever reads the last weeks of a long one; no users' ids in snapshots.

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
    # They name users by their ids. What they hold is a fold over the log, and the next start makes it anew.
    op.execute("""DELETE FROM policy_snapshots WHERE parameters_json LIKE '%"policy":"personal"%'""")
    op.create_index("ix_decisions_policy_at_ms", "decisions", ["policy", "at_ms", "decision_id"])
