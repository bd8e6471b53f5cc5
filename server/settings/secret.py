"""The token key that a server makes for itself: once per data directory, whoever starts first."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from server.errors import StartupError

SECRET_BYTES = 48


def read_secret(path: Path) -> str | None:
    """The kept secret, or None where none was made yet. Raises ``StartupError`` for a file that holds none."""
    try:
        kept = path.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"The secret in {path} can't be read: {_reason(error)}.", _REMEDY) from None
    if not kept:
        raise StartupError(f"The secret file {path} is empty.", "Delete it; the next start makes a new one.")
    return kept


def make_secret(path: Path) -> str:
    """The kept secret, made now (mode 0600) where there is none. Two starts at the same moment get the same one."""
    kept = read_secret(path)
    if kept is not None:
        return kept
    # Written aside and linked into place: the name appears with its whole content, or some other start was first.
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(aside)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    except OSError as error:
        raise StartupError(f"No secret can be kept in {path}: {_reason(error)}.", _REMEDY) from None
    return read_secret(path) or ""


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not text"


_REMEDY = "Choose another folder with --data-dir, give this user the right to it, or set PARLANCE_SECRET."
