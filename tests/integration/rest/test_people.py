"""Users, their tokens, and word to them."""

from __future__ import annotations

import time
from typing import Any

from tests.integration.conftest import Join, signed
from tests.integration.peer import Peer
from tests.integration.rest.client import Rest
from tests.integration.rest.conftest import Call
from tests.support.server import ServerProcess

NOT_FOUND, FORBIDDEN, CONFLICT = (404, "not_found"), (403, "forbidden"), (409, "conflict")
UNAUTHENTICATED = (401, "unauthenticated")


def now_s() -> float:
    return round(time.time(), 3)


# ------------------------------------------------------------------ tokens


async def test_tokens_count_as_over_the_socket(strict_server: ServerProcess, call: Call) -> None:
    expired = signed(exp=1)
    for token in (None, "x", "a.b.c", expired, signed(kind="king"), signed(sub=""), signed(aud="others")):
        nobody = Rest(strict_server, token)
        assert await nobody.refused("GET", "/v1/conversations") == UNAUTHENTICATED
        await nobody.http.aclose()
    answer = await call("customer").http.get(f"/v1/conversations?token={signed()}", headers={"authorization": ""})
    assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")


async def test_an_issued_token_opens_both_doors(strict_server: ServerProcess, call: Call, join: Join) -> None:
    shop = call("service")
    user_id = f"new/of {shop.user_id}"
    issued = await shop.does("POST", "/v1/tokens", {"user_id": user_id, "name": "Dora", "ttl_s": 60})
    assert issued["user"] == {"id": user_id, "kind": "customer", "name": "Dora"}
    assert 0 < issued["exp_ms"] - time.time() * 1000 <= 60_000
    dora = Rest(strict_server, issued["token"], user_id)
    assert (await dora.does("GET", "/v1/users/me"))["name"] == "Dora"
    phone: Peer = await join(strict_server, token=issued["token"])
    assert phone.user == issued["user"]
    again = await shop.does("POST", "/v1/tokens", {"user_id": user_id})
    assert again["user"]["name"] == "Dora"  # the name that is known
    await dora.http.aclose()


async def test_who_may_issue_what(call: Call) -> None:
    carl, ann, shop, root = (call(kind) for kind in ("customer", "agent", "service", "admin"))
    for somebody in (carl, ann):
        assert await somebody.refused("POST", "/v1/tokens", {"user_id": somebody.user_id}) == FORBIDDEN
    for kind in ("agent", "admin", "service"):
        assert await shop.refused("POST", "/v1/tokens", {"user_id": "x", "kind": kind}) == FORBIDDEN
        assert (await root.does("POST", "/v1/tokens", {"user_id": f"x-{kind}", "kind": kind}))["user"]["kind"] == kind
    # A customer's token for an agent's id would make the agent a customer.
    assert await shop.refused("POST", "/v1/tokens", {"user_id": ann.user_id}) == FORBIDDEN
    for name in ("\u2028", "a\nb"):
        assert await root.refused("POST", "/v1/tokens", {"user_id": "x", "name": name}) == (422, "invalid")


# ------------------------------------------------------------------ revocation and bans


async def test_a_revocation_ends_what_is_open_and_lets_new_tokens_in(
    strict_server: ServerProcess, call: Call, join: Join
) -> None:
    carl, root = call("customer"), call("admin")
    phone: Peer = await join(strict_server, token=carl.token)
    revoked = await root.does("POST", f"/v1/users/{carl.user_id}/tokens/revoke")
    assert (revoked["user_id"], revoked["banned"]) == (carl.user_id, False)
    assert (await phone.closed()).code == 4401
    assert await carl.refused("GET", "/v1/conversations") == UNAUTHENTICATED
    newer = Rest(strict_server, signed(sub=carl.user_id, iat=now_s() + 1, kind="customer"), carl.user_id)
    assert (await newer.does("GET", "/v1/users/me"))["tokens_from_ms"] == revoked["tokens_from_ms"]
    await newer.http.aclose()


async def test_who_may_revoke_what(call: Call) -> None:
    carl, dora, ann, ben, shop, root = (
        call(kind) for kind in ("customer", "customer", "agent", "agent", "service", "admin")
    )
    for somebody in (carl, dora, ann, ben, root):
        await somebody.does("GET", "/v1/users/me")

    def path(rest: Rest) -> str:
        return f"/v1/users/{rest.user_id}/tokens/revoke"

    assert await carl.refused("POST", path(dora)) == FORBIDDEN
    assert await ann.refused("POST", path(carl)) == FORBIDDEN
    assert await shop.refused("POST", path(ann)) == FORBIDDEN
    assert await shop.refused("POST", "/v1/users/nobody/tokens/revoke") == NOT_FOUND
    assert await root.refused("POST", "/v1/users/nobody/tokens/revoke") == NOT_FOUND
    await shop.does("POST", path(carl))
    await dora.does("POST", "/v1/users/me/tokens/revoke")
    await root.does("POST", path(ann))
    for somebody in (carl, dora, ann):
        assert await somebody.refused("GET", "/v1/users/me") == UNAUTHENTICATED
    await ben.does("GET", "/v1/users/me")


