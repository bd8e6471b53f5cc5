"""Where clients come in: the socket, pages, documents, health, REST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp

from inference.registry.labelled import Labelled
from inference.registry.rollout import Rollout
from server import __version__
from server.chat.administration import Administration
from server.chat.audit import Audit
from server.chat.editing import Editing
from server.chat.flags import FlagOffice, Flags
from server.chat.fold import Fold, PolicyMaker
from server.chat.intent_desk import IntentDesk
from server.chat.learning import Learner
from server.chat.overview import Overview
from server.chat.policies import Policies, PolicyDesk
from server.chat.relabels import labelled_turns
from server.chat.replay import Replay
from server.chat.versions import Versions
from server.settings import Settings
from server.tokens import Tokens
from server.transport.connection import ConnectionLimits
from server.transport.gate import Gate
from server.transport.http.desk import Desk
from server.transport.http.documents import document_routes
from server.transport.http.health import health_routes
from server.transport.http.lazy import Lazily, rest_routes
from server.transport.http.pages import SecureHeaders, page_routes
from server.transport.http.widget import widget_routes
from server.transport.websocket import Doorman, WebSocketEndpoint
from server.wiring.ground import Ground, new_id
from server.wiring.intent_files import IntentFiles
from server.wiring.knowledge import redacted
from server.wiring.people import People
from server.wiring.policies import makers
from server.wiring.rollouts import rollout_of
from server.wiring.talk import Talk
from server.wiring.turns import Turns


@dataclass(frozen=True, slots=True)
class Edge:
    """``endpoint`` takes the sockets, ``desk`` answers over HTTP with the same verbs."""

    endpoint: WebSocketEndpoint
    desk: Desk


def open_edge(ground: Ground, people: People, turns: Turns, talk: Talk, *, editing: Editing, flags: Flags) -> Edge:
    """``StartupError`` for a missing or unfit key of tokens."""
    gate = _gate(ground, people)
    return Edge(
        _endpoint(ground, people, talk, gate),
        _desk(ground, people, turns, talk, gate=gate, editing=editing, flags=flags),
    )


def routes(edge: Edge, ground: Ground, ready: Callable[[], Awaitable[None]]) -> Starlette:
    """The routes: the WebSocket first and past everything else, pages, documents, health, REST.

    ``ready`` raises ``Unavailable`` while this worker should get no traffic.
    """
    settings = ground.settings
    return Starlette(
        routes=[
            WebSocketRoute("/ws", edge.endpoint),
            *page_routes(),
            *widget_routes(_doorman(settings).allows, settings.guests_allowed),
            *document_routes(),
            *health_routes(ready, ground.metrics, settings.metrics_networks),
            *rest_routes(ground.tracing.around("http", Lazily(lambda: _rest(edge.desk, settings)))),
        ],
        middleware=[Middleware(SecureHeaders)],
    )


def _rest(desk: Desk, settings: Settings) -> ASGIApp:
    from server.transport.http.api import build_api  # late: see Lazily

    return build_api(
        desk,
        version=__version__,
        allowed_origins=settings.allowed_origins,
        max_body_bytes=settings.max_message_bytes,
    )


def _gate(ground: Ground, people: People) -> Gate:
    settings = ground.settings
    return Gate(
        Tokens.from_settings(settings),
        settings.guests_allowed,
        settings.token_ttl_s,
        ground.clock,
        new_id,
        people.doorkeeper,
    )


def _doorman(settings: Settings) -> Doorman:
    return Doorman(frozenset(origin.rstrip("/").lower() for origin in settings.allowed_origins), settings.is_local)


def _endpoint(ground: Ground, people: People, talk: Talk, gate: Gate) -> WebSocketEndpoint:
    settings = ground.settings
    frames = people.doorkeeper.quotas.frames
    return ground.tracing.around("sockets", WebSocketEndpoint)(
        chat=talk.chat,
        clock=ground.clock,
        metrics=ground.metrics,
        limits=ConnectionLimits(settings.connect_timeout_ms, settings.outbox_max_bytes, frames),
        doorkeeper=people.doorkeeper,
        doorman=_doorman(settings),
        authenticate=gate.authenticate,
        new_id=new_id,
        rng=ground.rng,
    )


def _desk(
    ground: Ground, people: People, turns: Turns, talk: Talk, *, gate: Gate, editing: Editing, flags: Flags
) -> Desk:
    administration = Administration(
        store=ground.store,
        accounts=people.accounts,
        notices=talk.notices,
        fanout=ground.fanout,
        standings=people.presence.standings.of,
        tokens=gate.tokens,
        clock=ground.clock,
    )
    return Desk(
        authenticate=gate.authenticate,
        doorkeeper=people.doorkeeper,
        accounts=people.accounts,
        messages=talk.messages,
        conversations=talk.conversations,
        notices=talk.notices,
        administration=administration,
        inbox=talk.inbox,
        articles=talk.articles,
        gaps=talk.gaps,
        versions=_versions(ground, turns),
        insight=talk.insight,
        intents=_intents(ground, turns),
        policies=_policies(ground, turns),
        experiments=talk.laboratory.office,
        alerts=talk.lookout.office,
        audit=Audit(store=ground.store, clock=ground.clock),
        overview=Overview(
            store=ground.store,
            policy=lambda: (turns.learner.name, turns.learner.policy),
            clock=ground.clock,
            own_intents=turns.teaching is not None,
        ),
        agents=talk.agents,
        editing=editing,
        flags=FlagOffice(flags=flags, editing=editing, clock=ground.clock),
        verbs=talk.verbs,
        explain=ground.settings.explain_shown,
    )


def _intents(ground: Ground, turns: Turns) -> IntentDesk:
    return IntentDesk(
        files=IntentFiles(ground.settings),
        store=ground.store,
        known=turns.known_intents,
        redact=redacted if ground.settings.inbox_redact else None,
    )


def _policies(ground: Ground, turns: Turns) -> Policies:
    def learner_of(log: str) -> Learner | None:
        return turns.learner if log == turns.learner.name else turns.variant_policies.learner(log)

    async def fold(log: str, maker: PolicyMaker) -> Fold:
        learner = learner_of(log)
        if learner is None:
            return await Replay(ground.store, log, maker).state_at()
        await learner.catch_up()
        return learner.fold

    desk = PolicyDesk(
        ground.store,
        name=turns.learner.name,
        makers=makers(ground.settings, turns.personas, ground.store),
        fold=fold,
        clock=ground.clock,
        snapshots_kept=ground.settings.policy_snapshots_kept,
    )
    return Policies(desk, learner_of)


def _versions(ground: Ground, turns: Turns) -> Versions:
    settings = ground.settings

    def rollout(gated: bool, labelled: Sequence[Labelled]) -> Rollout:
        models = turns.models
        return rollout_of(models.catalogue, models.standard, settings.intents if gated else None, labelled)

    return Versions(
        models=turns.models,
        rollout=rollout,
        labelled=lambda: labelled_turns(ground.store),
        roster=lambda: turns.fleet.roster,
        live=turns.live,
        figures=turns.figures.fresh,
        signals=ground.signals,
    )
