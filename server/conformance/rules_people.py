"""Sections 6 and 7: presence, typing, receipts, notifications."""

from __future__ import annotations

import asyncio
from typing import Any

from server.conformance.bench import Bench, Skipped
from server.conformance.checks import check
from server.conformance.peer import Frame, Peer, agree, need, need_error, true

TYPING_LAPSE_S = 6.0
LEFT_AFTER_S = 5.0
SLACK_S = 6.0


@check(6)
async def who_is_there(bench: Bench) -> None:
    """who lists the members who are there, each with user, status, last_seen_ms and devices."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    members = need(await peer.ask("who", channel=channel), "who", channel=channel)["members"]
    mine = [one for one in members if one["user"]["id"] == peer.user_id]
    agree(len(mine), 1, "how often the asking member is listed")
    true(mine[0]["devices"] >= 1 and mine[0]["last_seen_ms"] > 0, f"devices or last_seen_ms of {mine[0]}")


@check(6)
async def presence_is_shown(bench: Bench) -> None:
    """presence sets status and text on all devices; a status outside the list is an error 400."""
    peer = await bench.newcomer()
    channel = await bench.open(peer)
    agree(
        set(need(await peer.ask("presence", status="busy", text="in a call"), "presence")), {"type", "id"}, "its fields"
    )
    mine = await status_of(peer, channel)
    agree((mine["status"], mine.get("text")), ("busy", "in a call"), "status and text")
    device = await bench.again(peer)
    need(await device.ask("presence", status="online"), "presence")
    mine = await status_of(peer, channel)
    agree((mine["status"], mine.get("text")), ("online", None), "status and text, set from another device without text")
    need_error(await peer.ask("presence", status="asleep"), 400)


async def status_of(peer: Peer, channel: str) -> Frame:
    members = need(await peer.ask("who", channel=channel), "who")["members"]
    mine: Frame = next(one for one in members if one["user"]["id"] == peer.user_id)
    return mine


@check(6)
async def presence_of_others(bench: Bench) -> None:
    """Subscribers are told who joins and, 5 to 6 s after the last device's close, who left; never whole lists."""
    staff, peer = await bench.staff(), await bench.newcomer()
    channel = await bench.open(peer)
    need(await staff.ask("subscribe", channel=channel), "subscribed")
    await asyncio.sleep(1.0)
    device = await bench.again(peer)
    await peer.socket.close()
    await device.until_pong()
    for frame in await staff.until_pong():
        gone = frame.get("type") == "presence" and any(
            one["user"]["id"] == peer.user_id for one in frame.get("left", ())
        )
        true(not gone, "left was told though another device was there")
    closed_s = asyncio.get_running_loop().time()
    await device.socket.close()
    await staff.hear(
        lambda frame: (
            frame.get("type") == "presence"
            and frame.get("channel") == channel
            and any(one["user"]["id"] == peer.user_id for one in frame.get("left") or ())
        ),
        "a presence push that names who left",
        LEFT_AFTER_S + SLACK_S,
    )
    took_s = asyncio.get_running_loop().time() - closed_s
    true(took_s > LEFT_AFTER_S - 0.5, f"left was told after {took_s:.1f} s")
    back = await bench.again(peer)
    await staff.hear(
        lambda frame: (
            frame.get("type") == "presence"
            and any(one["user"]["id"] == back.user_id for one in frame.get("joined") or ())
        ),
        "a presence push that names who joined",
    )


@check(6)
async def typing_lapses(bench: Bench) -> None:
    """typing is told to others, not to who types, has no answer, and ends by itself after 6 s."""
    staff, peer = await bench.staff(), await bench.customer()
    channel = await bench.open(peer)
    need(await staff.ask("subscribe", channel=channel), "subscribed")
    await peer.say({"type": "typing", "channel": channel, "on": True})
    began_s = asyncio.get_running_loop().time()
    on = await staff.push("typing", channel=channel)
    agree((on["on"], on["user"]["id"]), (True, peer.user_id), "who types")
    off = await staff.push("typing", channel=channel, within_s=TYPING_LAPSE_S + SLACK_S)
    took_s = asyncio.get_running_loop().time() - began_s
    agree(off["on"], False, "on at the lapse")
    true(took_s > TYPING_LAPSE_S - 1, f"typing lapsed after {took_s:.1f} s")
    await peer.say({"type": "typing", "channel": channel, "on": True})
    agree((await staff.push("typing", channel=channel))["on"], True, "on")
    await peer.say({"type": "typing", "channel": channel, "on": False})
    agree((await staff.push("typing", channel=channel))["on"], False, "on after on:false")
    heard = [frame for frame in await peer.until_pong() if frame.get("type") in ("typing", "error")]
    agree(heard, [], "what the one who types was told")


