"""``/v1/personas``, and the moods of users and conversations."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from starlette.responses import Response

from server.chat.insight import MAX_SIMILAR
from server.transport.http import insight_models as models
from server.transport.http.asking import CallerDep, ChannelDep, DeskDep, problems, reply, router
from server.transport.http.insight_values import (
    history_shown,
    near_conversations_shown,
    near_personas_shown,
    persona_shown,
)

insight = router("insight")

UserPath = Annotated[str, Path(description="A user's id, or `me`.", max_length=128)]
PersonaPath = Annotated[str, Path(description="A persona's name, such as `warm`.", max_length=64)]
Limit = Annotated[int, Query(ge=1, le=MAX_SIMILAR)]


@insight.get("/v1/personas", response_model=models.Personas)
async def list_personas(caller: CallerDep, desk: DeskDep) -> Response:
    """The ways in which the bot can speak, with their traits. For agents, admins and services."""
    return reply({"items": [persona_shown(persona) for persona in desk.insight.personas(caller)]})


@insight.get("/v1/personas/{name}/similar", response_model=models.SimilarPersonas, responses=problems(404))
async def similar_personas(caller: CallerDep, desk: DeskDep, name: PersonaPath, limit: Limit = 5) -> Response:
    """The personas nearest to one by their traits. For agents, admins and services."""
    return reply({"items": near_personas_shown(desk.insight.similar_personas(caller, name, limit))})


# Before the routes of users, whose ids may hold slashes.
@insight.get("/v1/users/{user_id:path}/mood", response_model=models.MoodOutlook, responses=problems(404))
async def user_mood(caller: CallerDep, desk: DeskDep, user_id: UserPath) -> Response:
    """How a customer has felt over the last messages, in all conversations. For agents and admins."""
    asked = caller.user.id if user_id == "me" else user_id
    return reply(history_shown(await desk.insight.user_mood(caller, asked)))


@insight.get("/v1/conversations/{channel}/mood", response_model=models.MoodOutlook, responses=problems(404))
async def conversation_mood(caller: CallerDep, desk: DeskDep, channel: ChannelDep) -> Response:
    """How a conversation's customers have felt over the last messages. For agents and admins."""
    return reply(history_shown(await desk.insight.conversation_mood(caller, channel)))


@insight.get("/v1/conversations/{channel}/similar", response_model=models.SimilarConversations, responses=problems(404))
async def similar_conversations(caller: CallerDep, desk: DeskDep, channel: ChannelDep, limit: Limit = 5) -> Response:
    """The recent conversations that went most alike, by the means of what the policy saw of their turns (mood, acts,
    length, pace …), not by their topics. For agents and admins."""
    return reply({"items": near_conversations_shown(await desk.insight.similar_conversations(caller, channel, limit))})
