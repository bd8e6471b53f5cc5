"""The agents' desk over HTTP: notes, transfers, search, customers, colleagues."""

from __future__ import annotations

from typing import Annotated, get_args

from fastapi import Path, Query
from starlette.responses import Response

from server.chat.clientele import MAX_PAST
from server.chat.notebook import MAX_NOTES, note_shown
from server.chat.searching import MAX_FOUND
from server.store.search_ports import FoundState
from server.transport.http import agent_models as models
from server.transport.http.agent_values import (
    changed_shown,
    colleague_shown,
    figures_shown,
    found_shown,
    opening_shown,
    profile_shown,
    suggested_shown,
)
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

agents = router("agents")

SEARCH = "/v1/search"
STATES = ", ".join(get_args(FoundState))
Past = Annotated[int, Query(ge=0, le=MAX_PAST, description="How many conversations of before to show.")]
AgentPath = Annotated[str, Path(description="An agent's id, or `me`.", max_length=128)]
UserPath = Annotated[str, Path(description="A user's id.", max_length=128)]


@agents.get("/v1/conversations/{channel}/notes", response_model=models.NotePage, responses=problems(404))
async def list_notes(
    caller: CallerDep,
    desk: DeskDep,
    channel: ChannelDep,
    before: Annotated[str | None, Query(description="Only notes older than this one.", max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_NOTES)] = 50,
) -> Response:
    """What agents have noted of a conversation, the newest page, the earliest first. For agents and admins: neither
    customers nor services nor the bot see notes."""
    found, more = await desk.agents.notebook.page(caller, channel, before, limit)
    onward = None
    if more:
        onward = next_link(f"/v1/conversations/{channel}/notes", before=found[0].note_id, limit=limit)
    return reply({"items": [note_shown(note) for note in found], "more": more}, headers=onward)


@agents.post(
    "/v1/conversations/{channel}/notes",
    status_code=201,
    response_model=models.Note,
    responses={200: {"model": models.Note}, **problems(404, 409)},
)
async def add_note(
    caller: CallerDep, desk: DeskDep, channel: ChannelDep, body: models.NewNote, key: IdempotencyKey = None
) -> Response:
    """Note something; agents who look on get the event `note` on the conversation's channel. For agents and admins."""
    note, again = await desk.agents.notebook.add(caller, channel, body.text, key_of(key, body.key))
    return reply(note_shown(note), 200 if again else 201)


@agents.post("/v1/conversations/{channel}/transfer", response_model=models.Transferred, responses=problems(404, 409))
async def transfer_conversation(
    caller: CallerDep, desk: DeskDep, channel: ChannelDep, body: models.Transfer
) -> Response:
    """Pass a claimed conversation on to another agent, or with a reason back to the queue; the bot stays silent
    between two agents. The reason becomes a note. For the agent who has it, and admins."""
    return reply(changed_shown(channel, await desk.agents.transfers.transfer(caller, channel, body.agent, body.reason)))


@agents.get("/v1/conversations/{channel}/customer", response_model=models.CustomerProfile, responses=problems(404))
async def conversation_customer(caller: CallerDep, desk: DeskDep, channel: ChannelDep, past: Past = 10) -> Response:
    """Who opened a conversation, with what was before. For agents and admins."""
    return reply(profile_shown(await desk.agents.clientele.of_conversation(caller, channel, past)))


# Before the routes of users, whose ids may hold slashes.
@agents.get("/v1/users/{user_id:path}/profile", response_model=models.CustomerProfile, responses=problems(404))
async def customer_profile(caller: CallerDep, desk: DeskDep, user_id: UserPath, past: Past = 10) -> Response:
    """A customer with their conversations, ratings and mood. For agents and admins."""
    return reply(profile_shown(await desk.agents.clientele.of_user(caller, user_id, past)))


