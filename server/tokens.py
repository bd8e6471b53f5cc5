"""Tokens (JWT, RFC 7519): who somebody is, signed. PROTOCOL §3 says which claims count.

The algorithm is the server's, never the token's (RFC 8725 §3.1), and time is an argument: PyJWT checks signatures
here and nothing that depends on the wall clock.
"""

from __future__ import annotations

import base64
import hmac
import math
import re
import unicodedata
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import jwt
import orjson
from jwt.types import Options
from jwt.warnings import InsecureKeyLengthWarning

from server.errors import StartupError, Unauthenticated
from server.settings.model import Settings
from server.wire.parts import User

TokenKind = Literal["customer", "agent", "admin", "service"]
KINDS: Final = frozenset(get_args(TokenKind))
MAX_TOKEN_CHARACTERS = 8_192
MAX_SUBJECT_CHARACTERS = 128
MAX_NAME_CHARACTERS = 200
# Senders of the house's own, and what /v1/users/me means: nobody may be called so.
RESERVED_SUBJECTS: Final = frozenset({"bot", "system", "me"})
# Of the systems that make tokens for one server; each sends the same header again and again.
MAX_KNOWN_HEADERS = 16
MAX_TIME_S = 253_402_300_799  # 9999-12-31T23:59:59Z, so that milliseconds stay safe integers in every client

_PEM_KEY = re.compile(rb"-----BEGIN [A-Z ]+-----.+?-----END [A-Z ]+-----", re.DOTALL)
# Controls, lone surrogates and line separators break logs, terminals and UTF-8; everything else is somebody's name.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_SIGNATURE_AND_AUDIENCE: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_sub": False,
    "verify_jti": False,
}


class Unsigned(Unauthenticated):
    """Nobody who has the key has made this token, as far as one can tell."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says, in milliseconds since the Unix epoch. ``exp_ms``: after that it is void; ``issued_ms``:
    its ``iat``, 0 where it has none."""

    user: User
    exp_ms: int
    issued_ms: int


