"""``/v1/experiments`` and ``/v1/events``: what the routes ask, and what they answer."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from server.errors import Conflict, Forbidden, Invalid
from server.transport.http import experiment_models as models
from tests.unit.http.fakes import CARL, Verbs
from tests.unit.http.test_routes import Case

BY = CARL.id
CASES = [
    Case("GET", "/v1/experiments", None, 200, "all"),
    Case("GET", "/v1/experiments/tone-1", None, 200, "tone-1"),
    Case("GET", "/v1/experiments/tone-1/report", None, 200, ("report", "tone-1")),
    Case("POST", "/v1/experiments", models.EXAMPLE, 201, models.EXAMPLE),
    Case("POST", "/v1/experiments", {"template": "personality"}, 201, {"template": "personality"}),
    Case("GET", "/v1/experiment-templates", None, 200, "templates"),
    Case(
        "PUT",
        "/v1/experiments/tone-1",
        {"revision": 3, "experiment": {"id": "tone-1"}},
        200,
        ("edit", "tone-1", {"id": "tone-1"}, 3, BY),
    ),
    Case("POST", "/v1/experiments/tone-1/start", None, 200, ("start", "tone-1", BY)),
    Case("POST", "/v1/experiments/tone-1/pause", None, 200, ("pause", "tone-1", BY)),
    Case("POST", "/v1/experiments/tone-1/ramp", {"exposure": 0.5}, 200, ("ramp", "tone-1", 0.5, BY)),
    Case("POST", "/v1/experiments/tone-1/complete", {}, 200, ("complete", "tone-1", None, BY, None)),
    Case(
        "POST",
        "/v1/experiments/tone-1/complete",
        {"winner": "friendly", "note": "n"},
        200,
        ("complete", "tone-1", "friendly", BY, "n"),
    ),
    Case("POST", "/v1/experiments/tone-1/withdraw", None, 200, ("withdraw", "tone-1", BY)),
    Case("POST", "/v1/events", {"user_id": "u", "name": "paid", "key": "k"}, 201, ("u", "k", "paid", None)),
    Case(
        "POST",
        "/v1/events",
        {"user_id": "u", "name": "paid", "key": "k", "at_ms": 7},
        201,
        ("u", "k", "paid", 7),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.method} {case.path} {case.body}")
async def test_a_route_asks_for_what_it_says(client: httpx2.AsyncClient, verbs: Verbs, case: Case) -> None:
    answer = await client.request(case.method, case.path, json=case.body)
    assert answer.status_code == case.status, answer.text
    assert verbs.asked == [(CARL, case.asked)]


async def test_an_event_told_again(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    verbs.duplicate = True
    headers = {"idempotency-key": "order-7"}
    answer = await client.post("/v1/events", json={"user_id": "u", "name": "paid"}, headers=headers)
    assert (answer.status_code, answer.json()) == (
        200,
        {"user_id": "u", "key": "order-7", "name": "paid", "duplicate": True},
    )


@pytest.mark.parametrize(("path", "body"), [
    ("/v1/events", {"user_id": "u", "name": "paid"}),
    ("/v1/events", {"user_id": "", "name": "paid", "key": "k"}),
    ("/v1/events", {"user_id": "u", "name": "paid", "key": "k", "at_ms": "now"}),
    ("/v1/experiments", []),
    ("/v1/experiments", None),
    ("/v1/experiments/e/ramp", {}),
    ("/v1/experiments/e/ramp", {"exposure": 1.1}),
    ("/v1/experiments/e/complete", {"winner": 7}),
])  # fmt: skip
async def test_what_is_no_request(client: httpx2.AsyncClient, verbs: Verbs, path: str, body: Any) -> None:
    answer = await client.post(path, json=body)
    assert (answer.status_code, answer.json()["name"]) == (400, "bad_frame")
    assert answer.headers["content-type"] == "application/problem+json"
    assert verbs.asked == []


@pytest.mark.parametrize("error", [Forbidden("for admins"), Conflict("is running"), Invalid("no such metric")])
async def test_what_is_refused(client: httpx2.AsyncClient, verbs: Verbs, error: Any) -> None:
    verbs.error = error
    answer = await client.post("/v1/experiments", json=models.EXAMPLE)
    assert (answer.status_code, answer.json()["detail"]) == (error.code, str(error))


async def test_the_document_explains_them(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert {"create_experiment", "report_experiment", "add_event"} <= {
        operation["operationId"] for methods in document["paths"].values() for operation in methods.values()
    }
