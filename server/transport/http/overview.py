"""What goes on: live conversations, their turns explained, and the intents of the hour. For agents and admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from server.chat.overview import MAX_DAYS, MAX_HOURS, MAX_LIVE, MAX_TURNS
from server.transport.http import overview_models as models
from server.transport.http.asking import CallerDep, ChannelDep, DeskDep, problems, reply, router

overview = router("insight")


@overview.get("/v1/insight/intents", response_model=models.IntentCounts)
async def count_intents(
    caller: CallerDep,
    desk: DeskDep,
    hours: Annotated[int, Query(ge=1, le=MAX_HOURS, description="How far back.")] = 1,
) -> Response:
    """What customers asked about in the last hours, the most frequent first. For agents and admins."""
    return reply(await desk.overview.intents(caller, hours))


@overview.get("/v1/insight/outcomes", response_model=models.Outcomes)
async def count_outcomes(
    caller: CallerDep,
    desk: DeskDep,
    days: Annotated[int, Query(ge=1, le=MAX_DAYS, description="How far back; up to two days come by the hour.")] = 7,
) -> Response:
    """What customers thought of it, and how conversations ended, by hour or by day (UTC). For agents and admins."""
    return reply(await desk.overview.outcomes(caller, days))


@overview.get("/v1/insight/conversations", response_model=models.LiveConversations)
async def list_live_conversations(
    caller: CallerDep,
    desk: DeskDep,
    minutes: Annotated[int, Query(ge=1, le=1_440, description="How far back.")] = 60,
    limit: Annotated[int, Query(ge=1, le=MAX_LIVE)] = 50,
) -> Response:
    """Conversations in which a customer has asked the bot something lately, the latest first. For agents and admins."""
    return reply({"items": await desk.overview.conversations(caller, minutes, limit)})


@overview.get("/v1/conversations/{channel}/turns", response_model=models.ExplainedTurns, responses=problems(404))
async def explain_turns(
    caller: CallerDep, desk: DeskDep, channel: ChannelDep, limit: Annotated[int, Query(ge=1, le=MAX_TURNS)] = 20
) -> Response:
    """The last answered turns: what was understood, who answered, with which probability, and what spoke for it, by
    what the policy knows today (`parlance policy explain` replays it). For agents and admins."""
    return reply({"items": await desk.overview.turns(caller, channel, limit)})