async def test_a_ban_keeps_out_until_it_ends(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl, root = call("customer"), call("admin")
    phone: Peer = await join(strict_server, token=carl.token)
    for somebody in (call("agent"), call("service"), carl):
        assert await somebody.refused("POST", f"/v1/users/{carl.user_id}/ban") == FORBIDDEN
    assert await root.refused("POST", f"/v1/users/{root.user_id}/ban") == CONFLICT
    assert (await root.does("POST", f"/v1/users/{carl.user_id}/ban"))["banned"] is True
    assert (await phone.closed()).code == 4403
    assert await carl.refused("GET", "/v1/conversations") == FORBIDDEN
    assert (await root.does("GET", f"/v1/users/{carl.user_id}"))["banned"] is True
    assert await root.refused("POST", "/v1/tokens", {"user_id": carl.user_id}) == CONFLICT
    assert (await root.does("DELETE", f"/v1/users/{carl.user_id}/ban"))["banned"] is False
    assert await carl.refused("GET", "/v1/conversations") == UNAUTHENTICATED  # the old token stays void
    issued = await root.does("POST", "/v1/tokens", {"user_id": carl.user_id})
    back = Rest(strict_server, issued["token"], carl.user_id)
    await back.does("GET", "/v1/conversations")
    await back.http.aclose()


# ------------------------------------------------------------------ users


async def test_users_are_listed_in_pages(call: Call) -> None:
    root = call("admin")
    made = sorted(f"{root.user_id}-{name}" for name in "abcde")
    for user_id in made:
        await call("customer", sub=user_id).does("GET", "/v1/users/me")
    seen: list[str] = []
    path: str | None = f"/v1/users?limit=2&after={root.user_id}"
    while path:
        page = await root.call("GET", path)
        seen += [user["id"] for user in page.json()["items"]]
        path = page.links.get("next", {}).get("url")
    assert seen == sorted(seen)
    assert [user_id for user_id in seen if user_id.startswith(f"{root.user_id}-")] == made
    await call("service").does("GET", "/v1/users")
    for kind in ("customer", "agent"):
        assert await call(kind).refused("GET", "/v1/users") == FORBIDDEN


async def test_users_are_read_by_office_and_by_themselves(call: Call) -> None:
    carl = call("customer", sub="https://id.example/carl|7 é")
    me = await carl.does("GET", "/v1/users/me")
    assert me["id"] == carl.user_id
    for kind in ("admin", "service"):
        found = await call(kind).does("GET", "/v1/users/https%3A%2F%2Fid.example%2Fcarl%7C7%20%C3%A9")
        assert found == {**me, "last_seen_ms": found["last_seen_ms"]}
        assert await call(kind).refused("GET", "/v1/users/nobody") == NOT_FOUND
    for kind in ("customer", "agent"):
        assert await call(kind).refused("GET", f"/v1/users/{call('customer').user_id}") == FORBIDDEN


# ------------------------------------------------------------------ notifications and announcements


async def test_a_notification_is_pushed_kept_and_seen(strict_server: ServerProcess, call: Call, join: Join) -> None:
    carl, shop = call("customer"), call("service")
    phone: Peer = await join(strict_server, token=carl.token)
    body = {"user_id": carl.user_id, "title": "Late", "body": "Friday.", "priority": "high", "data": {"order": 1}}
    notified = await shop.does("POST", "/v1/notifications", body)
    assert notified["users"] == 1
    pushed = await phone.push("notification", notification_id=notified["notification_id"])
    assert {name: pushed[name] for name in body if name != "user_id"} == {
        name: value for name, value in body.items() if name != "user_id"
    }
    await shop.does("POST", "/v1/notifications", {**body, "priority": "urgent"})
    listed = await carl.does("GET", "/v1/notifications")
    assert [item["priority"] for item in listed["items"]] == ["urgent", "high"]
    assert (listed["items"][1], listed["unread"]) == (pushed, 2)
    assert (await carl.does("GET", "/v1/notifications?limit=1"))["unread"] == 2
    seen = await carl.does("POST", f"/v1/notifications/{notified['notification_id']}/seen")
    assert seen == {"notification_id": notified["notification_id"]}
    assert "id" not in await phone.push("seen", notification_id=notified["notification_id"])
    assert (await carl.does("GET", "/v1/notifications"))["unread"] == 1
    other = call("customer")
    assert await other.refused("POST", f"/v1/notifications/{notified['notification_id']}/seen") == NOT_FOUND


async def test_who_may_notify_whom(call: Call) -> None:
    body: dict[str, Any] = {"title": "t", "body": "b"}
    for kind in ("customer", "agent"):
        somebody = call(kind)
        own = {**body, "user_id": somebody.user_id}
        assert await somebody.refused("POST", "/v1/notifications", own) == FORBIDDEN
        assert await somebody.refused("POST", "/v1/system", {"name": "status", "data": {}}) == FORBIDDEN
    root = call("admin")
    assert await call("service").refused("POST", "/v1/system", {"name": "status", "data": {}}) == FORBIDDEN
    assert await root.refused("POST", "/v1/notifications", {**body, "user_id": "nobody"}) == NOT_FOUND
    empty = {"title": "", "body": "b", "everyone": True}
    assert await root.refused("POST", "/v1/notifications", empty) == (422, "invalid")


async def test_word_to_everybody_reaches_everybody(strict_server: ServerProcess, call: Call, join: Join) -> None:
    root, carl, ann = call("admin"), call("customer"), call("agent")
    peers: list[Peer] = [await join(strict_server, token=rest.token) for rest in (carl, ann)]
    notified = await root.does("POST", "/v1/notifications", {"everyone": True, "title": "t", "body": "b"})
    assert notified["users"] >= 3
    announced = await root.does("POST", "/v1/system", {"name": "maintenance", "data": {"at": [1, None]}})
    assert announced == {"channel": "system", "name": "maintenance", "data": {"at": [1, None]}}
    for peer in peers:
        pushed = await peer.push("notification", notification_id=notified["notification_id"])
        assert pushed["channel"] == f"user:{peer.user['id']}"
        event = await peer.push("event", channel="system", name="maintenance")
        assert event["data"] == {"at": [1, None]}
    assert (await carl.does("GET", "/v1/notifications"))["unread"] >= 1
