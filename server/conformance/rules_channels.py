"""Section 4: channels, offsets, recovery, history."""

from __future__ import annotations

from typing import Any

from server.conformance.bench import Bench
from server.conformance.checks import check
from server.conformance.peer import agree, need, need_error, short, true

NOWHERE = "conv:01ARZ3NDEKTSV4RRFFQ69G5FAV"


@check(4)
async def offsets_without_gaps(bench: Bench) -> None:
    """offset counts a conversation's messages from 1, without gaps; the pushes come in that order."""
    peer = await bench.customer()
    opened = need(await peer.ask("open", key=bench.key()), "opened", offset=0, duplicate=False)
    for number in range(3):
        ack = await bench.acked(peer, opened["channel"], f"message {number}")
        await peer.bot_reply(ack["message_id"])
    peer = await bench.again(peer)
    page = need(await peer.ask("history", channel=opened["channel"]), "history", epoch=opened["epoch"])
    agree([message["offset"] for message in page["messages"]], [1, 2, 3, 4, 5, 6], "the offsets")


@check(4)
async def pushes_ascend(bench: Bench) -> None:
    """A subscriber is pushed each message once, in the order of the offsets."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    listener = await bench.again(peer)
    start = need(await listener.ask("subscribe", channel=channel), "subscribed")["offset"]
    for number in range(3):
        ack = await bench.acked(peer, channel, f"message {number}")
        await peer.bot_reply(ack["message_id"])
    heard: list[int] = []
    while len(heard) < 6:
        heard.append((await listener.push("message", channel=channel))["offset"])
    agree(heard, list(range(start + 1, start + 7)), "the offsets pushed")


@check(4)
async def recovery_is_whole(bench: Bench) -> None:
    """subscribe with the epoch and offset last seen gives every later message, ascending, and recovered true."""
    peer = await bench.customer()
    channel, last = await bench.talk(peer, 2)
    back = await bench.again(peer)
    for seen in (0, 1, last["offset"]):
        answer = await back.ask("subscribe", channel=channel, epoch=last["epoch"], offset=seen)
        need(answer, "subscribed", recovered=True, offset=last["offset"], epoch=last["epoch"])
        offsets = [message["offset"] for message in answer["messages"]]
        agree(offsets, list(range(seen + 1, last["offset"] + 1)), f"the offsets recovered after {seen}")
        if answer["messages"]:
            agree(answer["messages"][-1], last, "a recovered message and the same one when it was pushed")


@check(4)
async def recovery_refused(bench: Bench) -> None:
    """Another epoch, an offset ahead, or no position: no messages, recovered false, the current offset."""
    peer = await bench.customer()
    channel, last = await bench.talk(peer, 1)
    for position in ({}, {"epoch": "another", "offset": 1}, {"epoch": last["epoch"], "offset": last["offset"] + 1}):
        answer = await peer.ask("subscribe", channel=channel, **position)
        need(answer, "subscribed", recovered=False, messages=[], offset=last["offset"], epoch=last["epoch"])


@check(4)
async def next_push_follows_the_answer(bench: Bench) -> None:
    """The first message pushed after subscribed has its offset + 1; subscribing again is allowed."""
    peer = await bench.customer()
    channel, _ = await bench.talk(peer, 1)
    back = await bench.again(peer)
    for _ in range(2):
        at = need(await back.ask("subscribe", channel=channel), "subscribed")["offset"]
    ack = await bench.acked(peer, channel)
    need(await back.push("message", channel=channel), "message", offset=at + 1, message_id=ack["message_id"])


@check(4)
async def unsubscribe_silences(bench: Bench) -> None:
    """After unsubscribed nothing of the channel is pushed."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    listener = await bench.again(peer)
    need(await listener.ask("subscribe", channel=channel), "subscribed")
    need(await listener.ask("unsubscribe", channel=channel), "unsubscribed", channel=channel)
    ack = await bench.acked(peer, channel)
    await peer.bot_reply(ack["message_id"])
    heard = [frame for frame in await listener.until_pong() if frame.get("channel") == channel]
    agree(heard, [], "what was heard after unsubscribed")


