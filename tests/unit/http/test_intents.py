"""``/v1/intents``: what the routes ask, and what they answer."""

from __future__ import annotations

import httpx2
import pytest

from server.errors import Conflict, Forbidden, Invalid, NotFound
from tests.unit.http.fakes import CARL, Verbs
from tests.unit.http.test_routes import Case

DIGEST = "a" * 64
CASES = [
    Case("GET", "/v1/intents", None, 200, "show"),
    Case("POST", "/v1/intents/refund/examples", {"text": "pay me back"}, 200, ("add", "refund", "pay me back", False)),
    Case("POST", "/v1/intents/new_one/examples", {"text": "x", "new": True}, 200, ("add", "new_one", "x", True)),
    Case("DELETE", "/v1/intents/refund/examples?text=a%20b", None, 200, ("remove", "refund", "a b")),
    Case("POST", "/v1/intents/export", None, 200, "export"),
    Case("POST", "/v1/intents/train", None, 200, "train"),
    Case("POST", "/v1/intents/activate", {"digest": DIGEST}, 200, ("activate", DIGEST)),
    Case("POST", "/v1/intents/rollback", None, 200, "rollback"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method} {case.path}")
async def test_a_route_asks_for_what_it_says(client: httpx2.AsyncClient, verbs: Verbs, case: Case) -> None:
    answer = await client.request(case.method, case.path, json=case.body)
    assert answer.status_code == case.status, answer.text
    assert verbs.asked == [(CARL, case.asked)]


async def test_the_inbox_is_still_the_inbox(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    assert (await client.get("/v1/intents/inbox")).json()["items"][0]["state"] == "open"


@pytest.mark.parametrize(("method", "path", "body"), [
    ("POST", "/v1/intents/refund/examples", {"text": ""}),
    ("POST", "/v1/intents/refund/examples", {"text": "x" * 501}),
    ("DELETE", "/v1/intents/refund/examples", None),
    ("POST", "/v1/intents/activate", {"digest": "a"}),
])  # fmt: skip
async def test_what_is_no_request(
    client: httpx2.AsyncClient, verbs: Verbs, method: str, path: str, body: object
) -> None:
    answer = await client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["name"], verbs.asked) == (400, "bad_frame", [])


@pytest.mark.parametrize("error", [Forbidden("for admins"), Conflict("set intents"), Invalid("taken"), NotFound("x")])
async def test_what_is_refused(client: httpx2.AsyncClient, verbs: Verbs, error: Exception) -> None:
    verbs.error = error
    answer = await client.post("/v1/intents/refund/examples", json={"text": "x"})
    assert answer.json()["detail"] == str(error)
