"""Section 5: the hand-off, and who may do what (section 3)."""

from __future__ import annotations

from server.conformance.bench import Bench
from server.conformance.checks import check
from server.conformance.peer import agree, need, need_error, true
from server.conformance.rules_messages import system_event


@check(5)
async def handoff_waits(bench: Bench) -> None:
    """handoff puts the conversation into waiting, tells it as a durable system message, and the bot still answers."""
    peer = await bench.customer()
    channel, last = await bench.talk(peer, 1)
    need(await peer.ask("handoff", channel=channel, reason="a person, please"), "handoff", state="waiting")
    message = await system_event(peer, channel, "waiting")
    agree(message["offset"], last["offset"] + 1, "the offset of the system message")
    state = need(await peer.ask("subscribe", channel=channel), "subscribed")["conversation"]
    agree(state["state"], "waiting", "the state")
    ack = await bench.acked(peer, channel, "hello?")
    await peer.bot_reply(ack["message_id"])


@check(5)
async def customers_may_not(bench: Bench) -> None:
    """members, claim and release are not for customers: 403."""
    peer = await bench.customer()
    channel = await bench.open(peer)
    for kind in ("members", "claim", "release"):
        need_error(await peer.ask(kind, channel=channel), 403)


@check(5)
async def claim_silences_the_bot(bench: Bench) -> None:
    """From claim to release no message of the bot has an offset; claim and release are durable system messages."""
    staff, peer = await bench.staff(), await bench.customer()
    channel, _ = await bench.talk(peer, 1)
    need(await staff.ask("subscribe", channel=channel), "subscribed")
    claimed = need(await staff.ask("claim", channel=channel), "claimed", channel=channel)
    agree(claimed["agent"]["id"], staff.user_id, "who has it")
    begin = await system_event(peer, channel, "claimed")
    agree(begin["data"]["agent"]["id"], staff.user_id, "the agent of the system message")
    asked = await bench.acked(peer, channel, "is this a person?")
    answer = await bench.acked(staff, channel, "It is.", reply_to=asked["message_id"])
    heard = await peer.push("message", message_id=answer["message_id"])
    agree(heard["from"]["kind"], "agent", "the kind of an agent's message")
    need(await staff.ask("release", channel=channel), "released", channel=channel)
    end = await system_event(peer, channel, "released")
    page = await peer.ask("history", channel=channel, after=begin["offset"], limit=200)
    between = [message for message in page["messages"] if message["offset"] < end["offset"]]
    true(
        all(message["from"]["kind"] != "bot" for message in between), "the bot spoke while the conversation was claimed"
    )
    reply = await peer.bot_reply((await bench.acked(peer, channel, "and now?"))["message_id"])
    agree(reply["from"]["kind"], "bot", "who answers after the release")
    page = await peer.ask("history", channel=channel, limit=200)
    true(
        all(
            message.get("reply_to") != asked["message_id"] or message["from"]["kind"] != "bot"
            for message in page["messages"]
        ),
        "the bot answered a message that was sent while claimed",
    )


@check(5)
async def release_needs_a_claim(bench: Bench) -> None:
    """release where nobody holds the claim is an error 409."""
    staff, peer = await bench.staff(), await bench.customer()
    need_error(await staff.ask("release", channel=await bench.open(peer)), 409)


@check(5)
async def staff_hear_the_analysis(bench: Bench) -> None:
    """Agents and admins who are subscribed get an analysis event for each message of a customer."""
    staff, peer = await bench.staff(), await bench.customer()
    channel = await bench.open(peer)
    need(await staff.ask("subscribe", channel=channel), "subscribed")
    ack = await bench.acked(peer, channel, "my card was declined and I am furious")
    event = await staff.hear(
        lambda frame: (
            frame.get("type") == "event"
            and frame.get("name") == "analysis"
            and frame["data"]["message_id"] == ack["message_id"]
        ),
        "an analysis event",
    )
    analysis = event["data"]["analysis"]
    for name in ("intent", "act", "sentiment", "emotions", "urgency", "politeness", "toxicity", "language", "entities"):
        true(name in analysis, f"no {name} in the analysis")
    true(abs(sum(analysis["emotions"].values()) - 1) < 0.02, f"emotions sum to {sum(analysis['emotions'].values())}")
    true(-1 <= analysis["sentiment"]["score"] <= 1, f"the sentiment's score is {analysis['sentiment']['score']}")


@check(5)
async def members_listed(bench: Bench) -> None:
    """members tells agents and admins who is in a conversation, after adding and removing."""
    staff, peer = await bench.staff(), await bench.customer()
    other = await bench.customer(other_than=peer)
    channel = await bench.open(peer)
    for fields, wanted in (
        ({}, {peer.user_id}),
        ({"add": [other.user_id]}, {peer.user_id, other.user_id}),
        ({"remove": [other.user_id]}, {peer.user_id}),
    ):
        answer = need(await staff.ask("members", channel=channel, **fields), "members", channel=channel)
        agree(sorted(user["id"] for user in answer["members"]), sorted(wanted), "the members")
