"""``/v1/knowledge/gaps``, ``faq``, ``coverage`` and ``figures``."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.unit.http.fakes import CARL, Verbs

GAPS = "/v1/knowledge/gaps"
ASKED = {
    "gap": 12, "name": "gift wrap", "questions": 9, "people": 7, "answered": 1, "solved": 0, "first_ms": 3,
    "last_ms": 5,
}  # fmt: skip
GAP = {
    **ASKED, "state": "open", "troubled": 8, "troubles": {"uncited": 8}, "satisfaction": 0.25, "impact": 0.75,
    "priority": 6.0, "examples": ["do you wrap?"],
}  # fmt: skip


async def test_gaps_are_listed_in_pages(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    verbs.more = True
    answer = await client.get(GAPS, params={"state": "open", "days": 7, "skip": 2, "limit": 1})
    assert answer.json() == {"items": [GAP], "more": True}
    assert verbs.asked == [(CARL, {"state": "open", "days": 7, "least": 2, "skip": 2, "limit": 1})]
    assert answer.headers["link"] == f'<{GAPS}?state=open&days=7&least=2&skip=3&limit=1>; rel="next"'


async def test_a_gap_is_shown_moved_and_written_for(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    shown = (await client.get(f"{GAPS}/12")).json()
    assert "impact" not in shown and "satisfaction" not in shown and "article" not in shown
    moved = await client.put(f"{GAPS}/12/state", json={"state": "resolved"})
    assert (moved.json()["state"], moved.json()["changed_by"], moved.json()["changed_ms"]) == ("resolved", "carl", 9)
    begun = await client.post(f"{GAPS}/12/draft", json={"article": "wrap", "category": "orders"})
    assert (begun.status_code, begun.json()["state"], begun.json()["article"]) == (201, "draft_written", "wrap")
    verbs.duplicate = True
    assert (await client.post(f"{GAPS}/12/draft", json={})).status_code == 200
    assert [what for _, what in verbs.asked] == [
        (12, 30), (12, "resolved", "carl"), (12, "wrap", "orders", "carl"), (12, None, None, "carl"),
    ]  # fmt: skip


async def test_questions_are_counted(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    frequent = (await client.get("/v1/knowledge/faq")).json()
    assert frequent == {
        "items": [{**ASKED, "articles": [{"article": "wrap", "answers": 4}], "examples": ["do you wrap?"]}]
    }
    coverage = (await client.get("/v1/knowledge/coverage", params={"days": 1})).json()
    counts = {"questions": 4, "answered": 1, "offered": 1, "solved": 0, "handoffs": 2}
    assert coverage == {"since_ms": 5, **counts, "coverage": 0.25, "days": [{"day_ms": 0, **counts}]}
    figures = (await client.get("/v1/knowledge/figures", params={"article": "wrap"})).json()
    assert figures == {
        "items": [
            {
                "article": "wrap", "version": 2, "shown": 9, "solved": 4, "thumbs_up": 3, "thumbs_down": 2,
                "handoffs": 1, "last_ms": 5,
            }
        ]
    }  # fmt: skip
    assert [what for _, what in verbs.asked] == [
        {"days": 7, "people": 3, "limit": 50}, 1, {"days": 30, "article_id": "wrap", "limit": 100},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{GAPS}?state=closed", None),
        ("GET", f"{GAPS}?days=0", None),
        ("GET", f"{GAPS}/none", None),
        ("PUT", f"{GAPS}/12/state", {"state": "draft_written"}),
        ("POST", f"{GAPS}/0/draft", {}),
        ("GET", "/v1/knowledge/faq?people=0", None),
        ("GET", "/v1/knowledge/coverage?days=367", None),
    ],
)
async def test_what_is_no_request_is_refused(
    client: httpx2.AsyncClient, verbs: Verbs, method: str, path: str, body: Any
) -> None:
    answer = await client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["name"]) == (400, "bad_frame")
    assert verbs.asked == []
