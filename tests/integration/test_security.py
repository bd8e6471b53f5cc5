"""Attacks on a running server that no other test makes; docs/security.md has the whole list."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.integration.conftest import Join, signed
from tests.integration.peer import Closed, Peer
from tests.support.server import ServerProcess

INJECTION = "'); DROP TABLE messages; --\" OR 1=1 /* ${jndi:ldap://x} {{7*7}} %s %(x)s \\"
UNKNOWN = "conv:01JCN3V7Q2K8Z5W4X9Y6T1R0SA"


def asked(
    server: ServerProcess, path: str, token: str = "", body: object = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    """An HTTP answer: status, headers, body. ``body`` None: a GET, otherwise a POST of it as JSON."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        given["authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        given["content-type"] = "application/json"
    request = urllib.request.Request(server.http_url + path, headers=given, data=data)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:  # noqa: S310
            return (
                answer.status,
                {name.lower(): value for name, value in answer.headers.items()},
                answer.read().decode(),
            )
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read().decode()


# ------------------------------------------------------------------ tokens


async def test_a_token_in_the_url_counts_for_nothing_and_is_not_logged(strict_server: ServerProcess) -> None:
    token = signed()
    for query in (f"token={token}", f"access_token={token}"):
        async with connect(f"{strict_server.ws_url}?{query}", proxy=None) as raw:
            await raw.send(json.dumps({"type": "connect", "id": 1}))
            assert json.loads(await raw.recv())["code"] == 401
        assert asked(strict_server, f"/v1/conversations?{query}")[0] == 401
    assert token not in strict_server.log()
    assert token.split(".")[2] not in strict_server.log()


async def test_a_refresh_with_a_revoked_token_is_401_and_nothing_is_gained(
    strict_server: ServerProcess, join: Join
) -> None:
    old = signed(sub="refresher-of-old", iat=1_000)
    peer: Peer = await join(strict_server, token=signed(sub="refresher-of-old"))
    path = "/v1/users/refresher-of-old/tokens/revoke"
    assert asked(strict_server, path, signed(kind="admin"), body={})[0] == 200
    assert (await peer.closed()).code == 4401  # its token, which says not when it was made, is void as well
    fresh: Peer = await join(strict_server, token=signed(sub="refresher-of-old", iat=2_000_000_000))
    refused = await fresh.ask("refresh", token=old)
    assert (refused["type"], refused["code"]) == ("error", 401)
    assert (await fresh.ask("ping"))["type"] == "pong"


# ------------------------------------------------------------------ access


async def test_a_removed_member_hears_and_does_nothing_more(strict_server: ServerProcess, join: Join) -> None:
    """On the connection that is open: the very next frame counts."""
    customer: Peer = await join(strict_server, token=signed())
    agent: Peer = await join(strict_server, token=signed(kind="agent"))
    channel = await customer.open()
    ack = await customer.send(channel, "hello")
    await agent.ask("members", channel=channel, remove=[customer.user["id"]])
    attempts: list[tuple[str, dict[str, Any]]] = [
        ("send", {"key": "k", "text": "still here?"}), ("history", {}), ("subscribe", {}), ("who", {}),
        ("resolve", {"resolved": True}), ("rate", {"rating": 1}), ("handoff", {}),
    ]  # fmt: skip
    for verb, fields in attempts:
        refused = await customer.ask(verb, channel=channel, **fields)
        assert (refused["type"], refused["code"]) == ("error", 404), verb
    await customer.everything_until_pong()
    later = await agent.send(channel, "behind your back")
    assert later["offset"] > ack["offset"]
    for _ in range(5):
        await asyncio.sleep(0.02)
        assert all(frame.get("channel") != channel for frame in await customer.everything_until_pong())


async def test_a_customer_can_not_do_what_staff_does(strict_server: ServerProcess, join: Join) -> None:
    customer: Peer = await join(strict_server, token=signed())
    channel = await customer.open()
    for verb, fields in (("claim", {}), ("release", {}), ("members", {"add": ["eve"]})):
        assert (await customer.ask(verb, channel=channel, **fields))["code"] == 403, verb
    for name in ("agent:queue", "admin:metrics", "admin:alerts", "user:somebody-else"):
        refused = await customer.ask("subscribe", channel=name)
        assert (refused["type"], refused["code"]) == ("error", 404), name


async def test_a_connect_looks_for_100_channels_at_most(strict_server: ServerProcess, join: Join) -> None:
    """Each look is a question to the store, also for a channel that there is not."""
    resume = {f"{UNKNOWN[:-3]}{number:03}": {"epoch": "e", "offset": 0} for number in range(900)}
    peer: Peer = await join(strict_server, token=signed(), resume=resume)
    codes = [entry["error"]["code"] for entry in peer.welcome["channels"].values()]
    assert codes == [404] * 100 + [429] * 800


