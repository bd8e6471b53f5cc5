"""PROTOCOL §5: the bot's answers, what of them who may see, and that the policy learns and remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Join, signed
from tests.integration.peer import Frame, Peer, messages_of
from tests.support.server import ServerProcess

CUSTOMERS_TURN = {"decision_id", "persona"}
FULL_TURN = CUSTOMERS_TURN | {"policy", "version", "propensity", "analysis_us", "decide_us", "total_us"}


async def turn(peer: Peer, channel: str, text: str) -> Frame:
    """Send a message; the bot's reply."""
    ack = await peer.send(channel, text)
    assert ack["type"] == "ack", ack
    return await peer.bot_reply(ack["message_id"])


# ------------------------------------------------------------------ the answer


async def test_each_message_is_answered_once_and_in_order(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    channel = await peer.open()
    texts = ["hi", "where is my parcel", "I am so angry!!", "no", "thank you", "bye", "one more thing", "is it free?"]
    await peer.say([{"type": "send", "id": text, "channel": channel, "key": text, "text": text} for text in texts])
    asked = [(await peer.answer(text))["message_id"] for text in texts]
    answers = [await peer.bot_reply(message_id) for message_id in asked]
    assert [answer["reply_to"] for answer in sorted(answers, key=lambda answer: int(answer["offset"]))] == asked
    page = await peer.ask("history", channel=channel)
    assert len(page["messages"]) == 2 * len(texts)
    assert [message["offset"] for message in page["messages"]] == list(range(1, 2 * len(texts) + 1))
    assert len({answer["turn"]["decision_id"] for answer in answers}) == len(texts)


async def test_an_answer_is_a_text_with_a_persona_and_suggestions(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    answer = await turn(peer, await peer.open(), "my card was declined, can you help me please?")
    assert answer["from"]["kind"] == "bot" and answer["from"]["name"] == "Parlance"
    assert answer["text"].strip()
    assert answer["data"]["suggestions"], "the built-in writer offers next steps"
    assert "key" not in answer


@pytest.mark.parametrize(
    "text", ["🙂", "???", "x" * 8000, "\n\n", "здравствуйте", "a\u0301" * 4000, "<script>alert(1)</script>"], ids=ascii
)
async def test_odd_texts_are_answered_too(server: ServerProcess, join: Join, text: str) -> None:
    peer: Peer = await join(server)
    assert (await turn(peer, await peer.open(), text))["text"].strip()


# ------------------------------------------------------------------ who sees what


async def test_with_explain_the_author_sees_how(server: ServerProcess, join: Join) -> None:
    author: Peer = await join(server)
    channel = await author.open()
    answer = await turn(author, channel, "hello")
    assert set(answer["turn"]) >= FULL_TURN
    event = await author.push("event", name="analysis")
    assert event["data"]["message_id"] == answer["reply_to"]


async def test_without_explain_a_customer_sees_decision_and_persona_only(
    strict_server: ServerProcess, join: Join
) -> None:
    customer: Peer = await join(strict_server, token=signed())
    opened = await customer.ask("open", key="k")
    channel = opened["channel"]
    answer = await turn(customer, channel, "where is my parcel?")
    assert set(answer["turn"]) == CUSTOMERS_TURN
    found = await customer.ask("subscribe", channel=channel, epoch=opened["epoch"], offset=0)
    page = await customer.ask("history", channel=channel)
    position = {"epoch": opened["epoch"], "offset": 0}
    again: Peer = await join(strict_server, token=customer.token, resume={channel: position})
    for messages in (found["messages"], page["messages"], again.welcome["channels"][channel]["messages"]):
        assert messages[1] == answer
    events = [frame for frame in await customer.everything_until_pong() if frame["type"] == "event"]
    assert events == []


@pytest.mark.parametrize("kind", ["agent", "admin", "service"])
async def test_staff_sees_everything(strict_server: ServerProcess, join: Join, kind: str) -> None:
    customer: Peer = await join(strict_server, token=signed())
    staff: Peer = await join(strict_server, "msgpack", token=signed(kind=kind))
    channel = await customer.open()
    await staff.ask("subscribe", channel=channel)
    ack = await customer.send(channel, "I am furious, my order #4711 never came!")
    event = await staff.push("event", name="analysis")
    assert event["channel"] == channel and event["data"]["message_id"] == ack["message_id"]
    answer = await staff.bot_reply(ack["message_id"])
    assert set(answer["turn"]) >= FULL_TURN
    assert (await staff.ask("history", channel=channel))["messages"][1] == answer
    events = [frame for frame in await staff.everything_until_pong() if frame["type"] == "event"]
    assert events == [], "one event per message"


@pytest.mark.parametrize(("kind", "shown"), [("agent", "agent"), ("admin", "agent"), ("service", "bot")])
async def test_what_staff_writes_as(strict_server: ServerProcess, join: Join, kind: str, shown: str) -> None:
    customer: Peer = await join(strict_server, token=signed())
    staff: Peer = await join(strict_server, token=signed(kind=kind, name="Sam"))
    channel = await customer.open()
    ack = await staff.send(channel, "a word from our side")
    said = await customer.push("message", message_id=ack["message_id"])
    assert said["from"] == {"id": staff.user["id"], "kind": shown, "name": "Sam"}
    assert "turn" not in said
    await turn(customer, channel, "thank you")
    page = await customer.ask("history", channel=channel)
    replies = [message["reply_to"] for message in page["messages"] if "reply_to" in message]
    assert ack["message_id"] not in replies, "the bot answers customers only"


async def test_a_customers_analysis_is_not_told_to_other_customers(server: ServerProcess, join: Join) -> None:
    author, other = await join(server), await join(server)
    await other.open()
    await turn(author, await author.open(), "hello")
    assert await other.everything_until_pong() == []


# ------------------------------------------------------------------ the analysis


async def analysis_of(peer: Peer, text: str) -> dict[str, Any]:
    """What is understood of a text."""
    ack = await peer.send(await peer.open(), text)
    event = await peer.hear(
        lambda frame: frame["type"] == "event" and bool(frame["data"].get("message_id") == ack["message_id"])
    )
    analysis: dict[str, Any] = event["data"]["analysis"]
    return analysis


async def test_spans_count_code_points_of_the_normalised_text(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    stored = "🙂 café: order #4711 please"
    analysis = await analysis_of(peer, "🙂 cafe\u0301: order #4711 please")
    spans = {entity["text"]: (entity["start"], entity["end"]) for entity in analysis["entities"]}
    start = stored.index("#4711")
    assert spans["#4711"] == (start, start + 5)


async def test_the_analysis_tells_moods_apart(server: ServerProcess, join: Join) -> None:
    """Not the model's quality (it has its own tests), only that a real one is in place."""
    peer: Peer = await join(server)
    bad = await analysis_of(peer, "This is the worst service ever, I am furious and disappointed!")
    good = await analysis_of(peer, "Thank you so much, you are wonderful, I love it!")
    assert bad["sentiment"]["score"] < good["sentiment"]["score"]
    assert good["act"] == "thanks"


async def test_the_same_text_again_comes_from_the_cache(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    text = "a text that no other test says, about a purple umbrella"
    first, second = await analysis_of(peer, text), await analysis_of(peer, text)
    assert (first["cached"], second["cached"]) == (False, True)
    same = {name: value for name, value in first.items() if name not in {"cached", "latency_us"}}
    assert same.items() <= second.items()


# ------------------------------------------------------------------ learning


@pytest.fixture
def learner(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server of one test's own, whose policy nobody else teaches."""
    with ServerProcess(tmp_path / "data") as running:
        yield running


async def test_the_policy_learns_from_thumbs_and_remembers_over_a_restart(learner: ServerProcess, join: Join) -> None:
    peer: Peer = await join(learner)
    channel = await peer.open()
    answer = await turn(peer, channel, "where is my parcel?")
    assert answer["turn"]["version"] == 0, "nothing was learned yet"
    await peer.ask("feedback", message_id=answer["message_id"], rating=1)
    after_thumb = await version_now(peer, at_least=1)

    await peer.ask("feedback", message_id=answer["message_id"], rating=1)
    assert await version_now(peer, at_least=0) == after_thumb, "the same rating again is nothing new"
    await peer.ask("feedback", message_id=answer["message_id"], rating=0)
    after_change = await version_now(peer, at_least=after_thumb + 1)

    assert learner.stop() == 0
    learner.start()
    again: Peer = await join(learner, token=peer.token)
    assert await version_now(again, at_least=0) == after_change, "as learned before the restart"
    learner.kill()
    learner.start()
    again = await join(learner, token=peer.token)
    assert await version_now(again, at_least=0) == after_change, "as learned before the kill"


async def version_now(peer: Peer, at_least: int) -> int:
    """The version of a decision made now, in a conversation of its own (whose only turn gives no reward yet)."""
    async with asyncio.timeout(10):
        while True:
            answer = await turn(peer, await peer.open(), "hello")
            version: int = answer["turn"]["version"]
            if version >= at_least:
                return version


async def test_the_next_turn_rewards_the_last(learner: ServerProcess, join: Join) -> None:
    peer: Peer = await join(learner)
    channel = await peer.open()
    await turn(peer, channel, "this is terrible, nothing works")
    await turn(peer, channel, "oh great, it works now, thank you so much!")
    assert await version_now(peer, at_least=1) >= 1


async def test_pushes_of_a_turn_come_once(server: ServerProcess, join: Join) -> None:
    peer: Peer = await join(server)
    channel = await peer.open()
    await turn(peer, channel, "hello")
    await turn(peer, channel, "and again")
    seen = [message["offset"] for message in messages_of(await peer.everything_until_pong())]
    assert len(seen) == len(set(seen))
