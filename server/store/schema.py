"""The tables. Migrations lead here: a test compares the migrated database with this metadata.

JSON stands in TEXT columns, not in the database's JSON types: what was stored comes back byte for byte, with the
order of its keys and with escapes such as ``\\u0000`` that PostgreSQL's JSONB refuses. Vectors of float64 are packed
little-endian, so that a decision is replayed on exactly the numbers it was made with.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

from server.store.alert_schema import alert_tables
from server.store.desk_schema import desk_tables

FULL_TEXT = "knowledge_text"
"""The table of the full text, and the beginning of the names of those that it makes for itself. The dialect's own, so
it stands in migrations only."""
MESSAGE_TEXT = "message_text"
"""Likewise, of messages."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

users = Table(
    "users",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("status_text", Text),
    Column("last_seen_ms", BigInteger, nullable=False),
    Column("tokens_from_ms", BigInteger, nullable=False),
    Column("banned", Boolean, nullable=False),
    Column("revocation", BigInteger),  # the number of the last one
    Column("absent_since_ms", BigInteger),  # the database's clock; an agent without a device
    Column("broadcasts_before", BigInteger, nullable=False),  # those were for users known earlier
    CheckConstraint("status IN ('online', 'away', 'busy', 'invisible')", name="status"),
)
_REVOKED = users.c.revocation.is_not(None)
Index("uq_users_revocation", users.c.revocation, unique=True, sqlite_where=_REVOKED, postgresql_where=_REVOKED)

