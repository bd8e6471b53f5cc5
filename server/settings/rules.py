"""What settings must be together, before a server starts with them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from urllib.parse import urlsplit

from server.errors import StartupError, install_command
from server.settings.model import MIN_SECRET_BYTES, Settings


def check_settings(settings: Settings, origins: Mapping[str, str]) -> None:
    """Raises ``StartupError`` for the first rule that ``settings`` break."""
    _check_back_ends(settings)
    _check_workers(settings)
    _check_tokens(settings)
    _check_language(settings)
    _check_knowledge(settings)
    _check_traces(settings)
    if not settings.is_local and not settings.allow_insecure_bind:
        _check_bind(settings, origins)


def _check_back_ends(settings: Settings) -> None:
    scheme = settings.effective_database_url.partition(":")[0].partition("+")[0]
    if scheme != "sqlite" and not settings.shares_database:
        raise StartupError(
            f"database_url begins with {scheme!r}, which is no database that Parlance knows.",
            "Use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
        )


def _check_traces(settings: Settings) -> None:
    if settings.traces and (find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None):
        raise StartupError(
            "traces = true needs the OpenTelemetry SDK, which is not installed.",
            "Run pip install 'parlance[otel]', or set traces = false.",
        )


def _check_workers(settings: Settings) -> None:
    # DESIGN's law 11: the doorbell between processes is Redis, and SQLite takes one writing process.
    if settings.workers > 1 and not (settings.redis_url and settings.shares_database):
        raise StartupError(
            f"{settings.workers} workers need Redis (redis_url) and PostgreSQL (database_url).",
            "Set both, or start with --workers 1.",
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


def _check_language(settings: Settings) -> None:
    writer = settings.language_writer
    if writer in ("openai", "webhook"):
        scheme = urlsplit(settings.language_url).scheme
        if scheme not in ("http", "https") or not urlsplit(settings.language_url).hostname:
            raise StartupError(
                f"language_writer = {writer} needs language_url, an address that begins with http:// or https://.",
                "Set it, such as http://127.0.0.1:8080/v1, or set language_writer = builtin.",
            )
    if writer == "openai" and not settings.language_model:
        raise StartupError(
            "language_writer = openai needs language_model.", "Set it to a name that the server knows (GET …/models)."
        )
    has_key = bool(settings.language_key.get_secret_value())
    if has_key and settings.language_key_file is not None:
        raise StartupError("language_key and language_key_file are both set.", "Keep one of them.")
    if writer == "webhook" and not has_key and settings.language_key_file is None:
        raise StartupError(
            "language_writer = webhook needs a secret that signs what is sent.",
            "Set language_key or language_key_file (openssl rand -hex 32), and tell the service.",
        )


def _check_knowledge(settings: Settings) -> None:
    if settings.knowledge_index == "approximate" and find_spec("usearch") is None:
        raise StartupError(
            "knowledge_index = approximate needs USearch, which is not installed.",
            f"Install it with `{install_command('approximate')}`, or set knowledge_index = auto.",
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
