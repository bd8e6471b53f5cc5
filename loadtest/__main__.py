"""``python -m loadtest`` runs every benchmark."""

from __future__ import annotations

from loadtest.bench import main

if __name__ == "__main__":
    raise SystemExit(main())
