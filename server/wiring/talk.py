"""The verbs of PROTOCOL §4, over people, turns and the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inference.analysis import Analysis
from server.chat.access import ALERTS_CHANNEL, METRICS_CHANNEL, QUEUE_CHANNEL
from server.chat.agent_desk import AgentDesk
from server.chat.alerts import Alerts
from server.chat.articles import Articles
from server.chat.claims import ClaimKeeper
from server.chat.conversations import ConversationVerbs
from server.chat.gap_keeper import GapKeeper
from server.chat.gaps import GapDesk, Gaps
from server.chat.handoff import HandoffVerbs
from server.chat.inbox import DAY_MS, Inbox
from server.chat.insight import Insight
from server.chat.messages import Messages
from server.chat.notices import Notices
from server.chat.receipts import Receipts
from server.chat.routing import DeskPlan
from server.chat.service import Chat, Verb
from server.contents import article_of
from server.wire import requests
from server.wire.frames import Event
from server.wiring.agents import open_agent_desk
from server.wiring.alerts import Lookout
from server.wiring.ground import Ground, new_id
from server.wiring.knowledge import gap_keeper, redacted
from server.wiring.people import People
from server.wiring.trials import Laboratory, open_laboratory
from server.wiring.turns import Turns

Verbs = dict[type[requests.Incoming], Verb]


@dataclass(frozen=True, slots=True)
class Talk:
    """``chat`` serves the sockets; HTTP uses the parts themselves. ``verbs``: what answers which frame.

    ``claims`` takes the conversations of absent agents back; ``lookout`` has the alerts; ``inbox`` holds what the bot
    was not sure of; ``laboratory`` has the experiments, ``articles`` what it knows, ``gaps`` what is missing in that;
    ``agents`` what agents ask beside.
    """

    messages: Messages
    conversations: ConversationVerbs
    notices: Notices
    verbs: Verbs
    chat: Chat
    claims: ClaimKeeper
    lookout: Lookout
    inbox: Inbox
    insight: Insight
    laboratory: Laboratory
    articles: Articles
    gaps: Gaps
    gap_keeper: GapKeeper
    agents: AgentDesk


def offer_talk(
    ground: Ground,
    people: People,
    turns: Turns,
    lookout: Lookout,
    plan: DeskPlan,
    *,
    notice: Callable[[], Event | None] = lambda: None,
) -> Talk:
    """All that clients can ask for. ``notice``: what everybody is told who connects."""
    messages = _messages(ground, people, turns)
    conversations = _conversations(ground, people, turns, messages)
    notices = Notices(
        store=ground.store,
        fanout=ground.fanout,
        signals=ground.signals,
        connected=people.connected,
        clock=ground.clock,
        new_id=new_id,
    )
    handoffs = _handoffs(ground, people, turns, messages)
    insight = Insight(store=ground.store, personas=turns.personas)
    verbs = _verbs(ground, people, messages=messages, conversations=conversations, handoffs=handoffs, notices=notices)
    return Talk(
        messages=messages,
        conversations=conversations,
        notices=notices,
        verbs=verbs,
        chat=_chat(
            ground,
            people,
            messages=messages,
            conversations=conversations,
            notices=notices,
            alerts=lookout.alerts,
            verbs=verbs,
            notice=notice,
        ),
        claims=_claims(ground, people, messages),
        lookout=lookout,
        inbox=_inbox(ground, turns),
        insight=insight,
        laboratory=open_laboratory(ground, turns.trials, turns.can),
        articles=_articles(ground, turns),
        gaps=Gaps(GapDesk(ground.store, ground.clock, redacted)),
        gap_keeper=gap_keeper(ground, turns.fleet),
        agents=open_agent_desk(ground, people, turns, plan, messages=messages, notices=notices, insight=insight),
    )


def _messages(ground: Ground, people: People, turns: Turns) -> Messages:
    return Messages(
        store=ground.store,
        fanout=ground.fanout,
        signals=ground.signals,
        reactions=turns.reactions,
        submit_turn=ground.tracing.around("submit", turns.runner.submit),
        listen=turns.overhearing.hear,
        clock=ground.clock,
        new_id=new_id,
        doorkeeper=people.doorkeeper,
        worker=ground.worker,
        lease_ms=ground.settings.turn_lease_ms,
    )


def _conversations(ground: Ground, people: People, turns: Turns, messages: Messages) -> ConversationVerbs:
    return ConversationVerbs(
        store=ground.store,
        signals=ground.signals,
        messages=messages,
        reactions=turns.reactions,
        members_changed=people.presence.members_changed,
        doorkeeper=people.doorkeeper,
        clock=ground.clock,
        new_id=new_id,
    )


def _handoffs(ground: Ground, people: People, turns: Turns, messages: Messages) -> HandoffVerbs:
    return HandoffVerbs(
        store=ground.store,
        messages=messages,
        reactions=turns.reactions,
        members_changed=people.presence.members_changed,
        metrics=ground.metrics,
        clock=ground.clock,
        new_id=new_id,
    )


def _claims(ground: Ground, people: People, messages: Messages) -> ClaimKeeper:
    return ClaimKeeper(
        store=ground.store,
        registry=ground.registry,
        connected=people.connected,
        messages=messages,
        metrics=ground.metrics,
        clock=ground.clock,
        new_id=new_id,
        absence_ms=ground.settings.claim_absence_ms,
    )


def _inbox(ground: Ground, turns: Turns) -> Inbox:
    settings = ground.settings
    return Inbox(
        store=ground.store,
        clock=ground.clock,
        metrics=ground.metrics,
        known=turns.known_intents,
        redact=redacted if settings.inbox_redact else None,
        kept_ms=settings.inbox_days * DAY_MS,
        kept_items=settings.inbox_items,
    )


def _articles(ground: Ground, turns: Turns) -> Articles:
    timeout_s = ground.settings.analysis_timeout_ms / 1000

    async def analyse(text: str) -> Analysis:
        return await turns.fleet.roster.champion.analyse(text, timeout_s=timeout_s)

    return Articles(
        store=ground.store,
        knowledge=turns.knowledge,
        signals=ground.signals,
        clock=ground.clock,
        parse=article_of,
        analyse=analyse,
    )


def _verbs(
    ground: Ground,
    people: People,
    *,
    messages: Messages,
    conversations: ConversationVerbs,
    handoffs: HandoffVerbs,
    notices: Notices,
) -> Verbs:
    receipts = Receipts(store=ground.store, fanout=ground.fanout, clock=ground.clock)
    return {
        requests.Feedback: messages.feedback,
        requests.Conversations: conversations.conversations,
        requests.Members: conversations.members,
        requests.Resolve: conversations.resolve,
        requests.Rate: conversations.rate,
        requests.Handoff: handoffs.handoff,
        requests.Claim: handoffs.claim,
        requests.Release: handoffs.release,
        requests.MarkSeen: notices.see,
        requests.MarkReceipt: receipts.mark,
        requests.SetPresence: people.presence.set,
        requests.Who: people.presence.who,
        requests.SetTyping: people.typing.set,
    }


def _chat(
    ground: Ground,
    people: People,
    *,
    messages: Messages,
    conversations: ConversationVerbs,
    notices: Notices,
    alerts: Alerts,
    verbs: Verbs,
    notice: Callable[[], Event | None],
) -> Chat:
    settings = ground.settings
    return Chat(
        store=ground.store,
        fanout=ground.fanout,
        connected=people.connected,
        messages=messages,
        conversations=conversations,
        doorkeeper=people.doorkeeper,
        accounts=people.accounts,
        presence=people.presence,
        notices=notices,
        verbs=verbs,
        notice=notice,
        snapshots={
            QUEUE_CHANNEL: people.queue.snapshot,
            METRICS_CHANNEL: people.figures.snapshot,
            ALERTS_CHANNEL: alerts.snapshot,
        },
        clock=ground.clock,
        explain=settings.explain_shown,
        ping_interval_ms=settings.ping_interval_ms,
        max_message_bytes=settings.max_message_bytes,
    )