@check(4)
async def history_pages(bench: Bench) -> None:
    """history gives the newest, those before or those after an exclusive offset, ascending; more in that direction."""
    peer = await bench.customer()
    channel, _ = await bench.talk(peer, 3)
    asked: list[tuple[dict[str, int], list[int], bool]] = [
        ({}, [1, 2, 3, 4, 5, 6], False),
        ({"limit": 2}, [5, 6], True),
        ({"before": 5, "limit": 2}, [3, 4], True),
        ({"before": 3}, [1, 2], False),
        ({"after": 2, "limit": 2}, [3, 4], True),
        ({"after": 4, "limit": 2}, [5, 6], False),
        ({"after": 6}, [], False),
        ({"before": 1}, [], False),
    ]
    for fields, offsets, more in asked:
        page = need(await peer.ask("history", channel=channel, **fields), "history", channel=channel)
        agree([message["offset"] for message in page["messages"]], offsets, f"history with {short(fields)}")
        agree(page["more"], more, f"more of history with {short(fields)}")


@check(4)
async def history_bounds(bench: Bench) -> None:
    """history with both before and after, or a limit that is not 1 to 200, is an error 400."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    need(await peer.ask("history", channel=channel, limit=200), "history")
    for fields in ({"before": 2, "after": 1}, {"limit": 201}, {"limit": 0}, {"before": -1}):
        need_error(await peer.ask("history", channel=channel, **fields), 400)


@check(4)
async def others_channels_are_hidden(bench: Bench) -> None:
    """A channel that exists but is not the user's gives the same 404 as one that does not exist, whatever the verb."""
    owner = await bench.customer()
    stranger = await bench.customer(other_than=owner)
    channel = await bench.open(owner)
    asks: list[tuple[str, dict[str, Any]]] = [
        ("subscribe", {}), ("history", {}), ("who", {}), ("resolve", {"resolved": True}), ("handoff", {}),
        ("rate", {"rating": 1}), ("send", {"key": "k", "text": "t"}),
    ]  # fmt: skip
    for kind, fields in asks:
        answers = []
        for each in (channel, NOWHERE):
            frame = need_error(await stranger.ask(kind, channel=each, **fields), 404)
            answers.append({name: value for name, value in frame.items() if name != "id"})
        agree(answers[0], answers[1], f"{kind} to another's channel and to none")
    for signal in ({"type": "typing", "on": True}, {"type": "receipt", "kind": "read", "offset": 0}):
        await stranger.say({**signal, "channel": channel})
        need_error(await stranger.push("error"), 404)


@check(4)
async def staff_channels_are_closed(bench: Bench) -> None:
    """agent:queue and admin:* are not for customers."""
    peer = await bench.customer()
    for channel in ("agent:queue", "admin:metrics", "admin:alerts", "user:somebody-else"):
        need_error(await peer.ask("subscribe", channel=channel), 403, 404)


@check(4)
async def queue_of_the_waiting(bench: Bench) -> None:
    """agent:queue gives a snapshot, then upsert for who asks for a human and remove for who no longer waits."""
    staff, peer = await bench.staff(), await bench.customer()
    need(await staff.ask("subscribe", channel="agent:queue"), "subscribed", offset=0, recovered=False)
    snapshot = await staff.push("event", channel="agent:queue", name="snapshot")
    true(isinstance(snapshot["data"]["items"], list), f"no items: {short(snapshot)}")
    channel = await bench.open(peer)
    need(await peer.ask("handoff", channel=channel, reason="a person, please"), "handoff", state="waiting")
    while (event := await staff.push("event", channel="agent:queue", name="upsert"))["data"]["item"][
        "channel"
    ] != channel:
        pass
    agree(event["data"]["item"]["reason"], "a person, please", "the item's reason")
    need(await staff.ask("claim", channel=channel), "claimed")
    while (await staff.push("event", channel="agent:queue", name="remove"))["data"]["channel"] != channel:
        pass
    await staff.ask("release", channel=channel)


@check(7)
async def metrics_every_second(bench: Bench) -> None:
    """admin:metrics brings a metrics event every second, with the figures of section 7."""
    staff = await bench.staff("admin")
    need(await staff.ask("subscribe", channel="admin:metrics"), "subscribed")
    first = await staff.push("event", channel="admin:metrics", name="metrics")
    second = await staff.push("event", channel="admin:metrics", name="metrics")
    true(second["data"]["at_ms"] > first["data"]["at_ms"], "the second one is not later")
    for name in ("workers", "connections", "conversations", "messages_per_s", "turns_per_s", "turn_ms", "personas"):
        true(name in second["data"], f"no {name} in {short(second['data'])}")