# ------------------------------------------------------------------ content


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_what_looks_like_sql_is_only_text(server: ServerProcess, join: Join, encoding: str) -> None:
    peer: Peer = await join(server, encoding)
    opened = await peer.ask("open", key=INJECTION[:64], metadata={INJECTION: INJECTION})
    channel = opened["channel"]
    ack = await peer.ask("send", channel=channel, key=INJECTION[:64], text=INJECTION, data={"x": INJECTION})
    assert ack["type"] == "ack"
    stored = (await peer.ask("history", channel=channel))["messages"][0]
    assert (stored["text"], stored["data"], stored["key"]) == (INJECTION, {"x": INJECTION}, INJECTION[:64])
    for hostile in (f"conv:{INJECTION}", f"{channel}' OR '1'='1", f"{channel}%", f"{channel}\x00"):
        assert (await peer.ask("history", channel=hostile))["code"] in (400, 404)


async def test_an_error_never_tells_how_the_server_is_made(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    channel = await peer.open()
    frames: list[dict[str, Any]] = [
        {"type": "send", "channel": channel, "key": "k", "text": "\x00"},
        {"type": "send", "channel": channel, "key": "k" * 65, "text": "t"},
        {"type": "history", "channel": channel, "before": 2**62},
        {"type": "history", "channel": channel, "after": -1},
        {"type": "open", "key": "k", "metadata": {"a": "🙂" * 9_000}},
        {"type": "conversations", "before": 2**53},
        {"type": "feedback", "message_id": "\x00", "rating": 1},
        {"type": "presence", "status": "online", "text": "x" * 5_000},
        {"type": "seen", "notification_id": "' OR 1=1"},
    ]
    said = [json.dumps(await peer.ask(frame.pop("type"), **frame)) for frame in frames]
    said += [
        asked(server, path)[2] for path in ("/v1/nowhere", "/static/../../settings/model.py", "/static/%00", "/%ff")
    ]
    for text in said:
        for word in ("Traceback", 'File "', ".py", "sqlalchemy", "sqlite", "SELECT ", "msgspec", "asyncio"):
            assert word not in text, text


# ------------------------------------------------------------------ pages


@pytest.mark.parametrize("path", ["/", "/docs", "/static/favicon.svg", "/healthz", "/nowhere", "/v1/nowhere"])
async def test_every_answer_has_the_security_headers(server: ServerProcess, path: str) -> None:
    _, headers, _ = asked(server, path)
    policy = headers["content-security-policy"]
    for rule in ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/static/../index.html", "/static/..%2f..%2fapp.py", "/static/%2e%2e/%2e%2e/app.py",
                                  "/static//etc/passwd", "/static/..\\..\\app.py"])  # fmt: skip
async def test_no_path_leads_out_of_the_static_files(server: ServerProcess, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=15) as raw:  # no client that tidies paths up
        raw.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        answer = raw.recv(65_536).decode()
    assert answer.split()[1] in ("400", "404"), answer


async def test_metrics_are_not_for_whom_a_proxy_asks(server: ServerProcess) -> None:
    assert asked(server, "/metrics")[0] == 200
    assert asked(server, "/metrics", x_forwarded_for="203.0.113.7")[0] == 404


# ------------------------------------------------------------------ logs


async def test_at_debug_level_no_text_token_or_key_is_logged_over_http_either(
    strict_server: ServerProcess, join: Join
) -> None:
    admin, customer = signed(kind="admin", name="Quokka Admin"), signed()
    peer: Peer = await join(strict_server, token=customer)
    channel = await peer.open()
    for verb, fields in (
        ("send", {"channel": channel, "key": "quokka-key", "text": "quokka text"}),
        ("rate", {"channel": channel, "rating": 1, "comment": "quokka comment"}),
        ("presence", {"status": "busy", "text": "quokka status"}),
        ("open", {"key": "k2", "metadata": {"quokka": "quokka"}}),
        ("refresh", {"token": customer}),
        ("send", {"channel": channel, "key": "quokka-key", "text": "quokka other text"}),
    ):
        await peer.ask(verb, **fields)
    body = {"title": "quokka title", "body": "quokka body", "user_id": peer.user["id"]}
    for path in ("/v1/notifications", f"/v1/conversations/{channel}/messages", "/v1/tokens"):
        asked(strict_server, path, admin, body)
    with pytest.raises(Closed):
        await peer.socket.send("quokka {")
        raise await peer.closed()
    log = strict_server.log()
    assert "quokka" not in log.lower()
    for token in (admin, customer):
        assert token not in log
        assert token.split(".")[2] not in log