class Tokens:
    """Issues tokens of one algorithm with one key, and verifies them with that or with those before it.

    ``key``: the secret (HS256), or the PEM of a public key (RS256, EdDSA), with which tokens can be verified only; a
    PEM of several keys is as many. ``previous``: a secret that signs no more, but is still believed while keys
    are being changed. Raises ``StartupError`` for a key that does not fit the algorithm.
    """

    def __init__(self, algorithm: str, key: bytes, audience: str = "", previous: bytes = b"") -> None:
        self._algorithm = algorithm
        self._audience = audience or None
        self._signs = algorithm.startswith("HS")
        keys = ([key, previous] if previous else [key]) if self._signs else _public_keys(key)
        self._keys = [_prepared(algorithm, key) for key in keys]
        self._known_headers: set[str] = set()
        if self._signs:
            # A short secret is a matter for the settings' rules, which know who can reach the server.
            warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)

    @classmethod
    def from_settings(cls, settings: Settings) -> Tokens:
        """Raises ``StartupError`` for a missing or unfit key."""
        if settings.signs_tokens:
            return cls(
                settings.token_algorithm, settings.secret_bytes, settings.token_audience, settings.secret_previous_bytes
            )
        path = settings.token_public_key_file
        try:
            key = path.read_bytes() if path else b""
        except OSError as error:
            problem = f"The public key {path} can't be read: {error.strerror}."
            raise StartupError(problem, "Correct token_public_key_file.") from None
        return cls(settings.token_algorithm, key, settings.token_audience)

    def issue(self, kind: TokenKind, sub: str, name: str | None, ttl_s: int, now_s: float) -> str:
        """A token for ``sub``, valid for ``ttl_s`` seconds from ``now_s`` (seconds since the Unix epoch).

        Raises ``ValueError`` for what ``verify`` would refuse, ``StartupError`` where tokens are made elsewhere.
        """
        if not self._signs:
            raise StartupError(
                f"{self._algorithm} tokens are made by the system that has the private key, not here.",
                "Ask that system for one, or set token_algorithm to HS256.",
            )
        issued_s = math.floor(now_s)
        claims: dict[str, Any] = {"sub": sub, "kind": kind, "iat": round(now_s, 3), "exp": issued_s + ttl_s}
        if name is not None:
            claims["name"] = name
        if self._audience:
            claims["aud"] = self._audience
        try:
            _claims(claims, now_s)
        except Unauthenticated as error:
            raise ValueError(str(error)) from None
        return jwt.encode(claims, self._keys[0], self._algorithm)

    def verify(self, token: str, now_s: float) -> Claims:
        """What ``token`` says, if it is valid at ``now_s``. Raises ``Unauthenticated``, never with the token in it."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated(f"The token is longer than {MAX_TOKEN_CHARACTERS} characters.")
        return _claims(self._payload(token), now_s)

    def _decoded(self, token: str) -> Mapping[str, Any]:
        for key in self._keys:
            with suppress(jwt.InvalidSignatureError):  # another key may have signed it
                return jwt.decode(
                    token, key, algorithms=[self._algorithm], options=_SIGNATURE_AND_AUDIENCE, audience=self._audience
                )
        raise jwt.InvalidSignatureError

    def _known(self, token: str) -> Mapping[str, Any] | None:
        """What PyJWT says of a token whose header it has approved in another one; None: ask PyJWT.

        A tenth of its time, where a thousand connect in a second. The header is the same to the byte, the signature is
        compared in its one form; whatever is not plain is left to PyJWT.
        """
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        if header not in self._known_headers or not token.isascii():
            return None
        for key in self._keys:
            digest = base64.urlsafe_b64encode(hmac.digest(key, signed.encode(), "sha256")).rstrip(b"=")
            if hmac.compare_digest(digest, signature.encode()):
                return _plain_claims(payload)
        return None

    def _remember(self, token: str) -> None:
        """Note the header of a token that PyJWT has accepted, if nothing in it asks for more than a look at its alg."""
        header = token.partition(".")[0]
        plain = self._algorithm == "HS256" and self._audience is None and len(self._known_headers) < MAX_KNOWN_HEADERS
        if plain and jwt.get_unverified_header(token).keys() <= {"alg", "typ", "kid"}:
            self._known_headers.add(header)

    def _payload(self, token: str) -> Mapping[str, Any]:
        known = self._known(token)
        if known is not None:
            return known
        try:
            decoded = self._decoded(token)
            self._remember(token)
            return decoded
        except jwt.InvalidAudienceError:
            raise Unauthenticated("The token is meant for another audience.") from None
        except jwt.MissingRequiredClaimError as error:
            raise Unauthenticated(f"The token has no {error.claim} claim.") from None
        except jwt.InvalidAlgorithmError:
            raise Unauthenticated(f"The token is not signed with {self._algorithm}.") from None
        except jwt.InvalidSignatureError:
            raise Unsigned("The token's signature is wrong.") from None
        except (jwt.PyJWTError, ValueError):
            # ValueError: characters that no encoding has, such as lone surrogates.
            raise Unsigned("The token is not a JWT.") from None


def _plain_claims(payload: str) -> Mapping[str, Any] | None:
    """The claims of a signed payload, or None where PyJWT has more to say: about its form, or an audience."""
    try:
        raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        claims = orjson.loads(raw)  # what it refuses, PyJWT may still take
    except ValueError:
        return None
    canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == payload
    return claims if canonical and isinstance(claims, dict) and "aud" not in claims else None


def _public_keys(pem: bytes) -> list[bytes]:
    """Each key of a PEM file; one that is none is left to ``_prepared`` to refuse."""
    return _PEM_KEY.findall(pem) or [pem]


def _prepared(algorithm: str, key: bytes) -> Any:
    """The key in the form that PyJWT uses, parsed once."""
    method = jwt.get_algorithm_by_name(algorithm)
    try:
        prepared = method.prepare_key(key)
        if not algorithm.startswith("HS") and hasattr(prepared, "private_bytes"):
            raise ValueError("it is a private key")
    except (jwt.InvalidKeyError, ValueError, TypeError) as error:
        raise StartupError(
            f"The key for {algorithm} tokens does not fit: {error}.",
            "Give a secret of 32 or more random bytes (HS256), or the PEM file of a public key (RS256, EdDSA).",
        ) from None
    return prepared


def _claims(payload: Mapping[str, Any], now_s: float) -> Claims:
    exp_s = _time(payload, "exp")
    if exp_s is None:
        raise Unauthenticated("The token has no exp claim.")
    if exp_s <= now_s:
        raise Unauthenticated("The token has expired.")
    starts_s = _time(payload, "nbf")
    if starts_s is not None and starts_s > now_s:
        raise Unauthenticated("The token is not valid yet.")
    kind = payload.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Unauthenticated("The token's kind claim is not one of customer, agent, admin, service.")
    sub = _text(payload, "sub", MAX_SUBJECT_CHARACTERS)
    if not sub:
        raise Unauthenticated("The token has no sub claim.")
    if sub in RESERVED_SUBJECTS:
        raise Unauthenticated(f"The token's sub claim is {sub}, which the server itself uses; choose another.")
    name = _text(payload, "name", MAX_NAME_CHARACTERS)
    user = User(id=sub, kind=kind, name=name or sub)  # type: ignore[arg-type]
    return Claims(user, int(exp_s * 1_000), int((_time(payload, "iat") or 0) * 1_000))


def _time(payload: Mapping[str, Any], claim: str) -> float | None:
    value = payload.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_TIME_S:
        raise Unauthenticated(f"The token's {claim} claim is not a time in seconds.")
    return value


def _text(payload: Mapping[str, Any], claim: str, max_characters: int) -> str:
    value = payload.get(claim)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unauthenticated(f"The token's {claim} claim is not a text.")
    if len(value) > max_characters:
        raise Unauthenticated(f"The token's {claim} claim is longer than {max_characters} characters.")
    plain = value.isascii() and value.isprintable()
    if not plain and any(unicodedata.category(character) in _FORBIDDEN_CATEGORIES for character in value):
        raise Unauthenticated(f"The token's {claim} claim has control characters.")
    return value
