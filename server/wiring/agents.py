"""The agents' desk: notes, transfers, search, customers, colleagues."""

from __future__ import annotations

from inference.analysis import Analysis
from server.chat.agent_desk import AgentDesk
from server.chat.agents import Agents
from server.chat.clientele import Clientele
from server.chat.insight import Insight
from server.chat.messages import Messages
from server.chat.notebook import Notebook
from server.chat.notices import Notices
from server.chat.reception import Reception
from server.chat.router import Router
from server.chat.routing import DeskPlan
from server.chat.satisfaction import SatisfactionFigures
from server.chat.searching import Searching
from server.chat.suggestions import Suggestions
from server.chat.transfers import Transfers
from server.wiring.ground import Ground, new_id
from server.wiring.people import People
from server.wiring.turns import Turns


def open_agent_desk(
    ground: Ground,
    people: People,
    turns: Turns,
    plan: DeskPlan,
    *,
    messages: Messages,
    notices: Notices,
    insight: Insight,
) -> AgentDesk:
    """For ``Talk``, whose parts these stand on."""
    notebook = Notebook(store=ground.store, fanout=ground.fanout, clock=ground.clock, new_id=new_id)
    router = _router(ground, people, plan)
    return AgentDesk(
        notebook=notebook,
        transfers=Transfers(
            store=ground.store,
            messages=messages,
            notebook=notebook,
            notices=notices,
            members_changed=people.presence.members_changed,
            metrics=ground.metrics,
            clock=ground.clock,
            new_id=new_id,
        ),
        searching=Searching(store=ground.store, clock=ground.clock),
        clientele=Clientele(store=ground.store, insight=insight),
        agents=Agents(
            store=ground.store,
            standings=people.presence.standings.of,
            capacity_of=router.capacity_of,
            skills_of=router.skills_of,
            routing=ground.settings.routing,
        ),
        satisfaction=SatisfactionFigures(store=ground.store, clock=ground.clock),
        router=router,
        reception=Reception(store=ground.store, messages=messages, clock=ground.clock, new_id=new_id, plan=plan),
        suggestions=_suggestions(ground, turns),
    )


def _suggestions(ground: Ground, turns: Turns) -> Suggestions:
    timeout_s = ground.settings.analysis_timeout_ms / 1000

    async def analyse(text: str) -> Analysis:
        return await turns.fleet.roster.champion.analyse(text, timeout_s=timeout_s)

    return Suggestions(
        store=ground.store,
        analyse=analyse,
        knowledge=turns.knowledge,
        writer=lambda: turns.voice.writer,
        personas=lambda: turns.voice.personas,
        rng=ground.rng,
    )


def _router(ground: Ground, people: People, plan: DeskPlan) -> Router:
    settings = ground.settings
    return Router(
        store=ground.store,
        signals=ground.signals,
        standings=people.presence.standings.of,
        clock=ground.clock,
        plan=plan,
        capacity=settings.agent_capacity,
        offer_ms=settings.offer_timeout_ms,
        is_on=settings.routing == "push",
    )