# Numbers that grow by one; a row's lock, kept until the commit, is what makes them appear in order.
counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("epoch", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("agent_id", ForeignKey("users.id")),
    Column("claim_number", BigInteger, nullable=False),
    Column("resolved", Boolean, nullable=False),
    Column("last_offset", BigInteger, nullable=False),
    Column("opener_id", ForeignKey("users.id"), nullable=False),
    Column("open_key", String(64), nullable=False),
    Column("metadata_json", Text),
    Column("metadata_digest", LargeBinary, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("waiting_since_ms", BigInteger),
    Column("waiting_reason", Text),
    UniqueConstraint("opener_id", "open_key"),
    CheckConstraint("state IN ('bot', 'waiting', 'claimed')", name="state"),
)
_WAITING, _CLAIMED = conversations.c.state == "waiting", conversations.c.state == "claimed"
Index(
    "ix_conversations_waiting",
    conversations.c.waiting_since_ms,
    conversations.c.id,
    sqlite_where=_WAITING,
    postgresql_where=_WAITING,
)
Index("ix_conversations_claimed", conversations.c.id, sqlite_where=_CLAIMED, postgresql_where=_CLAIMED)

members = Table(
    "members",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("user_id", ForeignKey("users.id"), primary_key=True, index=True),
    Column("joined_at_ms", BigInteger, nullable=False),
)

# How far each user has got; staff has receipts without being a member.
receipts = Table(
    "receipts",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("delivered_offset", BigInteger, nullable=False),
    Column("read_offset", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("message_id", String(64), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("sender_id", String, nullable=False),
    Column("sender_kind", String(16), nullable=False),
    Column("sender_name", String, nullable=False),
    Column("key", String(64)),
    Column("digest", LargeBinary),
    Column("text", Text, nullable=False),
    Column("data_json", Text),
    Column("reply_to", String),
    Column("answers", String(64)),  # the turn that this reply closed
    Column("turn_json", Text),
    Column("at_ms", BigInteger, nullable=False),
    UniqueConstraint("conversation_id", "offset"),
    # Answers and system messages have no key; NULLs are distinct in a unique index.
    UniqueConstraint("conversation_id", "sender_id", "key"),
)
# Law 4: one answer per turn. Partial, so that ordinary messages don't pay for it.
_ANSWERS = messages.c.answers.is_not(None)
Index("uq_messages_answers", messages.c.answers, unique=True, sqlite_where=_ANSWERS, postgresql_where=_ANSWERS)

LONG = 256
"""Offsets from here on are counted by an index of their own: it would cost every message of every conversation a
write, to spare a look at a few rows."""
_LATE = messages.c.offset > literal_column(str(LONG))
Index(
    "ix_messages_late",
    messages.c.conversation_id,
    messages.c.sender_id,
    messages.c.offset,
    sqlite_where=_LATE,
    postgresql_where=_LATE,
)

# The outbox. A turn has its customer message's id, so a message can't have two.
turns = Table(
    "turns",
    metadata,
    Column("turn_id", ForeignKey("messages.message_id"), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("lease_number", BigInteger, nullable=False),
    Column("worker", String, nullable=False),
    Column("lease_until_ms", BigInteger, nullable=False),  # the database's clock, never a worker's
    Column("analysis_json", Text),
    Column("notes_json", Text),
    UniqueConstraint("conversation_id", "offset"),
    CheckConstraint("state IN ('open', 'answered', 'dropped')", name="state"),
)
_OPEN = turns.c.state == "open"
Index("ix_turns_open_lease_until_ms", turns.c.lease_until_ms, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("ix_turns_open", turns.c.conversation_id, turns.c.offset, sqlite_where=_OPEN, postgresql_where=_OPEN)

# The inbox. In the transaction of the answer, for those few turns that nobody was sure of.
doubts = Table(
    "doubts",
    metadata,
    Column("turn_id", ForeignKey("turns.turn_id"), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("said", String, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("guesses_json", Text, nullable=False),
    Column("out_of_scope", Double, nullable=False),
    Column("language", String, nullable=False),
    Column("model", String, nullable=False),
    Column("state", String(16), nullable=False),
    Column("label", String),
    Column("judged_by", String),
    Column("judged_at_ms", BigInteger),
    CheckConstraint("state IN ('open', 'labelled', 'dismissed')", name="state"),
    CheckConstraint("(state = 'labelled') = (label IS NOT NULL)", name="label"),
)
_DOUBTED = doubts.c.state == "open"
Index("ix_doubts_open", doubts.c.turn_id, sqlite_where=_DOUBTED, postgresql_where=_DOUBTED)

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("message_id", ForeignKey("messages.message_id"), nullable=False, unique=True),
    Column("policy", String, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("arm", String, nullable=False),
    Column("propensity", Double, nullable=False),
    Column("arms_json", Text, nullable=False),
    Column("probabilities", LargeBinary, nullable=False),
    Column("features", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("parts_json", Text, nullable=False),
    Column("reward", Double),
    Column("log_offset", BigInteger),  # of its last event
    Column("mode", String(16)),
    Column("seed", BigInteger),
)
# The log in the order in which it is read; the id makes the order one.
Index("ix_decisions_policy_at_ms", decisions.c.policy, decisions.c.at_ms, decisions.c.decision_id)
# Those that wait for a reward, for whoever gives default ones.
_UNREWARDED = decisions.c.reward.is_(None)
Index(
    "ix_decisions_unrewarded",
    decisions.c.policy,
    decisions.c.at_ms,
    sqlite_where=_UNREWARDED,
    postgresql_where=_UNREWARDED,
)

# The last log_offset of each policy: its row lock is what keeps the log without gaps.
policies = Table(
    "policies",
    metadata,
    Column("policy", String, primary_key=True),
    Column("last_log_offset", BigInteger, nullable=False),
)

reward_log = Table(
    "reward_log",
    metadata,
    Column("policy", ForeignKey("policies.policy"), primary_key=True),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("decision_id", ForeignKey("decisions.decision_id"), nullable=False),
    Column("reward", Double, nullable=False),
    Column("previous", Double),
    Column("at_ms", BigInteger, nullable=False),
    Column("previous_offset", BigInteger),
)

# What else happened to a policy: numbered with its rewards, so that every worker follows it at the same place.
policy_changes = Table(
    "policy_changes",
    metadata,
    Column("policy", ForeignKey("policies.policy"), primary_key=True),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("data_json", Text, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

# What a policy had made of its log up to an offset: it spares a replay, and the log can always make it again.
policy_snapshots = Table(
    "policy_snapshots",
    metadata,
    Column("policy", String, primary_key=True),
    Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    Column("state", LargeBinary, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("parameters_json", Text, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("made_by", String, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    CheckConstraint("reason IN ('interval', 'shutdown', 'manual')", name="reason"),
)

ratings = Table(
    "ratings",
    metadata,
    Column("message_id", ForeignKey("messages.message_id"), primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("rating", Double, nullable=False),
    Column("comment", Text),
    Column("at_ms", BigInteger, nullable=False),
)

Index("ix_ratings_user_id_at_ms", ratings.c.user_id, ratings.c.at_ms)

assessments = Table(
    "assessments",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id"), primary_key=True),
    Column("user_id", String, primary_key=True),
    Column("rating", Double, nullable=False),
    Column("comment", Text),
    Column("categories_json", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("agent_id", String),  # who had resolved it, where a customer rates
)
_OF_AGENTS = assessments.c.agent_id.is_not(None)
Index("ix_assessments_agents", assessments.c.at_ms, sqlite_where=_OF_AGENTS, postgresql_where=_OF_AGENTS)

# For one user, or one row for everybody: then with a number among the broadcasts and no user.
notifications = Table(
    "notifications",
    metadata,
    Column("notification_id", String(64), primary_key=True),
    Column("user_id", ForeignKey("users.id")),
    Column("broadcast", BigInteger),
    Column("priority", SmallInteger, nullable=False),  # 0 low to 3 urgent
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("data_json", Text),
    Column("at_ms", BigInteger, nullable=False),
    Column("seen_at_ms", BigInteger),  # of the one user
    CheckConstraint("(user_id IS NULL) = (broadcast IS NOT NULL)", name="receiver"),
    CheckConstraint("priority BETWEEN 0 AND 3", name="priority"),
)
_UNSEEN = notifications.c.user_id.is_not(None) & notifications.c.seen_at_ms.is_(None)
Index("ix_notifications_unseen", notifications.c.user_id, sqlite_where=_UNSEEN, postgresql_where=_UNSEEN)
_BROADCAST = notifications.c.broadcast.is_not(None)
Index(
    "uq_notifications_broadcast",
    notifications.c.broadcast,
    unique=True,
    sqlite_where=_BROADCAST,
    postgresql_where=_BROADCAST,
)

broadcasts_seen = Table(
    "broadcasts_seen",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("notification_id", ForeignKey("notifications.notification_id"), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
)

experiments = Table(
    "experiments",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("looked_at_ms", BigInteger, nullable=False),  # the database's clock; whoever analysed it last
    CheckConstraint("state IN ('draft', 'running', 'paused', 'completed')", name="state"),
)

experiment_log = Table(
    "experiment_log",
    metadata,
    Column("experiment_id", ForeignKey("experiments.id"), primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("document_json", Text, nullable=False),
    Column("verb", String(16), nullable=False),
    Column("by_id", String, nullable=False),
    Column("note", Text),
    Column("at_ms", BigInteger, nullable=False),
)

# Without foreign keys: no answer may fail for what an experiment wants to know of it.
exposures = Table(
    "exposures",
    metadata,
    Column("experiment_id", String(64), primary_key=True),
    Column("unit", String, primary_key=True, index=True),
    Column("variant", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

trial_turns = Table(
    "trial_turns",
    metadata,
    Column("turn_id", String(64), primary_key=True),
    Column("user_id", String, nullable=False),
    Column("conversation_id", String(64), nullable=False),
    Column("message_id", String(64), nullable=False),  # of the answer
    Column("at_ms", BigInteger, nullable=False),  # likewise
    Column("response_ms", BigInteger, nullable=False),
    Column("sentiment_score", Double, nullable=False),
    Column("reply_to_ms", BigInteger),
)
Index("ix_trial_turns_user", trial_turns.c.user_id, trial_turns.c.at_ms)

goal_events = Table(
    "goal_events",
    metadata,
    Column("user_id", String, primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

knowledge_versions = Table(
    "knowledge_versions",
    metadata,
    Column("article_id", String(64), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("title", Text, nullable=False),
    Column("category", String, nullable=False),
    Column("tags_json", Text, nullable=False),
    Column("language", String(16), nullable=False),
    Column("owner", String, nullable=False),
    Column("expires_ms", BigInteger),
    Column("source", Text, nullable=False),
    CheckConstraint("state IN ('draft', 'approved', 'active', 'retired')", name="state"),
)
_ACTIVE = knowledge_versions.c.state == literal_column("'active'")
Index(
    "uq_knowledge_versions_active",
    knowledge_versions.c.article_id,
    unique=True,
    sqlite_where=_ACTIVE,
    postgresql_where=_ACTIVE,
)

# Who made each version what, and when: the first row of a version is its making.
knowledge_changes = Table(
    "knowledge_changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("article_id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("by_id", String, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)
Index("ix_knowledge_changes_article_id", knowledge_changes.c.article_id, knowledge_changes.c.version)

# What is searched: the rows of active versions. ``revision``: the knowledge's at the row's last change. Beside it
# stands the table ``FULL_TEXT``.
knowledge_rows = Table(
    "knowledge_rows",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("entry_id", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("article_id", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("category", String, nullable=False),
    Column("language", String(16), nullable=False),
    Column("expires_ms", BigInteger),
    Column("heading", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("embedded", Text, nullable=False),
    Column("variants_json", Text, nullable=False),
    Column("model", String),
    Column("embedding", LargeBinary),  # float32, little-endian
    Column("revision", BigInteger, nullable=False),
    CheckConstraint("kind IN ('passage', 'ask')", name="kind"),
    CheckConstraint("(model IS NULL) = (embedding IS NULL)", name="embedding"),
    UniqueConstraint("entry_id"),
)
Index("ix_knowledge_rows_article_id", knowledge_rows.c.article_id)
Index("ix_knowledge_rows_revision", knowledge_rows.c.revision)

# One row per turn that asked something, in the transaction of its answer; what followed is written in later, until
# ``look_at_ms`` is empty. Without foreign keys but to the turn: what is counted must fail no answer.
question_turns = Table(
    "question_turns",
    metadata,
    Column("turn_id", ForeignKey("turns.turn_id"), primary_key=True),
    Column("conversation_id", String(64), nullable=False),
    Column("offset", BigInteger, nullable=False),  # of the question
    Column("user_id", String, nullable=False),
    Column("message_id", String(64), nullable=False),  # of the answer
    Column("at_ms", BigInteger, nullable=False),  # likewise
    Column("outcome", String(16), nullable=False),
    Column("trouble", String(16)),
    Column("model", String, nullable=False),
    Column("embedding", LargeBinary, nullable=False),  # float16, little-endian
    Column("cluster", BigInteger),
    Column("closeness", Double),
    Column("thumbs_up", Integer, nullable=False),
    Column("thumbs_down", Integer, nullable=False),
    Column("handed_off", Boolean, nullable=False),
    Column("solved", Boolean, nullable=False),
    Column("satisfaction", Double),
    Column("look_at_ms", BigInteger),
    CheckConstraint("outcome IN ('answered', 'offered', 'unanswered')", name="outcome"),
    CheckConstraint("trouble IN ('out_of_scope', 'unsure', 'uncited', 'handed_off', 'badly_rated')", name="trouble"),
)
_LOOKED_AT = question_turns.c.look_at_ms.is_not(None)
Index("ix_question_turns_look", question_turns.c.look_at_ms, sqlite_where=_LOOKED_AT, postgresql_where=_LOOKED_AT)
_UNPLACED = question_turns.c.cluster.is_(None)
Index("ix_question_turns_unplaced", question_turns.c.turn_id, sqlite_where=_UNPLACED, postgresql_where=_UNPLACED)
Index("ix_question_turns_cluster", question_turns.c.cluster, question_turns.c.at_ms)
Index("ix_question_turns_at_ms", question_turns.c.at_ms)

question_citations = Table(
    "question_citations",
    metadata,
    Column("turn_id", String(64), primary_key=True),
    Column("article_id", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
)

# Questions that are alike. ``direction``: the sum of their embeddings, float32, little-endian; ``named_size``: how many
# there were when the name was made.
question_clusters = Table(
    "question_clusters",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("model", String, nullable=False),
    Column("direction", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("named_size", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("article_id", String(64)),
    Column("changed_by", String, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False, index=True),  # of the clusters, when it last grew
    CheckConstraint("state IN ('open', 'draft_written', 'resolved')", name="state"),
)

# One row per turn that asked a language model; in the transaction of its answer.
model_usage = Table(
    "model_usage",
    metadata,
    Column("usage_id", String(64), primary_key=True),
    Column("turn_id", ForeignKey("turns.turn_id"), nullable=False),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False, index=True),
    Column("user_id", String, nullable=False),
    Column("model", String, nullable=False),
    Column("persona", String, nullable=False),
    Column("variant", String),
    Column("outcome", String(16), nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("cost_micros", BigInteger, nullable=False),
    Column("first_token_ms", BigInteger),
    Column("total_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False, index=True),
    CheckConstraint("outcome IN ('answered', 'replaced', 'failed', 'interrupted')", name="outcome"),
)
Index("ix_model_usage_user_id_at_ms", model_usage.c.user_id, model_usage.c.at_ms)

# What versions of the model did on every worker. ``width_ms``: 0 as a worker wrote it, else what it was folded to.
model_slices = Table(
    "model_slices",
    metadata,
    Column("slice_id", String(64), primary_key=True),
    Column("version", String, nullable=False),
    Column("width_ms", BigInteger, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("counts_json", Text, nullable=False),
)
Index("ix_model_slices_width_ms_from_ms", model_slices.c.width_ms, model_slices.c.from_ms)

# Few rows a conversation, of which alerts count the last hour's.
_SAID_BY_SYSTEM = messages.c.sender_kind == literal_column("'system'")
Index("ix_messages_system", messages.c.message_id, sqlite_where=_SAID_BY_SYSTEM, postgresql_where=_SAID_BY_SYSTEM)
Index("ix_assessments_at_ms", assessments.c.at_ms)

alerts, alert_silences, alert_duty, audit_log, edits = alert_tables(metadata)

notes, searched, search_rows, agent_capacities, offers = desk_tables(metadata)

# One row that ``ping`` counts up: a database that only reads is not ready.
probe = Table(
    "probe",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("pings", BigInteger, nullable=False),
)