@agents.get(SEARCH, response_model=models.SearchPage)
async def search_conversations(
    *,
    caller: CallerDep,
    desk: DeskDep,
    text: Annotated[
        str | None, Query(description="Words that one message must hold; each may be the beginning.", max_length=500)
    ] = None,
    customer: Annotated[str | None, Query(description="The opener's id, or whole name.", max_length=128)] = None,
    agent: Annotated[str | None, Query(description="Id of an agent who has had it.", max_length=128)] = None,
    state: Annotated[FoundState | None, Query(description="Only conversations that stand so.")] = None,
    from_ms: Annotated[int | None, Query(ge=0, description="Only messages from then on.")] = None,
    to_ms: Annotated[int | None, Query(ge=0, description="Only messages before then.")] = None,
    before: Annotated[str | None, Query(description="`next_before` of the page before.", max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_FOUND)] = 20,
) -> Response:
    """Conversations by what was written in them, the newest message first. Without `text`: by their last message.
    For agents and admins."""
    given = {
        "text": text,
        "customer": customer,
        "agent": agent,
        "state": state,
        "from_ms": from_ms,
        "to_ms": to_ms,
    }
    found, onward = await desk.agents.searching.search(
        caller,
        text=text,
        customer=customer,
        agent=agent,
        state=state,
        from_ms=from_ms,
        to_ms=to_ms,
        before=before,
        limit=limit,
    )
    shown = {"items": [found_shown(one) for one in found], "more": onward is not None}
    if onward is None:
        return reply(shown)
    filters = {name: value for name, value in given.items() if value is not None}
    return reply({**shown, "next_before": onward}, headers=next_link(SEARCH, **filters, before=onward, limit=limit))


@agents.get("/v1/agents", response_model=models.AgentPage)
async def list_agents(caller: CallerDep, desk: DeskDep) -> Response:
    """Agents and admins by name: whether they are there, how much they have and take on. For agents and admins."""
    agents_now = await desk.agents.agents.all(caller)
    return reply({"items": [colleague_shown(one) for one in agents_now], "routing": desk.agents.agents.routing})


@agents.put("/v1/agents/{user_id:path}/capacity", response_model=models.Agent, responses=problems(404))
async def set_capacity(caller: CallerDep, desk: DeskDep, user_id: AgentPath, body: models.SetCapacity) -> Response:
    """How many conversations an agent takes on at once; without `capacity` as many as the house says. For oneself,
    and for admins."""
    asked = caller.user.id if user_id == "me" else user_id
    return reply(colleague_shown(await desk.agents.agents.set_capacity(caller, asked, body.capacity)))


@agents.post("/v1/conversations/{channel}/refuse", response_model=models.Refused, responses=problems(404))
async def refuse_offer(caller: CallerDep, desk: DeskDep, channel: ChannelDep) -> Response:
    """Say no to a conversation that is offered to oneself; the next agent gets it. A claim accepts it."""
    return reply({"channel": channel, "refused": await desk.agents.router.refuse(caller, channel)})


@agents.get("/v1/conversations/{channel}/suggestions", response_model=models.Suggestions, responses=problems(404))
async def suggest_answers(
    caller: CallerDep,
    desk: DeskDep,
    channel: ChannelDep,
    persona: Annotated[
        str | None, Query(description="In whose manner; else whose answer was last.", max_length=64)
    ] = None,
) -> Response:
    """What an agent might answer to the customer's last message: the writer's words, and articles that may hold the
    answer. Nothing is sent. Asked again, the words may be others. For agents and admins."""
    return reply(suggested_shown(await desk.agents.suggestions.suggest(caller, channel, persona)))


@agents.get("/v1/hours", response_model=models.OpeningHours)
async def read_hours(caller: CallerDep, desk: DeskDep) -> Response:  # noqa: ARG001  (anybody with a token)
    """Whether agents are there at this time of the week, and, where they are not, from when on."""
    return reply(opening_shown(desk.agents.reception.opening()))


@agents.get("/v1/satisfaction", response_model=models.Satisfaction)
async def read_satisfaction(
    caller: CallerDep,
    desk: DeskDep,
    from_ms: Annotated[int | None, Query(ge=0, description="Ratings from then on; else of 30 days.")] = None,
    to_ms: Annotated[int | None, Query(ge=0, description="Ratings before then; else up to now.")] = None,
) -> Response:
    """How customers rated conversations that an agent had resolved: over all, by agent, by day (UTC). Admins see
    everybody's figures, agents their own."""
    return reply(figures_shown(await desk.agents.satisfaction.figures(caller, from_ms, to_ms)))
