"""``/v1/conversations`` and ``/v1/messages``: the verbs of PROTOCOL §5 and §6 over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from server.chat.peer import Caller
from server.transport.http import models
from server.transport.http.asking import (
    CallerDep,
    ChannelDep,
    DeskDep,
    IdempotencyKey,
    key_of,
    next_link,
    problems,
    reply,
    router,
)
from server.transport.http.desk import Desk, request
from server.wire import frames, requests
from server.wire.parts import MAX_CONVERSATIONS, MAX_HISTORY

conversations = router("conversations", "/v1/conversations")
messages = router("messages", "", 404)
handoff = router("hand-off", "/v1/conversations/{channel}", 404)
people = router("members", "/v1/conversations/{channel}", 404)

_MESSAGES = "/v1/conversations/{channel}/messages"
Before = Annotated[int | None, Query(ge=0, description="Only messages with a smaller offset.")]
After = Annotated[int | None, Query(ge=0, description="Only messages with a larger offset.")]
BeforeMs = Annotated[int | None, Query(ge=0, description="Only conversations whose `at_ms` is smaller.")]


# ------------------------------------------------------------------ conversations


@conversations.post(
    "", status_code=201, response_model=models.Opened, responses={200: {"model": models.Opened}, **problems(409)}
)
async def open_conversation(
    caller: CallerDep, desk: DeskDep, body: models.OpenConversation | None = None, key: IdempotencyKey = None
) -> Response:
    """Begin a conversation, or find the one that this key began (then 200). Its opener is a member."""
    asked = body or models.OpenConversation()
    frame = request(requests.Open, key=key_of(key, asked.key), metadata=asked.metadata)
    opened = await desk.conversations.open(caller, frame)
    conversation = opened.conversation
    answer = frames.Opened(
        id=0,
        channel=conversation.channel,
        epoch=opened.epoch,
        offset=conversation.offset,
        duplicate=opened.duplicate,
        conversation=conversation,
    )
    location = {"location": f"/v1/conversations/{conversation.channel}"}
    return reply(answer, 200 if opened.duplicate else 201, location)


@conversations.get("", response_model=models.ConversationPage)
async def list_conversations(
    caller: CallerDep,
    desk: DeskDep,
    before: BeforeMs = None,
    limit: Annotated[int, Query(ge=1, le=MAX_CONVERSATIONS)] = 50,
) -> Response:
    """One's own, newest activity first; the next page is `before` the last one's `at_ms`."""
    frame = request(requests.Conversations, before=before, limit=limit)
    page = await desk.conversations.conversations(caller, frame)
    onward = next_link("/v1/conversations", before=page.items[-1].at_ms, limit=limit) if page.more else None
    return reply(page, headers=onward)


@conversations.get("/{channel}", response_model=models.Conversation, responses=problems(404))
async def get_conversation(caller: CallerDep, desk: DeskDep, channel: ChannelDep) -> Response:
    """One conversation; `read_offset` and `unread` are the asking user's."""
    return reply(await desk.conversations.conversation(caller, channel))


@conversations.post("/{channel}/resolve", response_model=models.Resolved, responses=problems(404))
async def resolve_conversation(
    caller: CallerDep, desk: DeskDep, channel: ChannelDep, body: models.ResolveConversation | None = None
) -> Response:
    """Mark as resolved, or (`"resolved": false`) open again."""
    resolved = body is None or body.resolved
    return reply(await desk.ask(caller, requests.Resolve, channel=channel, resolved=resolved))


@conversations.post("/{channel}/rating", response_model=models.Rated, responses=problems(404))
async def rate_conversation(
    caller: CallerDep, desk: DeskDep, channel: ChannelDep, body: models.RateConversation
) -> Response:
    """Rate the whole conversation, from 0 to 1; a later rating replaces the earlier."""
    return reply(await desk.ask(caller, requests.Rate, channel=channel, **dict(body)))


@conversations.get("/{channel}/analyses", response_model=models.Analyses, responses=problems(403, 404))
async def read_analyses(
    caller: CallerDep, desk: DeskDep, channel: ChannelDep, limit: Annotated[int, Query(ge=1, le=MAX_HISTORY)] = 50
) -> Response:
    """What was understood of the last messages that the bot answered, the oldest first. For staff."""
    turns = await desk.conversations.analyses(caller, channel, limit)
    items = [{"message_id": turn.turn_id, "analysis": turn.analysis} for turn in turns if turn.analysis]
    return reply({"items": items})


# ------------------------------------------------------------------ messages


@messages.get(_MESSAGES, response_model=models.MessagePage)
async def read_messages(
    *,
    caller: CallerDep,
    desk: DeskDep,
    channel: ChannelDep,
    before: Before = None,
    after: After = None,
    limit: Annotated[int, Query(ge=1, le=MAX_HISTORY)] = 50,
) -> Response:
    """A page, ascending by `offset`: the newest, or those `before` or `after` an offset. Not both."""
    frame = request(requests.History, channel=channel, before=before, after=after, limit=limit)
    page = await desk.messages.history(caller, frame)
    return reply(page, headers=_onward(page, frame))