@check(6)
async def receipts_never_go_back(bench: Bench) -> None:
    """receipt means up to and including, has no answer and never goes back; subscribed tells how far each user got."""
    peer = await bench.customer()
    channel, last = await bench.talk(peer, 1)
    for offset in (last["offset"], 1):
        await peer.say({"type": "receipt", "channel": channel, "kind": "read", "offset": offset})
    await peer.until_pong()
    device = await bench.again(peer)
    marks = await read_marks(device, channel, peer.user_id)
    agree(marks, [last["offset"]], "how far the user has read")
    state = need(await device.ask("subscribe", channel=channel), "subscribed")["conversation"]
    agree((state["read_offset"], state["unread"]), (last["offset"], 0), "read_offset and unread")


async def read_marks(peer: Peer, channel: str, user_id: str) -> list[Any]:
    """How far the user has read, as soon as it is told."""
    for _ in range(20):
        receipts = need(await peer.ask("subscribe", channel=channel), "subscribed").get("receipts") or []
        marks = [mark["offset"] for mark in receipts if mark["user"]["id"] == user_id and mark["kind"] == "read"]
        if marks:
            break
        await asyncio.sleep(0.1)
    return marks


@check(6)
async def receipts_are_pushed(bench: Bench) -> None:
    """A receipt is pushed to the channel with channel, user, kind and offset."""
    staff, peer = await bench.staff(), await bench.customer()
    channel, last = await bench.talk(peer, 1)
    need(await staff.ask("subscribe", channel=channel), "subscribed")
    await peer.say({"type": "receipt", "channel": channel, "kind": "read", "offset": last["offset"]})
    pushed = await staff.push("receipt", channel=channel, kind="read", offset=last["offset"])
    agree(pushed["user"]["id"], peer.user_id, "whose receipt it is")


@check(7)
async def notifications_until_seen(bench: Bench) -> None:
    """A notification is pushed to every device and comes with each welcome until it is seen; other devices are told."""
    if bench.target.admin_token is None:
        raise Skipped("needs --admin-token")
    peer = await bench.newcomer()
    device = await bench.again(peer)
    body = {"user_id": peer.user_id, "title": "parcel", "body": "delayed", "priority": "high"}
    status = await bench.post("/v1/notifications", body)
    if status in (0, 404, 405):
        raise Skipped("needs POST /v1/notifications beside the WebSocket")
    agree(status, 201, "the status of POST /v1/notifications")
    first = await peer.push("notification")
    need(first, "notification", channel=f"user:{peer.user_id}", title="parcel", body="delayed", priority="high")
    other = await device.push("notification")
    agree(other, first, "the notification on another device")
    later = await bench.again(peer)
    agree((later.welcome["notifications"], later.welcome["unread"]), ([first], 1), "the welcome before it was seen")
    named = first["notification_id"]
    need(await peer.ask("seen", notification_id=named), "seen", notification_id=named)
    await device.push("seen", notification_id=named)
    last = await bench.again(peer)
    agree((last.welcome["notifications"], last.welcome["unread"]), ([], 0), "the welcome after it was seen")


@check(7)
async def unseen_are_counted(bench: Bench) -> None:
    """A new user's welcome has no notifications, and what is not there can't be seen: 404."""
    peer = await bench.newcomer()
    agree((peer.welcome["notifications"], peer.welcome["unread"]), ([], 0), "a new user's welcome")
    need_error(await peer.ask("seen", notification_id="01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404)
