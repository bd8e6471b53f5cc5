"""Section 5: conversations, messages, keys, limits, ratings."""

from __future__ import annotations

import json
from typing import Any

from server.conformance.bench import Bench
from server.conformance.checks import check
from server.conformance.peer import agree, need, need_error, short, true
from server.conformance.rules_entry import is_user, is_whole

MAX_TEXT_CODE_POINTS = 8_000
MAX_DATA_BYTES = 8_192


@check(5)
async def open_once_per_key(bench: Bench) -> None:
    """open with the same key gives the same conversation with duplicate true; with other content 409."""
    peer = await bench.customer()
    key = bench.key()
    first = need(await peer.ask("open", key=key, metadata={"page": "/"}), "opened", duplicate=False, offset=0)
    again = need(await peer.ask("open", key=key, metadata={"page": "/"}), "opened", duplicate=True)
    agree((again["channel"], again["epoch"]), (first["channel"], first["epoch"]), "the conversation")
    true(first["channel"].startswith("conv:"), f"the channel is {first['channel']}")
    need_error(await peer.ask("open", key=key, metadata={"page": "/other"}), 409)


@check(5)
async def opener_is_subscribed(bench: Bench) -> None:
    """The opener is a member and subscribed; opened has the conversation's state."""
    peer = await bench.customer()
    opened = need(await peer.ask("open", key=bench.key()), "opened")
    state = opened["conversation"]
    wanted = {
        "channel": opened["channel"],
        "state": "bot",
        "resolved": False,
        "offset": 0,
        "read_offset": 0,
        "unread": 0,
    }
    agree({name: state.get(name) for name in wanted}, wanted, "the conversation")
    ack = await bench.acked(peer, opened["channel"])
    need(await peer.push("message", message_id=ack["message_id"]), "message", offset=1)


@check(5)
async def conversations_newest_first(bench: Bench) -> None:
    """conversations lists one's own, the newest activity first; before is exclusive, limit is 1 to 100."""
    peer = await bench.customer()
    channels = [await bench.open(peer) for _ in range(2)]
    for channel in channels:
        await peer.bot_reply((await bench.acked(peer, channel))["message_id"])
    page = need(await peer.ask("conversations", limit=100), "conversations")
    listed = [item["channel"] for item in page["items"]]
    true(set(channels) <= set(listed), "an own conversation is not listed")
    true(listed.index(channels[1]) < listed.index(channels[0]), "the newer activity does not come first")
    times = [item["at_ms"] for item in page["items"]]
    agree(times, sorted(times, reverse=True), "the times")
    older = need(await peer.ask("conversations", before=times[0]), "conversations")
    true(all(item["at_ms"] < times[0] for item in older["items"]), "before is not exclusive")
    for limit in (0, 101):
        need_error(await peer.ask("conversations", limit=limit), 400)


@check(5)
async def ack_and_push(bench: Bench) -> None:
    """send is acked and pushed to every subscriber, the sender included, who knows it by from.id and key."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    device = await bench.again(peer)
    need(await device.ask("subscribe", channel=channel), "subscribed")
    key, data = bench.key(), {"n": 1, "list": [None, 1.5, "é"]}
    ack = need(await bench.send(peer, channel, "hello", key=key, data=data), "ack", key=key, duplicate=False, offset=1)
    true(is_whole(ack["at_ms"]), f"at_ms is {short(ack['at_ms'])}")
    for listener in (peer, device):
        message = await listener.push("message", message_id=ack["message_id"])
        need(message, "message", channel=channel, offset=1, key=key, text="hello", data=data, at_ms=ack["at_ms"])
        true(is_user(message["from"]), f"from is {short(message['from'])}")
        agree((message["from"]["id"], message["from"]["kind"]), (peer.user_id, "customer"), "from")


@check(5)
async def same_key_same_content(bench: Bench) -> None:
    """The same key with the same content gives the same ack with duplicate true; nothing is stored or pushed twice."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    fields: dict[str, Any] = {"key": bench.key(), "data": {"a": 1}, "reply_to": "x"}
    first = await bench.acked(peer, channel, "hello", **fields)
    await peer.bot_reply(first["message_id"])
    device = await bench.again(peer)
    for sender in (peer, device):
        again = need(await bench.send(sender, channel, "hello", **fields), "ack", duplicate=True)
        same = ("channel", "key", "message_id", "offset", "at_ms")
        agree({name: again[name] for name in same}, {name: first[name] for name in same}, "the second ack")
    mine = [frame for frame in await peer.until_pong() if frame.get("key") == fields["key"]]
    true(len(mine) <= 1, f"pushed {len(mine)} times")
    page = await peer.ask("history", channel=channel)
    agree(sum(message.get("key") == fields["key"] for message in page["messages"]), 1, "how often it is stored")


@check(5)
async def same_key_other_content(bench: Bench) -> None:
    """The same key with other content is an error 409; the same key in another conversation is another message."""
    peer = await bench.customer()
    channel, elsewhere = await bench.open(peer), await bench.open(peer)
    key = bench.key()
    await bench.acked(peer, channel, "hello", key=key)
    changes: list[dict[str, Any]] = [{"text": "other"}, {"data": {"a": 1}}, {"reply_to": "x"}]
    for change in changes:
        need_error(await bench.send(peer, channel, **{"text": "hello", "key": key, **change}), 409)
    need(await bench.send(peer, elsewhere, "other", key=key), "ack", duplicate=False)


