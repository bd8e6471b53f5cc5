"""PROTOCOL §3: who somebody is, and for how long."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import jwt
import pytest

from tests.integration.conftest import SECRET, Join, made_by_cli, signed
from tests.integration.peer import ENCODINGS, Encoding, Peer
from tests.support.server import ServerProcess

HOUR_S = 3600


def unsigned(**claims: Any) -> str:
    """A token with the algorithm "none" (RFC 7519 §6)."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    usual = {"sub": "eve", "kind": "admin", "exp": int(time.time()) + HOUR_S, **claims}
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(usual)}."


def signed_otherwise(algorithm: str, key: str) -> str:
    claims = {"sub": "eve", "kind": "admin", "exp": int(time.time()) + HOUR_S}
    return jwt.encode(claims, key, algorithm=algorithm)


BAD_TOKENS = {
    "empty": "",
    "no JWT": "hello",
    "two parts": "a.b",
    "huge": "x" * 50_000,
    "another secret": signed_otherwise("HS256", "another-secret-that-is-just-as-long-as-ours"),
    "another algorithm": signed_otherwise("HS512", SECRET),
    "unsigned": unsigned(),
    "expired": signed(exp=int(time.time()) - 5),
    "without exp": signed(exp=None),
    "exp is a text": signed(exp="soon"),
    "not yet valid": signed(nbf=int(time.time()) + HOUR_S),
    "without sub": signed(sub=None),
    "empty sub": signed(sub=""),
    "without kind": signed(kind=None),
    "unknown kind": signed(kind="root"),
    "bot": signed(kind="bot"),
    "system": signed(kind="system"),
    "kind is a list": signed(kind=["admin"]),
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
async def test_a_bad_token_is_401_then_4401(strict_server: ServerProcess, dialled: Join, token: str) -> None:
    peer: Peer = await dialled(strict_server)
    error = await peer.ask("connect", token=token)
    assert (error["type"], error["code"], error["name"]) == ("error", 401, "unauthenticated")
    assert token not in error["message"] or not token
    assert (await peer.closed()).code == 4401


async def test_no_token_where_guests_are_not_allowed(strict_server: ServerProcess, dialled: Join) -> None:
    peer: Peer = await dialled(strict_server)
    assert (await peer.ask("connect"))["code"] == 401
    assert (await peer.closed()).code == 4401


async def test_a_bad_token_does_not_make_a_guest(server: ServerProcess, dialled: Join) -> None:
    peer: Peer = await dialled(server)
    assert (await peer.ask("connect", token="hello"))["code"] == 401
    assert (await peer.closed()).code == 4401


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_guest_stays_the_same_user_with_its_token(
    server: ServerProcess, join: Join, encoding: Encoding
) -> None:
    guest, other = await join(server, encoding), await join(server, encoding)
    assert guest.user["kind"] == "customer"
    assert guest.user["id"] != other.user["id"]
    again: Peer = await join(server, token=guest.token)
    assert again.user == guest.user
    assert "token" not in again.welcome


async def test_two_connections_of_a_user_share_its_conversations(server: ServerProcess, join: Join) -> None:
    phone: Peer = await join(server)
    channel = await phone.open()
    laptop: Peer = await join(server, "msgpack", token=phone.token)
    assert laptop.welcome["session"] != phone.welcome["session"]
    assert (await laptop.ask("subscribe", channel=channel))["type"] == "subscribed"
    ack = await laptop.send(channel, "hello from the laptop")
    for device in (phone, laptop):
        own = await device.push("message", message_id=ack["message_id"])
        answer = await device.bot_reply(ack["message_id"])
        assert own["from"] == phone.user
        assert answer["offset"] == own["offset"] + 1


@pytest.mark.parametrize("kind", ["customer", "agent", "admin", "service"])
async def test_tokens_of_the_command_line_are_accepted(server: ServerProcess, join: Join, kind: str) -> None:
    token = await asyncio.to_thread(made_by_cli, server, "--kind", kind, "--sub", f"cli-{kind}", "--name", "Chris Ü")
    peer: Peer = await join(server, token=token)
    assert peer.user == {"id": f"cli-{kind}", "kind": kind, "name": "Chris Ü"}
    assert "token" not in peer.welcome


async def test_a_token_without_a_name(strict_server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(strict_server, token=signed(sub="nameless", name=None))
    assert peer.user["id"] == "nameless"
    assert isinstance(peer.user["name"], str)


# ------------------------------------------------------------------ refresh and expiry


async def test_expiry_closes_and_refresh_prevents_it(strict_server: ServerProcess, join: Join) -> None:
    soon_s = int(time.time()) + 3
    leaving: Peer = await join(strict_server, token=signed(sub="leaving", exp=soon_s))
    staying: Peer = await join(strict_server, token=signed(sub="staying", exp=soon_s))
    later_s = int(time.time()) + HOUR_S
    refreshed = await staying.ask("refresh", token=signed(sub="staying", exp=later_s))
    assert refreshed == {"type": "refreshed", "id": refreshed["id"], "exp_ms": later_s * 1000}

    assert (await leaving.closed()).code == 4401
    assert time.time() >= soon_s
    assert (await staying.ask("ping"))["type"] == "pong"


async def test_a_refresh_may_also_shorten(strict_server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(strict_server, token=signed(sub="shortened"))
    soon_s = int(time.time()) + 2
    assert (await peer.ask("refresh", token=signed(sub="shortened", exp=soon_s)))["exp_ms"] == soon_s * 1000
    assert (await peer.closed()).code == 4401


@pytest.mark.parametrize(
    "token",
    [signed(sub="somebody else"), "hello", signed(sub="refresher", exp=int(time.time()) - 5)],
    ids=["another user's", "no JWT", "expired"],
)
async def test_a_refresh_that_is_refused_is_401(strict_server: ServerProcess, join: Join, token: str) -> None:
    peer: Peer = await join(strict_server, token=signed(sub="refresher"))
    error = await peer.ask("refresh", token=token)
    assert (error["type"], error["code"]) == ("error", 401)
