"""Learning: changes and snapshots of policies, decisions that wait for a reward, which event one corrects.

Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


# Both databases know UPDATE … FROM and window functions (SQLite from 3.33 on).
_PREVIOUS = """
UPDATE reward_log SET previous_offset = chained.earlier
FROM (
    SELECT policy, log_offset, LAG(log_offset) OVER (PARTITION BY decision_id ORDER BY log_offset) AS earlier
    FROM reward_log
) AS chained
WHERE chained.policy = reward_log.policy AND chained.log_offset = reward_log.log_offset
    AND chained.earlier IS NOT NULL
"""
_LAST = """
UPDATE decisions SET log_offset = logged.latest
FROM (SELECT decision_id, MAX(log_offset) AS latest FROM reward_log GROUP BY decision_id) AS logged
WHERE logged.decision_id = decisions.decision_id
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("decisions", sa.Column("log_offset", sa.BigInteger(), nullable=True))
    op.add_column("decisions", sa.Column("mode", sa.String(length=16), nullable=True))
    op.add_column("decisions", sa.Column("seed", sa.BigInteger(), nullable=True))
    op.add_column("reward_log", sa.Column("previous_offset", sa.BigInteger(), nullable=True))
    op.execute(_PREVIOUS)
    op.execute(_LAST)
    op.create_index(
        "ix_decisions_unrewarded",
        "decisions",
        ["policy", "at_ms"],
        sqlite_where=sa.text("reward IS NULL"),
        postgresql_where=sa.text("reward IS NULL"),
    )
    op.create_table(
        "policy_changes",
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("data_json", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["policy"], ["policies.policy"], name=op.f("fk_policy_changes_policy")),
        sa.PrimaryKeyConstraint("policy", "log_offset", name=op.f("pk_policy_changes")),
    )
    op.create_table(
        "policy_snapshots",
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("parameters_json", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("reason IN ('interval', 'shutdown', 'manual')", name=op.f("ck_policy_snapshots_reason")),
        sa.PrimaryKeyConstraint("policy", "log_offset", name=op.f("pk_policy_snapshots")),
    )
