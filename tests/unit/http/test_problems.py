"""Who may ask, and how errors are told: problem details with the protocol's code and name."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp

from server import errors
from server.chat.administration import NotSupported
from server.wire import examples
from tests.unit.http.conftest import MAX_BODY_BYTES, ORIGIN, client_of
from tests.unit.http.fakes import Verbs

AT = f"/v1/conversations/{examples.CHANNEL}"


def problem(answer: httpx2.Response) -> dict[str, Any]:
    """The problem, after looking at what all have."""
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    told: dict[str, Any] = answer.json()
    assert told["status"] == told["code"] == answer.status_code
    assert told["type"] == f"/docs#error-{told['code']}"
    assert told["detail"] and told["title"]
    return told


# ------------------------------------------------------------------ who may ask


@pytest.mark.parametrize("header", [None, "", "Basic Y2FybDpzZWNyZXQ=", "Bearer", "Bearer ", "carls"])
async def test_without_a_token_it_is_401(api: ASGIApp, verbs: Verbs, header: str | None) -> None:
    async with client_of(api, None) as client:
        answer = await client.get("/v1/conversations", headers={} if header is None else {"authorization": header})
    assert problem(answer)["name"] == "unauthenticated"
    assert answer.headers["www-authenticate"] == 'Bearer realm="parlance"'
    assert "Authorization: Bearer" in answer.json()["detail"]
    assert verbs.asked == []


async def test_with_a_wrong_token_it_is_401(api: ASGIApp) -> None:
    async with client_of(api, "nobodys") as client:
        answer = await client.get("/v1/conversations")
    assert (answer.status_code, problem(answer)["detail"]) == (401, "The token is not a JWT.")
    assert "nobodys" not in answer.text


async def test_a_token_in_the_url_is_none(api: ASGIApp, verbs: Verbs) -> None:
    async with client_of(api, None) as client:
        for name in ("token", "access_token", "authorization"):
            assert (await client.get("/v1/conversations", params={name: "carls"})).status_code == 401
    assert verbs.asked == []


async def test_the_scheme_may_be_written_in_any_case(api: ASGIApp, verbs: Verbs) -> None:
    async with client_of(api, None) as client:
        answer = await client.get("/v1/conversations", headers={"authorization": "bEARER carls"})
    assert (answer.status_code, len(verbs.asked)) == (200, 1)


# ------------------------------------------------------------------ what verbs refuse


REFUSALS: list[errors.ProtocolError] = [
    errors.BadFrame("a"),
    errors.Unauthenticated("the token was revoked; get a new one"),
    errors.Forbidden("c"),
    errors.Banned("this user is banned"),
    errors.NotFound("no such channel"),
    errors.Conflict("d"),
    errors.TooLarge("e"),
    errors.Invalid("f"),
    errors.Internal("g"),
    errors.Unavailable("h"),
    NotSupported("i"),
]


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: f"{type(error).__name__}")
async def test_what_a_verb_refuses_is_told(
    client: httpx2.AsyncClient, verbs: Verbs, error: errors.ProtocolError
) -> None:
    verbs.error = error
    for answer in (
        await client.post(f"{AT}/claim"),
        await client.post(f"{AT}/messages", json={"key": "k", "text": "t"}),
    ):
        told = problem(answer)
        assert (told["code"], told["name"], told["detail"]) == (error.code, error.name, str(error))
        assert told["temporary"] is error.temporary
        assert "retry_after_ms" not in told and "retry-after" not in answer.headers
        assert ("www-authenticate" in answer.headers) == (error.code == 401)


@pytest.mark.parametrize(("wait_ms", "seconds"), [(1, "1"), (1_000, "1"), (1_001, "2"), (850, "1")])
async def test_when_to_try_again_is_told_twice(
    client: httpx2.AsyncClient, verbs: Verbs, wait_ms: int, seconds: str
) -> None:
    verbs.error = errors.RateLimited("slow down", retry_after_ms=wait_ms)
    answer = await client.post(f"{AT}/claim")
    told = problem(answer)
    assert (told["name"], told["retry_after_ms"], told["temporary"]) == ("rate_limited", wait_ms, True)
    assert answer.headers["retry-after"] == seconds


async def test_our_own_failure_tells_no_particulars(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    verbs.error = RuntimeError("the secret recipe")
    answer = await client.post(f"{AT}/claim")
    assert (answer.status_code, problem(answer)["name"]) == (500, "internal")
    assert "secret" not in answer.text


# ------------------------------------------------------------------ what is no request


@pytest.mark.parametrize(
    ("path", "body", "location"),
    [
        (f"{AT}/messages", {"key": "k"}, "body/text"),
        (f"{AT}/messages", {"key": "k", "text": 7}, "body/text"),
        (f"{AT}/messages", {"key": 7, "text": "t"}, "body/key"),
        (f"{AT}/messages", {"key": "k", "text": "t", "data": []}, "body/data"),
        (f"{AT}/messages", ["text"], "body"),
        (f"{AT}/rating", {"rating": "1"}, "body/rating"),
        (f"{AT}/rating", {"rating": True}, "body/rating"),
        (f"{AT}/rating", {"rating": 1, "categories": ["a"] * 17}, "body/categories"),
        (f"{AT}/receipts", {"kind": "seen", "offset": 1}, "body/kind"),
        (f"{AT}/receipts", {"kind": "read", "offset": -1}, "body/offset"),
        (f"{AT}/receipts", {"kind": "read", "offset": 1.5}, "body/offset"),
        ("/v1/tokens", {"user_id": "u", "kind": "king"}, "body/kind"),
        ("/v1/tokens", {"user_id": "", "ttl_s": 60}, "body/user_id"),
        ("/v1/tokens", {"user_id": "u", "ttl_s": 0}, "body/ttl_s"),
        ("/v1/system", {"name": "party", "data": {}}, "body/name"),
        ("/v1/notifications", {"everyone": True, "title": "t", "body": "b", "priority": "low-ish"}, "body/priority"),
    ],
)
async def test_a_wrong_field_is_400_and_named(
    client: httpx2.AsyncClient, verbs: Verbs, path: str, body: object, location: str
) -> None:
    answer = await client.post(path, json=body)
    told = problem(answer)
    assert (told["code"], told["name"]) == (400, "bad_frame")
    assert location in {one["location"] for one in told["errors"]}
    assert location in told["detail"]
    assert verbs.asked == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "before=-1", "after=1.5", "before=99999999999999999999"]
)
async def test_a_wrong_query_is_400(client: httpx2.AsyncClient, verbs: Verbs, query: str) -> None:
    told = problem(await client.get(f"{AT}/messages?{query}"))
    assert (told["code"], told["name"]) == (400, "bad_frame")
    assert verbs.asked == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'{"text": ', 400),
        (b"[" * 1_900, 400),
        (b"\xff\xfe", 400),
        (b'{"key":"k","text":"\\ud800"}', 422),
        (b'{"key":"\\udfff","text":"t"}', 422),
        (b'{"key":"k","text":"t","more":{"\\ud800":1}}', 422),
        (b'{"key":"k","text":"t","a":NaN,"b":"\\ud800"}', 400),
        (b'{"key":"k","text":"t","data":{"a":NaN}}', 400),
    ],
)
async def test_what_is_no_json_is_refused(client: httpx2.AsyncClient, content: bytes, code: int) -> None:
    answer = await client.post(f"{AT}/messages", content=content, headers={"content-type": "application/json"})
    assert problem(answer)["code"] == code


async def test_what_is_not_called_json_is_400(client: httpx2.AsyncClient) -> None:
    content = json.dumps({"key": "k", "text": "t"}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        answer = await client.post(f"{AT}/messages", content=content, headers={"content-type": kind})
        assert problem(answer)["code"] == 400


async def test_bodies_are_bounded_whatever_the_length_says(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    def body(size: int) -> bytes:
        return json.dumps({"key": "k", "text": "x" * (size - len('{"key": "k", "text": ""}'))}).encode()

    async def in_pieces(content: bytes) -> Any:
        for start in range(0, len(content), 100):
            yield content[start : start + 100]

    headers = {"content-type": "application/json"}
    for size, status in ((MAX_BODY_BYTES, 201), (MAX_BODY_BYTES + 1, 413)):
        assert len(body(size)) == size
        whole = await client.post(f"{AT}/messages", content=body(size), headers=headers)
        pieces = await client.post(f"{AT}/messages", content=in_pieces(body(size)), headers=headers)
        assert "content-length" in whole.request.headers and "content-length" not in pieces.request.headers
        assert (whole.status_code, pieces.status_code) == (status, status)
        if status == 413:
            assert problem(whole)["name"] == problem(pieces)["name"] == "too_large"
    assert len(verbs.asked) == 2


async def test_what_is_not_there_is_a_problem_too(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/nothing")
    assert (problem(answer)["name"], answer.status_code) == ("not_found", 404)
    answer = await client.get("/v1/conversations/")
    assert problem(answer)["code"] == 404
    answer = await client.delete("/v1/notifications")
    assert (problem(answer)["name"], answer.status_code) == ("method_not_allowed", 405)
    assert set(answer.headers["allow"].split(", ")) >= {"POST"}


# ------------------------------------------------------------------ pages of other origins


async def test_only_allowed_origins_may_call_from_browsers(client: httpx2.AsyncClient) -> None:
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,idempotency-key"}
    allowed = await client.options(f"{AT}/messages", headers={"origin": ORIGIN, **asks})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, ORIGIN)
    assert "access-control-allow-credentials" not in allowed.headers
    foreign = await client.options(f"{AT}/messages", headers={"origin": "https://evil.example", **asks})
    assert foreign.status_code == 400 and "access-control-allow-origin" not in foreign.headers
    answer = await client.get("/v1/conversations", headers={"origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    answer = await client.get("/v1/conversations", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers
