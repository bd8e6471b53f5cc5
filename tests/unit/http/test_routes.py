"""Each route asks its verb the right thing, and answers with what that says."""

from __future__ import annotations

from typing import Any, NamedTuple

import httpx2
import msgspec
import pytest

from server.errors import BadFrame
from server.store.ports import Notice
from server.transport.http.asking import key_of
from server.wire import examples, requests
from server.wire.catalogue import REQUESTS
from server.wire.frames import MembersNow
from tests.unit.http.fakes import CARL, Verbs

CHANNEL = examples.CHANNEL
AT = f"/v1/conversations/{CHANNEL}"


class Case(NamedTuple):
    """A request, the status of its answer, and what the verb is to be asked."""

    method: str
    path: str
    body: Any
    status: int
    asked: Any


# Routes that do what one frame does.
AS_FRAMES = [
    Case("POST", f"{AT}/resolve", None, 200, requests.Resolve(0, CHANNEL, True)),
    Case("POST", f"{AT}/resolve", {"resolved": False}, 200, requests.Resolve(0, CHANNEL, False)),
    Case("POST", f"{AT}/rating", {"rating": 0.5}, 200, requests.Rate(0, CHANNEL, 0.5)),
    Case(
        "POST",
        f"{AT}/rating",
        {"rating": 1, "comment": "c", "categories": ["a"]},
        200,
        requests.Rate(0, CHANNEL, 1.0, "c", ["a"]),
    ),
    Case("POST", f"{AT}/receipts", {"kind": "read", "offset": 3}, 204, requests.MarkReceipt(CHANNEL, "read", 3)),
    Case("POST", f"{AT}/handoff", None, 200, requests.Handoff(0, CHANNEL)),
    Case("POST", f"{AT}/handoff", {"reason": "r"}, 200, requests.Handoff(0, CHANNEL, "r")),
    Case("POST", f"{AT}/claim", None, 200, requests.Claim(0, CHANNEL)),
    Case("POST", f"{AT}/release", None, 200, requests.Release(0, CHANNEL)),
    Case("GET", f"{AT}/members", None, 200, requests.Members(0, CHANNEL)),
    Case("PATCH", f"{AT}/members", {"add": ["a"]}, 200, requests.Members(0, CHANNEL, add=["a"])),
    Case("PATCH", f"{AT}/members", {"remove": ["a"]}, 200, requests.Members(0, CHANNEL, remove=["a"])),
    Case("GET", f"{AT}/presence", None, 200, requests.Who(0, CHANNEL)),
    Case("POST", "/v1/messages/m7/feedback", {"rating": 1}, 200, requests.Feedback(0, "m7", 1.0)),
    Case("PATCH", "/v1/users/me/presence", {"status": "busy"}, 204, requests.SetPresence(0, "busy")),
    Case(
        "PATCH", "/v1/users/carl/presence", {"status": "away", "text": "t"}, 204, requests.SetPresence(0, "away", "t")
    ),
    Case("POST", "/v1/notifications/n7/seen", None, 200, requests.MarkSeen(0, "n7")),
]


@pytest.mark.parametrize("case", AS_FRAMES, ids=lambda case: f"{case.method} {case.path} {case.body}")
async def test_a_route_asks_what_the_frame_would(client: httpx2.AsyncClient, verbs: Verbs, case: Case) -> None:
    answer = await client.request(case.method, case.path, json=case.body)
    assert answer.status_code == case.status, answer.text
    assert verbs.asked == [(CARL, case.asked)]
    if case.status == 204:
        assert answer.content == b""
        return
    assert answer.headers["cache-control"] == "no-store"
    kind = next(entry.answer for entry in REQUESTS if entry.frame is type(case.asked))
    assert kind is not None
    expected = msgspec.to_builtins(examples.examples_of(kind)[0])
    assert answer.json() == {name: value for name, value in expected.items() if name not in ("id", "type")}


