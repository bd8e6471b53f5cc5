"""Tokens: what they say, and every way in which one is refused. No wall clock: time is an argument."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from server.errors import StartupError, Unauthenticated
from server.tokens import KINDS, MAX_KNOWN_HEADERS, Claims, Tokens
from server.wire.parts import User

NOW_S = 1_700_000_000
SECRET = b"0123456789abcdef0123456789abcdef"
TOKENS = Tokens("HS256", SECRET)
RSA_KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
ED_KEY = ed25519.Ed25519PrivateKey.generate()
GOOD: dict[str, Any] = {"sub": "u1", "kind": "customer", "name": "Ada", "exp": NOW_S + 60}


def public_pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def signed(claims: dict[str, Any], key: bytes = SECRET, **headers: Any) -> str:
    return jwt.encode(claims, key, "HS256", headers=headers or None)


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refusal(token: str, tokens: Tokens = TOKENS, now_s: float = NOW_S) -> str:
    with pytest.raises(Unauthenticated) as caught:
        tokens.verify(token, now_s)
    if len(token) > 8:
        assert token not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_issued_token_is_accepted_until_it_expires(kind: Any) -> None:
    token = TOKENS.issue(kind, "u1", "Ada", 60, NOW_S)
    assert TOKENS.verify(token, NOW_S + 59.9) == Claims(User("u1", kind, "Ada"), (NOW_S + 60) * 1_000, NOW_S * 1_000)
    assert refusal(token, now_s=NOW_S + 60) == "The token has expired."


def test_without_a_name_the_id_is_shown() -> None:
    assert TOKENS.verify(TOKENS.issue("service", "crm", None, 60, NOW_S), NOW_S).user.name == "crm"


def test_the_clock_is_the_argument_and_not_the_wall_clock() -> None:
    long_ago, far_ahead = 1_000, int(time.time()) + 1_000_000
    assert TOKENS.verify(signed({**GOOD, "exp": long_ago + 60, "iat": long_ago}), long_ago).user.id == "u1"
    ahead = signed({**GOOD, "exp": far_ahead + 60, "iat": far_ahead, "nbf": far_ahead})
    assert TOKENS.verify(ahead, far_ahead).user.id == "u1"
    assert refusal(ahead, now_s=far_ahead - 1) == "The token is not valid yet."


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"exp": None}, "The token has no exp claim."),
        ({"exp": NOW_S}, "The token has expired."),
        ({"exp": str(NOW_S + 60)}, "The token's exp claim is not a time in seconds."),
        ({"exp": True}, "The token's exp claim is not a time in seconds."),
        ({"exp": 1e300}, "The token's exp claim is not a time in seconds."),
        ({"exp": float("nan")}, "The token's exp claim is not a time in seconds."),
        ({"exp": 10**400}, "The token's exp claim is not a time in seconds."),
        ({"nbf": NOW_S + 1}, "The token is not valid yet."),
        ({"nbf": []}, "The token's nbf claim is not a time in seconds."),
        ({"kind": None}, "The token's kind claim is not one of customer, agent, admin, service."),
        ({"kind": "bot"}, "The token's kind claim is not one of customer, agent, admin, service."),
        ({"kind": ["admin"]}, "The token's kind claim is not one of customer, agent, admin, service."),
        ({"sub": None}, "The token has no sub claim."),
        ({"sub": ""}, "The token has no sub claim."),
        ({"sub": 7}, "The token's sub claim is not a text."),
        ({"sub": "bot"}, "The token's sub claim is bot, which the server itself uses; choose another."),
        ({"sub": "system"}, "The token's sub claim is system, which the server itself uses; choose another."),
        ({"sub": "me"}, "The token's sub claim is me, which the server itself uses; choose another."),
        ({"sub": "x" * 129}, "The token's sub claim is longer than 128 characters."),
        ({"sub": "a\nb"}, "The token's sub claim has control characters."),
        ({"sub": "a\ud800"}, "The token's sub claim has control characters."),
        ({"name": {}}, "The token's name claim is not a text."),
        ({"name": "x" * 201}, "The token's name claim is longer than 200 characters."),
        ({"name": "\x1b[31mred"}, "The token's name claim has control characters."),
        ({"aud": "elsewhere"}, "The token is meant for another audience."),
    ],
)
def test_a_claim_that_does_not_fit_is_named(change: dict[str, Any], sentence: str) -> None:
    assert TOKENS.verify(signed(GOOD), NOW_S).user.id == "u1"
    claims = {name: value for name, value in {**GOOD, **change}.items() if value is not None}
    assert refusal(signed(claims)) == sentence


def test_the_limits_themselves_are_allowed() -> None:
    user = TOKENS.verify(signed({**GOOD, "sub": "x" * 128, "name": "é" * 200, "nbf": NOW_S}), NOW_S).user
    assert (len(user.id), len(user.name)) == (128, 200)


def test_a_fraction_of_a_second_counts() -> None:
    token = signed({**GOOD, "exp": NOW_S + 0.5})
    assert TOKENS.verify(token, NOW_S + 0.4).exp_ms == NOW_S * 1_000 + 500
    refusal(token, now_s=NOW_S + 0.5)


class TestSignature:
    def test_another_secret(self) -> None:
        assert refusal(signed(GOOD, key=SECRET[::-1])) == "The token's signature is wrong."

    def test_a_changed_payload(self) -> None:
        head, _, signature = signed(GOOD).split(".")
        forged = f"{head}.{segment({**GOOD, 'kind': 'admin'})}.{signature}"
        assert refusal(forged) == "The token's signature is wrong."

    @pytest.mark.parametrize("name", ["none", "None", "NONE", "", None, ["HS256"], {"a": 1}, "HS384"])
    @pytest.mark.parametrize("signature", ["", "AAAA"])
    def test_the_algorithm_is_never_the_tokens(self, name: object, signature: str) -> None:
        forged = f"{segment({'alg': name, 'typ': 'JWT'})}.{segment(GOOD)}.{signature}"
        assert refusal(forged) == "The token is not signed with HS256."

    def test_no_algorithm(self) -> None:
        assert refusal(f"{segment({})}.{segment(GOOD)}.") == "The token is not signed with HS256."

    def test_a_valid_signature_of_another_algorithm(self) -> None:
        assert refusal(jwt.encode(GOOD, SECRET * 2, "HS512")) == "The token is not signed with HS256."

    def test_a_public_key_is_no_secret(self) -> None:
        """The classic confusion: the server expects RS256, the attacker signs with HS256 and the public key."""
        pem = public_pem(RSA_KEY)
        algorithm = jwt.get_algorithm_by_name("HS256")
        body = f"{segment({'alg': 'HS256', 'typ': 'JWT'})}.{segment({**GOOD, 'kind': 'admin'})}"
        forged = f"{body}.{segment(algorithm.sign(body.encode(), pem))}"
        assert refusal(forged, Tokens("RS256", pem)) == "The token is not signed with RS256."

    def test_an_rs256_token_where_hs256_is_expected(self) -> None:
        assert refusal(jwt.encode(GOOD, RSA_KEY, "RS256")) == "The token is not signed with HS256."

    def test_headers_that_ask_for_more(self) -> None:
        headers: list[dict[str, Any]] = [{"b64": False, "crit": ["b64"]}, {"crit": ["exp"]}, {"crit": []}, {"kid": 7}]
        for header in headers:
            forged = f"{segment({'alg': 'HS256', **header})}.{segment(GOOD)}.{segment(b'x' * 32)}"
            assert refusal(forged) == "The token is not a JWT."


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", RSA_KEY), ("EdDSA", ED_KEY)])
def test_a_public_key_verifies_and_never_issues(algorithm: str, key: Any) -> None:
    tokens = Tokens(algorithm, public_pem(key))
    assert tokens.verify(jwt.encode(GOOD, key, algorithm), NOW_S).user == User("u1", "customer", "Ada")
    head, body, signature = jwt.encode(GOOD, key, algorithm).split(".")
    assert refusal(f"{head}.{body}.{signature[:-8]}AAAAAAAA", tokens) == "The token's signature is wrong."
    with pytest.raises(StartupError, match="private key, not here"):
        tokens.issue("customer", "u1", None, 60, NOW_S)


def private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("HS256", b""),
        ("HS256", public_pem(RSA_KEY)),
        ("RS256", b"no key"),
        ("RS256", public_pem(ED_KEY)),
        ("RS256", private_pem(RSA_KEY)),
        ("EdDSA", public_pem(RSA_KEY)),
        ("EdDSA", b""),
    ],
)
def test_a_key_that_does_not_fit_stops_the_start(algorithm: str, key: bytes) -> None:
    with pytest.raises(StartupError, match=f"The key for {algorithm} tokens does not fit") as caught:
        Tokens(algorithm, key)
    assert caught.value.remedy


class TestAudience:
    tokens = Tokens("HS256", SECRET, audience="parlance")

    def test_its_own_tokens_carry_it(self) -> None:
        assert self.tokens.verify(self.tokens.issue("agent", "a1", None, 60, NOW_S), NOW_S).user.kind == "agent"

    @pytest.mark.parametrize("audience", ["parlance", ["crm", "parlance"]])
    def test_a_matching_one_is_accepted(self, audience: object) -> None:
        assert self.tokens.verify(signed({**GOOD, "aud": audience}), NOW_S).user.id == "u1"

    @pytest.mark.parametrize("audience", ["crm", ["crm"], 7, [7], {"parlance": 1}])
    def test_another_one_is_refused(self, audience: object) -> None:
        assert refusal(signed({**GOOD, "aud": audience}), self.tokens) == "The token is meant for another audience."

    def test_a_missing_one_is_refused(self) -> None:
        assert refusal(signed(GOOD), self.tokens) == "The token has no aud claim."


@pytest.mark.parametrize(
    ("sub", "name", "ttl_s", "kind"),
    [("", None, 60, "customer"), ("a\0", None, 60, "customer"), ("a", "n" * 201, 60, "customer"),
     ("a", None, 0, "customer"), ("a", None, -5, "customer"), ("a", None, 60, "bot"), ("bot", None, 60, "customer")],
)  # fmt: skip
def test_nothing_is_issued_that_would_be_refused(sub: str, name: str | None, ttl_s: int, kind: Any) -> None:
    with pytest.raises(ValueError, match="The token"):
        TOKENS.issue(kind, sub, name, ttl_s, NOW_S)


def test_a_short_secret_works_without_a_warning() -> None:
    tokens = Tokens("HS256", b"short")
    assert tokens.verify(tokens.issue("customer", "u1", None, 60, NOW_S), NOW_S).user.id == "u1"


# --------------------------------------------------------------------------- laws

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["sub", "kind", "name", "exp", "nbf", "aud", "iat", "iss", "jti"])


def only_refuses(call: Callable[[], Claims]) -> None:
    try:
        claims = call()
    except Unauthenticated:
        return
    assert claims.user.id
    assert claims.user.kind in KINDS
    claims.user.id.encode()


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_refused_and_nothing_else(text: str) -> None:
    refusal(text)


@given(st.lists(st.binary(max_size=40) | anything.map(lambda value: json.dumps(value).encode()), max_size=5))
def test_any_segments_are_refused_and_nothing_else(segments: list[bytes]) -> None:
    refusal(".".join(segment(raw) for raw in segments))


@given(st.dictionaries(names, anything | st.sampled_from(["customer", NOW_S + 5, "u1"])), st.booleans())
def test_any_signed_claims_are_accepted_or_refused(claims: dict[str, Any], based: bool) -> None:
    body = segment({**GOOD, **claims} if based else claims)
    head = f"{segment({'alg': 'HS256', 'typ': 'JWT'})}.{body}"
    mac = jwt.get_algorithm_by_name("HS256").sign(head.encode(), SECRET)
    only_refuses(lambda: TOKENS.verify(f"{head}.{segment(mac)}", NOW_S))


@given(st.sampled_from(sorted(KINDS)), st.text(min_size=1, max_size=40), st.integers(1, 10**8))
def test_what_is_issued_is_verified(kind: Any, sub: str, ttl_s: int) -> None:
    try:
        token = TOKENS.issue(kind, sub, None, ttl_s, NOW_S)
    except ValueError:
        return
    assert TOKENS.verify(token, NOW_S) == Claims(User(sub, kind, sub), (NOW_S + ttl_s) * 1_000, NOW_S * 1_000)


class TestKeyRotation:
    """Two keys are believed while they are being changed; only the new one signs."""

    def test_the_previous_secret_is_still_believed(self) -> None:
        before = Tokens("HS256", b"b" * 32)
        after = Tokens("HS256", b"a" * 32, previous=b"b" * 32)
        old = before.issue("agent", "ann", None, 60, NOW_S)
        assert after.verify(old, NOW_S).user.id == "ann"
        new = after.issue("agent", "ann", None, 60, NOW_S)
        assert after.verify(new, NOW_S).user.id == "ann"
        with pytest.raises(Unauthenticated, match="signature"):
            before.verify(new, NOW_S)

    def test_a_third_key_is_not(self) -> None:
        stranger = Tokens("HS256", b"c" * 32).issue("admin", "eve", None, 60, NOW_S)
        with pytest.raises(Unauthenticated, match="signature"):
            Tokens("HS256", b"a" * 32, previous=b"b" * 32).verify(stranger, NOW_S)

    def test_a_pem_file_of_two_public_keys(self) -> None:
        other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        tokens = Tokens("RS256", public_pem(RSA_KEY) + b"\n" + public_pem(other))
        for key in (RSA_KEY, other):
            token = jwt.encode({"sub": "ann", "kind": "agent", "exp": NOW_S + 60}, key, "RS256")
            assert tokens.verify(token, NOW_S).user.id == "ann"

    def test_a_private_key_among_them_is_refused(self) -> None:
        with pytest.raises(StartupError, match="private key"):
            Tokens("RS256", public_pem(RSA_KEY) + private_pem(RSA_KEY))


# --------------------------------------------------------------------------- what is known already

JSONS: list[Any] = [
    {"alg": "HS256", "typ": "JWT"}, {"alg": "HS256"}, {"alg": "none"}, {"alg": "HS256", "crit": ["x"], "x": 1},
    GOOD, {**GOOD, "aud": "shop"}, {**GOOD, "exp": NOW_S - 1}, {**GOOD, "name": None}, [], 7, b"{", b"\xff",
]  # fmt: skip
ODD = ["", "é", "====", segment(GOOD) + "=", segment(GOOD)[:-1], segment(GOOD) + "\n"]
PARTS = st.sampled_from([segment(part) for part in JSONS] + ODD)


def outcome(tokens: Tokens, token: str) -> Claims | tuple[type[Exception], str]:
    try:
        return tokens.verify(token, NOW_S)
    except Unauthenticated as error:
        return type(error), str(error)


@given(PARTS, PARTS, st.sampled_from([SECRET, b"f" * 32, b"g" * 32]), st.integers(0, 3), st.sampled_from(["", "shop"]))
def test_a_header_that_was_seen_before_changes_no_verdict(
    header: str, payload: str, key: bytes, damage: int, audience: str
) -> None:
    """Any parts, signed with a key that is believed or not, whole or damaged: as by a server that has just begun."""
    fresh = Tokens("HS256", SECRET, audience, previous=b"f" * 32)
    seasoned = Tokens("HS256", SECRET, audience, previous=b"f" * 32)
    for seen in ({"typ": "JWT"}, {"typ": "JWT", "kid": "k"}, {"typ": None}):
        seasoned.verify(jwt.encode({**GOOD, "aud": audience} if audience else GOOD, SECRET, "HS256", seen), NOW_S)
    signature = hmac.digest(key, f"{header}.{payload}".encode(), "sha256")
    ends = [segment(signature), segment(signature)[:-1], segment(signature) + "=", segment(signature[::-1])]
    token = f"{header}.{payload}.{ends[damage]}"
    assert outcome(seasoned, token) == outcome(fresh, token)


def test_headers_that_are_remembered_are_few() -> None:
    tokens = Tokens("HS256", SECRET)
    for number in range(MAX_KNOWN_HEADERS + 5):
        assert tokens.verify(signed(GOOD, kid=f"{number}"), NOW_S).user.id == "u1"
    assert len(tokens._known_headers) == MAX_KNOWN_HEADERS