def _onward(page: frames.HistoryPage, frame: requests.History) -> dict[str, str] | None:
    if not page.more or not page.messages:
        return None
    path = f"/v1/conversations/{frame.channel}/messages"
    if frame.after is not None:
        return next_link(path, after=page.messages[-1].offset, limit=frame.limit)
    return next_link(path, before=page.messages[0].offset, limit=frame.limit)


@messages.post(
    _MESSAGES, status_code=201, response_model=models.Ack, responses={200: {"model": models.Ack}, **problems(409, 413)}
)
async def send_message(
    caller: CallerDep, desk: DeskDep, channel: ChannelDep, body: models.SendMessage, key: IdempotencyKey = None
) -> Response:
    """Write a message. 201 once it is committed; 200 where the same key had done so before."""
    fields = {**dict(body), "channel": channel, "key": key_of(key, body.key)}
    ack = await desk.send(caller, request(requests.Send, **fields))
    return reply(ack, 200 if ack.duplicate else 201)


@messages.post("/v1/messages/{message_id}/feedback", response_model=models.FeedbackAccepted)
async def rate_message(caller: CallerDep, desk: DeskDep, message_id: str, body: models.RateMessage) -> Response:
    """Rate an answer of the bot, from 0 to 1; thumbs are 0 and 1. A later rating replaces the earlier."""
    return reply(await desk.ask(caller, requests.Feedback, message_id=message_id, **dict(body)))


@messages.post("/v1/conversations/{channel}/receipts", status_code=204, response_class=Response)
async def mark_receipt(caller: CallerDep, desk: DeskDep, channel: ChannelDep, body: models.MarkReceipt) -> Response:
    """Everything up to and including `offset` is delivered, or read. Never goes back."""
    await desk.ask(caller, requests.MarkReceipt, channel=channel, **dict(body))
    return Response(status_code=204)


# ------------------------------------------------------------------ hand-off


@handoff.post("/handoff", response_model=models.HandedOff)
async def ask_for_human(
    caller: CallerDep, desk: DeskDep, channel: ChannelDep, body: models.AskForHuman | None = None
) -> Response:
    """Ask for a human. Until one comes the bot answers."""
    reason = None if body is None else body.reason
    return reply(await desk.ask(caller, requests.Handoff, channel=channel, reason=reason))


@handoff.post("/claim", response_model=models.Claimed, responses=problems(409))
async def claim_conversation(caller: CallerDep, desk: DeskDep, channel: ChannelDep) -> Response:
    """Take a conversation over, as an agent or admin; the bot is silent from now on."""
    return reply(await desk.ask(caller, requests.Claim, channel=channel))


@handoff.post("/release", response_model=models.Released, responses=problems(409))
async def release_conversation(caller: CallerDep, desk: DeskDep, channel: ChannelDep) -> Response:
    """Give a claimed conversation back to the bot."""
    return reply(await desk.ask(caller, requests.Release, channel=channel))


# ------------------------------------------------------------------ members


@people.get("/members", response_model=models.MembersNow)
async def list_members(caller: CallerDep, desk: DeskDep, channel: ChannelDep) -> Response:
    """The members, by the time they joined. For agents, admins and services."""
    return reply(await desk.ask(caller, requests.Members, channel=channel))


@people.patch("/members", response_model=models.MembersNow)
async def change_members(caller: CallerDep, desk: DeskDep, channel: ChannelDep, body: models.ChangeMembers) -> Response:
    """Add and remove members; users to add must be known. For agents, admins and services."""
    return reply(await desk.ask(caller, requests.Members, channel=channel, **dict(body)))


@people.put("/members", response_model=models.MembersNow)
async def set_members(caller: CallerDep, desk: DeskDep, channel: ChannelDep, body: models.SetMembers) -> Response:
    """Let exactly these be the members; at most 100 are added and removed at a time."""
    return reply(await _let_be(caller, desk, channel, body.members))


async def _let_be(caller: Caller, desk: Desk, channel: str, members: list[str]) -> frames.ServerFrame | None:
    now = await desk.ask(caller, requests.Members, channel=channel)
    present = {user.id for user in now.members} if isinstance(now, frames.MembersNow) else set()
    add = [user_id for user_id in dict.fromkeys(members) if user_id not in present]
    remove = sorted(present - set(members))
    return await desk.ask(caller, requests.Members, channel=channel, add=add, remove=remove)


@people.get("/presence", response_model=models.Present)
async def who_is_there(caller: CallerDep, desk: DeskDep, channel: ChannelDep) -> Response:
    """The members who are there and visible."""
    return reply(await desk.ask(caller, requests.Who, channel=channel))