async def test_a_channel_may_be_given_as_its_ulid(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    await client.get(f"/v1/conversations/{CHANNEL.removeprefix('conv:')}/presence")
    await client.get(f"/v1/conversations/{CHANNEL.replace(':', '%3A')}/presence")
    assert [frame for _, frame in verbs.asked] == [requests.Who(0, CHANNEL)] * 2


async def test_what_was_understood_leaves_out_what_was_not(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    answer = await client.get(f"{AT}/analyses?limit=7")
    assert answer.json() == {"items": [{"message_id": "m1", "analysis": {"intent": "greeting"}}]}
    assert [asked for _, asked in verbs.asked] == [(CHANNEL, 7)]
    assert (await client.get(f"{AT}/analyses?limit=0")).status_code == 400


# ------------------------------------------------------------------ opening and sending


async def test_opening_says_201_where_it_is_and_200_again(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    answer = await client.post("/v1/conversations", json={"key": "k", "metadata": {"a": 1}})
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/conversations/{CHANNEL}")
    conversation = msgspec.to_builtins(examples.EMPTY)
    assert answer.json() == {
        "channel": CHANNEL,
        "epoch": examples.EPOCH,
        "offset": 0,
        "duplicate": False,
        "conversation": conversation,
    }
    verbs.duplicate = True
    answer = await client.post("/v1/conversations", headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()["duplicate"]) == (200, True)
    assert [frame for _, frame in verbs.asked] == [requests.Open(0, "k", {"a": 1}), requests.Open(0, "k")]


async def test_sending_says_201_and_200_again(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    body = {"text": "hello", "data": {"a": [1, None]}, "reply_to": "m0"}
    answer = await client.post(f"{AT}/messages", json=body, headers={"idempotency-key": '"k"'})
    assert answer.status_code == 201
    assert answer.json() == {
        "channel": CHANNEL, "key": "k", "message_id": "m", "offset": 1, "at_ms": 1, "duplicate": False
    }  # fmt: skip
    verbs.duplicate = True
    answer = await client.post(f"{AT}/messages", json={**body, "key": "k"})
    assert (answer.status_code, answer.json()["duplicate"]) == (200, True)
    assert verbs.asked == [(CARL, requests.Send(0, CHANNEL, "k", "hello", {"a": [1, None]}, "m0"))] * 2
    assert verbs.charged == 2


@pytest.mark.parametrize(
    ("header", "body", "key"),
    [("k", None, "k"), (None, "k", "k"), ("k", "k", "k"), ('"k"', "k", "k"), ('"', None, '"'), (None, '"k"', '"k"')],
)
def test_a_key_comes_in_the_header_or_in_the_body(header: str | None, body: str | None, key: str) -> None:
    assert key_of(header, body) == key


@pytest.mark.parametrize(("header", "body"), [(None, None), ("", None), ('""', None), ("a", "b")])
def test_no_key_or_two_are_400(header: str | None, body: str | None) -> None:
    with pytest.raises(BadFrame, match="key"):
        key_of(header, body)


async def test_a_key_of_65_characters_is_400(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    header = await client.post("/v1/conversations", headers={"idempotency-key": "k" * 65})
    body = await client.post("/v1/conversations", json={"key": "k" * 65})
    for answer in (header, body):
        assert (answer.status_code, answer.json()["name"]) == (400, "bad_frame")
    assert verbs.asked == []


# ------------------------------------------------------------------ pages


async def test_history_takes_the_query_and_leads_on(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    verbs.more = True
    newest = await client.get(f"{AT}/messages?limit=2")
    older = await client.get(f"{AT}/messages?before=9&limit=2")
    newer = await client.get(f"{AT}/messages?after=0")
    assert [frame for _, frame in verbs.asked] == [
        requests.History(0, CHANNEL, limit=2),
        requests.History(0, CHANNEL, before=9, limit=2),
        requests.History(0, CHANNEL, after=0, limit=50),
    ]
    assert newest.links["next"]["url"] == older.links["next"]["url"] == f"{AT}/messages?before=1&limit=2"
    assert newer.links["next"]["url"] == f"{AT}/messages?after=2&limit=50"
    assert newest.json()["messages"] == msgspec.to_builtins([examples.ASKED, examples.ANSWERED])
    verbs.more = False
    assert (await client.get(f"{AT}/messages")).links == {}


async def test_conversations_and_users_come_in_pages(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    verbs.more = True
    page = await client.get("/v1/conversations?before=99&limit=1")
    at_ms = examples.CONVERSATION.at_ms
    assert page.json() == {"items": [msgspec.to_builtins(examples.CONVERSATION)], "more": True}
    assert page.links["next"]["url"] == f"/v1/conversations?before={at_ms}&limit=1"
    page = await client.get("/v1/users?after=b%20c&limit=2")
    assert page.links["next"]["url"] == "/v1/users?after=carl&limit=2"
    assert [what for _, what in verbs.asked] == [requests.Conversations(0, 99, 1), ("b c", 2)]


async def test_unseen_notifications_come_with_their_number(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    answer = await client.get("/v1/notifications?limit=5")
    assert answer.json() == {"items": [msgspec.to_builtins(examples.NOTICE)], "unread": 7}
    assert verbs.asked == [(CARL, 5)]


# ------------------------------------------------------------------ the office


OFFICE = [
    Case("GET", "/v1/users/me", None, 200, "carl"),
    Case("GET", "/v1/users/x/y%20z", None, 200, "x/y z"),
    Case("POST", "/v1/users/me/tokens/revoke", None, 200, "carl"),
    Case("POST", "/v1/users/auth0%7Cd/tokens/revoke", None, 200, "auth0|d"),
    Case("POST", "/v1/users/https%3A%2F%2Fid%2Fd/ban", None, 200, ("https://id/d", True)),
    Case("DELETE", "/v1/users/d/ban", None, 200, ("d", False)),
    Case("POST", "/v1/tokens", {"user_id": "d"}, 201, ("d", "customer", None, 3600)),
    Case(
        "POST", "/v1/tokens", {"user_id": "d", "kind": "agent", "name": "D", "ttl_s": 5}, 201,
        ("d", "agent", "D", 5),
    ),
    Case("POST", "/v1/system", {"name": "status", "data": {"a": 1}}, 202, ("status", {"a": 1})),
    Case(
        "POST", "/v1/notifications", {"user_id": "d", "title": "t", "body": "b"}, 201,
        Notice("", "d", "normal", "t", "b", None, 0),
    ),
    Case(
        "POST", "/v1/notifications",
        {"everyone": True, "title": "t", "body": "b", "priority": "urgent", "data": {}}, 201,
        Notice("", None, "urgent", "t", "b", {}, 0),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", OFFICE, ids=lambda case: f"{case.method} {case.path} {case.body}")
async def test_the_office_is_asked(client: httpx2.AsyncClient, verbs: Verbs, case: Case) -> None:
    answer = await client.request(case.method, case.path, json=case.body)
    assert answer.status_code == case.status, answer.text
    assert verbs.asked == [(CARL, case.asked)]


@pytest.mark.parametrize("whom", [{}, {"user_id": "d", "everyone": True}, {"everyone": False}])
async def test_a_notification_is_for_one_or_for_all(
    client: httpx2.AsyncClient, verbs: Verbs, whom: dict[str, Any]
) -> None:
    answer = await client.post("/v1/notifications", json={**whom, "title": "t", "body": "b"})
    assert (answer.status_code, answer.json()["name"]) == (400, "bad_frame")
    assert verbs.asked == []


async def test_nobody_sets_anothers_presence(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    answer = await client.patch("/v1/users/root/presence", json={"status": "away"})
    assert (answer.status_code, answer.json()["name"]) == (403, "forbidden")
    assert verbs.asked == []


async def test_setting_members_adds_and_removes_what_differs(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    (shown,) = (one for one in examples.SENT if isinstance(one, MembersNow))
    present = [user.id for user in shown.members]
    answer = await client.put(f"{AT}/members", json={"members": [present[0], "new", "new"]})
    assert answer.status_code == 200
    asked = [frame for _, frame in verbs.asked]
    assert asked[0] == requests.Members(0, CHANNEL)
    assert asked[1] == requests.Members(0, CHANNEL, add=["new"], remove=sorted(present[1:]))


# ------------------------------------------------------------------ policies

POLICIES = [
    Case("GET", "/v1/policies", None, 200, "overview"),
    Case("GET", "/v1/policies/linucb", None, 200, "linucb"),
    Case("POST", "/v1/policies/linucb/snapshots", None, 200, ("snapshot", "linucb")),
    Case("POST", "/v1/policies/linucb/rollback", {"to": 0}, 200, ("rollback", "linucb", 0)),
    Case("POST", "/v1/policies/linucb/arms", {"persona": {"a": 1}}, 200, ("add", "linucb", {"a": 1}, None, 1.0)),
    Case(
        "POST", "/v1/policies/linucb/arms", {"persona": {}, "like": "b", "weight": 0.5}, 200,
        ("add", "linucb", {}, "b", 0.5),
    ),
    Case("DELETE", "/v1/policies/linucb/arms/warm", None, 200, ("remove", "linucb", "warm")),
    Case("POST", "/v1/policies/linucb/arms/warm/pause", None, 200, ("pause", "linucb", "warm")),
    Case("POST", "/v1/policies/linucb/arms/warm/resume", None, 200, ("resume", "linucb", "warm")),
]  # fmt: skip


@pytest.mark.parametrize("case", POLICIES, ids=lambda case: f"{case.method} {case.path} {case.body}")
async def test_policies_are_asked_for(client: httpx2.AsyncClient, verbs: Verbs, case: Case) -> None:
    answer = await client.request(case.method, case.path, json=case.body)
    assert answer.status_code == case.status, answer.text
    assert verbs.asked == [(CARL, case.asked)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("rollback", {"to": -1}),
        ("rollback", {}),
        ("arms", {"persona": "warm"}),
        ("arms", {"persona": {}, "weight": 2}),
        ("arms", {"persona": {}, "like": ""}),
    ],
)
async def test_no_place_and_no_persona_are_400(client: httpx2.AsyncClient, verbs: Verbs, path: str, body: Any) -> None:
    answer = await client.post(f"/v1/policies/linucb/{path}", json=body)
    assert answer.status_code == 400
    assert verbs.asked == []


# ------------------------------------------------------------------ versions of the model

VERSIONS = [
    Case("GET", "/v1/models", None, 200, "overview"),
    Case("GET", "/v1/models/nlu-1.2.0", None, 200, "nlu-1.2.0"),
    Case("PUT", "/v1/models/shadow", {"version": "nlu-1.2.0"}, 200, ("shadow", "nlu-1.2.0")),
    Case("PUT", "/v1/models/shadow", {}, 200, ("shadow", None)),
    Case("PUT", "/v1/models/canary", {"version": "v"}, 200, ("canary", "v", 0.1, False)),
    Case("PUT", "/v1/models/canary", {"version": "v", "share": 1, "force": True}, 200, ("canary", "v", 1.0, True)),
    Case("PUT", "/v1/models/canary", {"version": None}, 200, ("canary", None, 0.1, False)),
    Case("POST", "/v1/models/promote", {"version": "v"}, 200, ("promote", "v", False)),
    Case("POST", "/v1/models/promote", {"version": "v", "force": True}, 200, ("promote", "v", True)),
    Case("POST", "/v1/models/rollback", None, 200, "rollback"),
    Case("DELETE", "/v1/models/v", None, 204, ("remove", "v", False)),
    Case("DELETE", "/v1/models/v?force=true", None, 204, ("remove", "v", True)),
]


@pytest.mark.parametrize("case", VERSIONS, ids=lambda case: f"{case.method} {case.path} {case.body}")
async def test_versions_are_asked_for(client: httpx2.AsyncClient, verbs: Verbs, case: Case) -> None:
    answer = await client.request(case.method, case.path, json=case.body)
    assert answer.status_code == case.status, answer.text
    assert verbs.asked == [(CARL, case.asked)]
    assert (answer.headers.get("cache-control"), answer.content == b"") == (
        (None, True) if case.status == 204 else ("no-store", False)
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("canary", {"version": "v", "share": 0}),
        ("canary", {"version": "v", "share": 1.5}),
        ("canary", {"version": ""}),
        ("shadow", {"version": 7}),
    ],
)
async def test_no_share_and_no_name_are_400(client: httpx2.AsyncClient, verbs: Verbs, path: str, body: Any) -> None:
    answer = await client.put(f"/v1/models/{path}", json=body)
    assert (answer.status_code, verbs.asked) == (400, [])


# ------------------------------------------------------------------ the inbox

INBOX = "/v1/intents/inbox"
ITEM = {
    "message_id": "m7", "channel": CHANNEL, "offset": 3, "at_ms": 5, "text": "it is broken", "state": "open",
    "said": "parcel", "confidence": 0.31, "out_of_scope": 0.12, "language": "en", "model": "nlu-1.2.0",
    "guesses": [{"intent": "parcel", "probability": 0.31}, {"intent": "refund", "probability": 0.3}],
}  # fmt: skip


async def test_the_inbox_is_read_in_pages(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    answer = await client.get(INBOX)
    assert answer.json() == {"items": [ITEM], "more": False}
    assert verbs.asked == [(CARL, {"state": None, "model": None, "before": None, "limit": 50})]
    verbs.more = True
    page = await client.get(f"{INBOX}?state=open&model=nlu-1.2.0&before=m9&limit=1")
    assert verbs.asked[-1] == (CARL, {"state": "open", "model": "nlu-1.2.0", "before": "m9", "limit": 1})
    assert page.links["next"]["url"] == f"{INBOX}?state=open&model=nlu-1.2.0&before=m7&limit=1"
    assert (await client.get(f"{INBOX}?state=closed")).status_code == 400


@pytest.mark.parametrize(
    ("case", "changed"),
    [
        (
            Case("POST", "label", {"intent": "refund"}, 200, ("m7", "refund", False)),
            {"state": "labelled", "label": "refund"},
        ),
        (
            Case("POST", "label", {"intent": "oos", "new": True}, 200, ("m7", "oos", True)),
            {"state": "labelled", "label": "oos"},
        ),
        (Case("POST", "dismiss", None, 200, "m7"), {"state": "dismissed"}),
    ],
)
async def test_a_turn_is_judged(client: httpx2.AsyncClient, verbs: Verbs, case: Case, changed: dict[str, str]) -> None:
    answer = await client.request(case.method, f"{INBOX}/m7/{case.path}", json=case.body)
    assert (answer.status_code, verbs.asked) == (case.status, [(CARL, case.asked)])
    assert answer.json() == {**ITEM, **changed, "judged_by": "carl", "judged_at_ms": 9}


async def test_agreement_is_told_by_model(client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"{INBOX}/agreement")
    assert answer.json() == {"items": [{"model": "nlu-1.2.0", "labelled": 3, "agreed": 2, "share": 0.6667}]}


@pytest.mark.parametrize("body", [None, {}, {"intent": ""}, {"intent": "x" * 65}, {"intent": 7}])
async def test_a_label_is_an_intents_name(client: httpx2.AsyncClient, verbs: Verbs, body: Any) -> None:
    assert (await client.post(f"{INBOX}/m7/label", json=body)).status_code == 400
    assert verbs.asked == []


# ------------------------------------------------------------------ insight


async def test_moods_of_users_and_conversations(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    users = [await client.get(f"/v1/users/{user}/mood") for user in ("me", "carl", "new/of%20shop")]
    told = users[0].json()
    assert (told["turns"], told["mean"], told["direction"]) == (1, -0.5, "steady")
    assert told["distribution"]["negative"] == 1.0
    assert told["messages"] == [{"channel": CHANNEL, "offset": 1, "at_ms": 5, "score": -0.5}]
    empty = (await client.get(f"{AT}/mood")).json()
    assert (empty["turns"], empty["messages"]) == (0, [])
    assert [asked for _, asked in verbs.asked] == [CARL.id, "carl", "new/of shop", CHANNEL]


async def test_outcomes_of_some_days(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    told = (await client.get("/v1/insight/outcomes?days=14")).json()
    assert told["items"][0]["satisfaction"] == 0.75
    assert (await client.get("/v1/insight/outcomes?days=91")).status_code == 400
    assert verbs.asked == [(CARL, ("outcomes", 14))]


async def test_personas_and_what_is_like_what(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    (persona,) = (await client.get("/v1/personas")).json()["items"]
    assert (persona["name"], persona["traits"]["empathy"], "style" in persona) == ("warm", 0.9, False)
    near = (await client.get("/v1/personas/warm/similar?limit=2")).json()
    assert near == {"items": [{"name": "calm", "similarity": 0.875, "differences": {"humor": -0.25}}]}
    like = (await client.get(f"{AT}/similar")).json()
    assert like == {"items": [{"channel": "conv:other", "distance": 0.25, "decisions": 3}]}
    assert [asked for _, asked in verbs.asked] == ["personas", ("warm", 2), (CHANNEL, 5)]
    assert (await client.get("/v1/personas/warm/similar?limit=51")).status_code == 400


async def test_what_language_models_were_used_for(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    told = (await client.get("/v1/usage?since_ms=5")).json()
    assert [(one["model"], one["persona"], one["variant"]) for one in told["items"]] == [
        ("small", "warm", None), ("small", "calm", "short"),
    ]  # fmt: skip
    assert told["total"] == {
        "uses": 4, "answered": 3, "prompt_tokens": 400, "completion_tokens": 40, "cost": 2.0, "first_token_ms": 200.0,
        "total_ms": 800.0,
    }  # fmt: skip
    (alone,) = (await client.get("/v1/usage?by=model")).json()["items"]
    assert (alone["uses"], "persona" in alone) == (4, False)
    assert [asked for _, asked in verbs.asked] == [(5, None), (None, None)]
    assert (await client.get("/v1/usage?by=user")).status_code == 400


# ------------------------------------------------------------------ knowledge

ARTICLES = "/v1/knowledge/articles"
SHOWN = {
    "article": "returning", "version": 2, "state": "active", "title": "Returning", "category": "shop", "tags": ["a"],
    "language": "en", "owner": "", "changed_by": "ann", "changed_ms": 5,
}  # fmt: skip


async def test_articles_are_listed_in_pages(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    verbs.more = True
    answer = await client.get(ARTICLES, params={"state": "active", "category": "shop", "after": "a", "limit": 1})
    assert answer.json() == {"items": [SHOWN], "more": True}
    which = {"state": "active", "category": "shop", "after": "a", "limit": 1}
    assert verbs.asked == [(CARL, which)]
    onward = f"<{ARTICLES}?state=active&category=shop&after=returning&limit=1>"
    assert answer.headers["link"] == f'{onward}; rel="next"'


async def test_an_article_is_read_saved_and_moved_on(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    whole = (await client.get(f"{ARTICLES}/returning", params={"version": 2})).json()
    change = {"version": 2, "state": "active", "by": "ann", "at_ms": 5}
    assert whole == {**SHOWN, "source": "text", "versions": [SHOWN], "changes": [change]}
    assert (await client.put(f"{ARTICLES}/returning", json={"source": "x"})).status_code == 201
    verbs.duplicate = True
    assert (await client.put(f"{ARTICLES}/returning", json={"source": "x"})).status_code == 200
    moved = await client.put(f"{ARTICLES}/returning/versions/2/state", json={"state": "retired"})
    assert moved.json() == {**SHOWN, "state": "retired"}
    saved = ("returning", "x")
    assert [what for _, what in verbs.asked] == [("returning", 2), saved, saved, ("returning", 2, "retired")]


async def test_a_text_is_cut_without_being_saved(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    answer = await client.post(f"{ARTICLES}/returning/preview", json={"source": "x"})
    passage = {"passage": "returning#how", "heading": "How", "text": "Send it.", "words": 2}
    found = {"title": "Returning", "asks": ["back?"], "variants": {"casual": "Do."}, "passages": [passage]}
    assert (answer.status_code, answer.json()) == (200, found)
    assert verbs.asked == [(CARL, ("returning", "x"))]


async def test_a_question_is_tried(client: httpx2.AsyncClient, verbs: Verbs) -> None:
    answer = await client.get("/v1/knowledge/search", params={"q": "how?", "category": "shop"})
    (item,) = answer.json()["items"]
    assert answer.json()["outcome"] == "answered"
    assert (item["article"], item["passage"], item["text"], item["score"]) == (
        "returning",
        "returning",
        "Send it.",
        0.8123,
    )
    assert verbs.asked == [(CARL, ("how?", {"category": "shop", "language": None, "limit": 5}))]
    stats = (await client.get("/v1/knowledge/stats")).json()
    assert stats == {"versions": {"active": 1}, "rows": {"passage": 2}, "embedded": {"nlu-1": 2}}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{ARTICLES}?limit=201", None),
        ("GET", f"{ARTICLES}?state=open", None),
        ("GET", f"{ARTICLES}/Not an id", None),
        ("PUT", f"{ARTICLES}/a", {}),
        ("PUT", f"{ARTICLES}/a/versions/0/state", {"state": "active"}),
        ("PUT", f"{ARTICLES}/a/versions/1/state", {"state": "gone"}),
        ("GET", "/v1/knowledge/search", None),
    ],
)
async def test_what_is_no_request_for_knowledge_is_refused(
    client: httpx2.AsyncClient, verbs: Verbs, method: str, path: str, body: Any
) -> None:
    answer = await client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["name"]) == (400, "bad_frame")
    assert verbs.asked == []
