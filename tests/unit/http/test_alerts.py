"""``/v1/alerts`` and ``/v1/audit``: each route asks its verb, and what changes something is noted."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import ASGIApp

from server.transport.http import alert_models as models
from tests.unit.http.conftest import client_of
from tests.unit.http.fakes import CARL, ROOT, Verbs


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "asked"),
    [
        ("GET", "/v1/alerts?state=raised&before=b&limit=3", None, 200, {"state": "raised", "before": "b", "limit": 3}),
        ("GET", "/v1/alerts/rules", None, 200, "rules"),
        ("GET", "/v1/alerts/silences", None, 200, "silences"),
        ("POST", "/v1/alerts/silences", {"rule": "slow*", "for_s": 60, "reason": "r"}, 201,
         {"rule": "slow*", "for_s": 60.0, "until_ms": None, "reason": "r"}),
        ("DELETE", "/v1/alerts/silences/s1", None, 200, "s1"),
        ("POST", "/v1/alerts/a1/acknowledge", None, 200, "a1"),
        ("GET", "/v1/documents/personas", None, 200, "personas"),
        ("PUT", "/v1/documents/mood_rules", {"revision": 2, "document": {"rules": []}}, 200,
         ("mood_rules", 2, {"rules": []})),
        ("GET", "/v1/audit?by=root&before=9&limit=2", None, 200,
         {"by": "root", "action": None, "before": 9, "limit": 2}),
    ],
)  # fmt: skip
async def test_a_route_asks_its_verb(
    api: ASGIApp, verbs: Verbs, *, method: str, path: str, body: Any, status: int, asked: Any
) -> None:
    async with client_of(api, "roots") as client:
        answer = await client.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert verbs.asked == [(ROOT, asked)]
    noted = [] if method == "GET" else [path]
    assert [subject for _, _, subject, _ in verbs.noted] == noted


async def test_pages_lead_on(api: ASGIApp, verbs: Verbs) -> None:
    verbs.more = True
    async with client_of(api, "roots") as client:
        alerts = await client.get("/v1/alerts?state=raised&limit=1")
        audit = await client.get("/v1/audit?by=root&limit=1")
    assert alerts.headers["link"] == (
        f'</v1/alerts?state=raised&before={models.ALERT["alert_id"]}&limit=1>; rel="next"'
    )
    assert audit.headers["link"] == '</v1/audit?by=root&before=7&limit=1>; rel="next"'
    assert audit.json()["items"][0] == {
        "number": 7, "at_ms": 5, "by": "root", "kind": "admin", "action": "ban_user",
        "subject": "/v1/users/carl/ban", "detail": {"a": 1},
    }  # fmt: skip


async def test_what_changes_something_is_noted_with_what_was_given(api: ASGIApp, verbs: Verbs) -> None:
    async with client_of(api, "roots") as client:
        assert (await client.post("/v1/models/promote", json={"version": "nlu-2"})).status_code == 200
        assert (await client.post("/v1/users/carl/ban")).status_code == 200
        assert verbs.noted == [
            ("root", "promote_model", "/v1/models/promote", {"version": "nlu-2"}),
            ("root", "ban_user", "/v1/users/carl/ban", {}),
        ]
        assert (await client.post("/v1/models/promote", json={"version": 5})).status_code == 400
        assert (await client.get("/v1/models")).status_code == 200
        assert len(verbs.noted) == 2


@pytest.mark.parametrize(("token", "user"), [("carls", CARL), ("roots", ROOT)])
async def test_talking_is_no_change(api: ASGIApp, verbs: Verbs, token: str, user: Any) -> None:
    async with client_of(api, token) as client:
        answer = await client.post("/v1/conversations", json={"key": "k"})
    assert (answer.status_code, verbs.asked[0][0], verbs.noted) == (201, user, [])


async def test_what_services_do_in_others_names_is_not_noted(api: ASGIApp, verbs: Verbs) -> None:
    async with client_of(api, "shops") as client:
        answer = await client.post("/v1/tokens", json={"user_id": "carl", "kind": "customer"})
    assert (answer.status_code, verbs.noted) == (201, [])