@check(5)
async def keys_have_1_to_64_characters(bench: Bench) -> None:
    """key is 1 to 64 characters."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    unique = bench.key()
    await bench.acked(peer, channel, key=unique + "k" * (64 - len(unique)))
    for key in ("", unique + "k" * (65 - len(unique))):
        need_error(await bench.send(peer, channel, key=key), 400, 422)


@check(5)
async def text_has_1_to_8000_code_points(bench: Bench) -> None:
    """text is 1 to 8,000 Unicode code points, counted after NFC normalisation."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    for text in ("x", "😀" * MAX_TEXT_CODE_POINTS, "e\u0301" * MAX_TEXT_CODE_POINTS):
        await bench.acked(peer, channel, text)
    for text in ("", "x" * (MAX_TEXT_CODE_POINTS + 1), "😀" * (MAX_TEXT_CODE_POINTS + 1)):
        need_error(await bench.send(peer, channel, text), 422)


@check(5)
async def text_is_normalised(bench: Bench) -> None:
    """The NFC-normalised text is what is stored and pushed."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    ack = await bench.acked(peer, channel, "cafe\u0301 \u212b")
    message = await peer.push("message", message_id=ack["message_id"])
    agree(message["text"], "café Å", "the text pushed")
    page = await peer.ask("history", channel=channel, before=2)
    agree(page["messages"][0]["text"], "café Å", "the text stored")


@check(5)
async def nul_is_refused(bench: Bench) -> None:
    """NUL in a text is an error 422."""
    peer = await bench.customer()
    need_error(await bench.send(peer, await bench.open(peer), "a\x00b"), 422)


@check(5, "json")
async def lone_surrogates_are_refused(bench: Bench) -> None:
    """A lone surrogate is an error 422."""
    peer = await bench.customer()
    need_error(await bench.send(peer, await bench.open(peer), "a\ud800b"), 422)


@check(5)
async def data_has_8192_bytes(bench: Bench) -> None:
    """data is at most 8,192 bytes encoded as JSON; more is an error 413."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    rest = MAX_DATA_BYTES - len(json.dumps({"x": ""}, separators=(",", ":")))
    await bench.acked(peer, channel, data={"x": "y" * rest})
    need_error(await bench.send(peer, channel, data={"x": "y" * (rest + 1)}), 413)
    need_error(await bench.send(peer, channel, data={"x": "é" * rest}), 413)


@check(5)
async def bot_answers_once(bench: Bench) -> None:
    """A customer's message gets one reply of the bot, with reply_to and a turn that names decision and persona."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    acks = [await bench.acked(peer, channel, text) for text in ("hello", "where is my order #4711?")]
    for ack in acks:
        reply = await peer.bot_reply(ack["message_id"])
        agree(reply["from"]["kind"], "bot", "who replied")
        true(all(isinstance(reply["turn"][name], str) for name in ("decision_id", "persona")), "no turn")
    page = await peer.ask("history", channel=channel)
    replies = [message["reply_to"] for message in page["messages"] if message["from"]["kind"] == "bot"]
    agree(replies, [ack["message_id"] for ack in acks], "the messages that were answered, in order")


@check(5)
async def feedback_in_0_to_1(bench: Bench) -> None:
    """feedback takes ratings from 0 to 1, replaces, refuses others with 422 and what is not there with 404."""
    peer = await bench.customer()
    _, reply = await bench.talk(peer, 1)
    for rating in (0, 1, 0.5):
        answer = await peer.ask("feedback", message_id=reply["message_id"], rating=rating, comment="fine")
        need(answer, "feedback", message_id=reply["message_id"], accepted=True)
    for rating in (-0.1, 1.1):
        need_error(await peer.ask("feedback", message_id=reply["message_id"], rating=rating), 422)
    need_error(await peer.ask("feedback", message_id="01ARZ3NDEKTSV4RRFFQ69G5FAV", rating=1), 404)


@check(5)
async def rate_in_0_to_1(bench: Bench) -> None:
    """rate judges the conversation from 0 to 1; others are refused with 422."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    need(
        await peer.ask("rate", channel=channel, rating=0.8, categories=["speed"]),
        "rate",
        channel=channel,
        accepted=True,
    )
    need_error(await peer.ask("rate", channel=channel, rating=2), 422)


@check(5)
async def resolve_and_reopen(bench: Bench) -> None:
    """resolve appends a system message; a customer's send reopens."""
    peer = await bench.customer()
    channel, _ = await bench.talk(peer, 1)
    need(await peer.ask("resolve", channel=channel, resolved=True), "resolved", channel=channel, resolved=True)
    await system_event(peer, channel, "resolved")
    await bench.acked(peer, channel, "one more thing")
    await system_event(peer, channel, "reopened")
    state = need(await peer.ask("subscribe", channel=channel), "subscribed")["conversation"]
    agree(state["resolved"], False, "resolved after a customer's message")


async def system_event(peer: Any, channel: str, event: str) -> dict[str, Any]:
    """The durable message of the system that tells an event of the conversation."""
    message: dict[str, Any] = await peer.hear(
        lambda frame: (
            frame.get("type") == "message"
            and frame.get("channel") == channel
            and frame["from"]["kind"] == "system"
            and (frame.get("data") or {}).get("event") == event
        ),
        f"a system message with data.event {event!r}",
    )
    return message
