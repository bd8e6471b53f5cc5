"""What settings must be together, before a server starts with them."""

from __future__ import annotations

from collections.abc import Mapping

from server.errors import StartupError
from server.settings.model import MIN_SECRET_BYTES, Settings

# Lift these two together with the back ends: redis_url and PostgreSQL URLs are known names that nothing serves yet.
REDIS_READY = False
POSTGRESQL_READY = False


def check_settings(settings: Settings, origins: Mapping[str, str]) -> None:
    """Raises ``StartupError`` for the first rule that ``settings`` break."""
    _check_back_ends(settings)
    _check_workers(settings)
    _check_tokens(settings)
    if not settings.is_local and not settings.allow_insecure_bind:
        _check_bind(settings, origins)


def _is_postgresql(url: str) -> bool:
    return url.partition(":")[0].partition("+")[0] in ("postgres", "postgresql")


def _check_back_ends(settings: Settings) -> None:
    if settings.redis_url and not REDIS_READY:
        raise StartupError("redis_url is set, but Redis is not in this version yet.", "Remove it and run one worker.")
    if _is_postgresql(settings.database_url) and not POSTGRESQL_READY:
        raise StartupError(
            "database_url names PostgreSQL, which is not in this version yet.",
            "Use sqlite:///FILE, or leave it out for the SQLite file in the data directory.",
        )
    scheme = settings.effective_database_url.partition(":")[0].partition("+")[0]
    if scheme != "sqlite" and not _is_postgresql(settings.database_url):
        raise StartupError(
            f"database_url begins with {scheme!r}, which is no database that Parlance knows.", "Use sqlite:///FILE."
        )


def _check_workers(settings: Settings) -> None:
    # DESIGN's law 11: the doorbell between processes is Redis, and SQLite takes one writing process.
    if settings.workers > 1 and not (settings.redis_url and _is_postgresql(settings.database_url)):
        ready = REDIS_READY and POSTGRESQL_READY
        raise StartupError(
            f"{settings.workers} workers need Redis (redis_url) and PostgreSQL (database_url).",
            "Set both, or start with --workers 1."
            if ready
            else "This version has neither yet: start with --workers 1.",
        )


def _check_tokens(settings: Settings) -> None:
    algorithm = settings.token_algorithm
    if settings.signs_tokens:
        if settings.token_public_key_file is not None:
            raise StartupError(
                "token_public_key_file is set, but HS256 tokens are checked with the secret.",
                "Set token_algorithm to RS256 or EdDSA, or remove token_public_key_file.",
            )
        return
    if settings.token_public_key_file is None:
        raise StartupError(
            f"token_algorithm {algorithm} needs a public key.", "Set token_public_key_file to its PEM file."
        )
    if settings.guests_allowed:
        raise StartupError(
            f"Guests get tokens signed with the secret, so guests = true and token_algorithm {algorithm} exclude "
            "each other.",
            "Set guests = false, or use HS256.",
        )


def _check_bind(settings: Settings, origins: Mapping[str, str]) -> None:
    reach = f"Other machines reach host {settings.host}, and"
    told = "or set allow_insecure_bind = true if you mean it"
    if settings.guests_allowed:
        raise StartupError(f"{reach} guests = true lets anybody in without a token.", f"Set guests = false, {told}.")
    if not settings.signs_tokens:
        return
    own = "Set PARLANCE_SECRET to 32 or more random bytes (openssl rand -hex 32)"
    if not origins["secret"].startswith(("file ", "environment ", "flag ")):
        raise StartupError(f"{reach} no secret was given, only the one that Parlance makes up.", f"{own}, {told}.")
    if len(settings.secret_bytes) < MIN_SECRET_BYTES:
        raise StartupError(
            f"{reach} the secret has {len(settings.secret_bytes)} bytes: too short, it can be guessed.",
            f"{own}, {told}.",
        )
