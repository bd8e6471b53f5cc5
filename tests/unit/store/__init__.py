"""The store without callers: planning, queueing, encoding, the SQLite dialect, migrations."""
