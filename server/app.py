"""The composition root: the only place that names concrete back ends and reads YAML. Everything below takes values."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import structlog
import yaml
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp
from ulid import ULID

from adapters.features import FEATURE_NAMES
from adapters.personas import Persona, PersonaError, parse_personas
from adapters.policies import Policy, make_policy
from adapters.priors import warm_start
from adapters.rewards import RewardWeights
from inference.engine import Engine
from inference.errors import ModelError
from inference.pack import Pack, load_pack
from server import __version__
from server.backplane.connect import connect_backplane
from server.chat.access import METRICS_CHANNEL, QUEUE_CHANNEL
from server.chat.accounts import Accounts
from server.chat.administration import Administration
from server.chat.claims import ClaimKeeper
from server.chat.connected import Connected
from server.chat.conversations import ConversationVerbs
from server.chat.figures import Figures
from server.chat.handoff import HandoffVerbs
from server.chat.learning import Learner
from server.chat.memory import Memories
from server.chat.messages import Messages
from server.chat.notices import Notices
from server.chat.presence import PresenceVerbs
from server.chat.queue import Queue
from server.chat.quotas import Doorkeeper, Quotas
from server.chat.receipts import Receipts
from server.chat.runner import TurnRunner
from server.chat.service import Chat, Verb
from server.chat.signals import Removed, Signals, TurnsLeft
from server.chat.turn import Bot
from server.chat.typists import TypingVerbs
from server.chat.writer import BuiltInWriter, PhraseBook, PhraseError, parse_phrases
from server.clock import Clock
from server.errors import StartupError, Unavailable
from server.fanout.hub import Fanout
from server.limits import Quota
from server.settings import Settings
from server.store.group import CommitReport
from server.store.ports import RewardEvent
from server.store.sql import SqlStore
from server.telemetry import Metrics, process_usage
from server.tokens import Tokens
from server.transport.connection import ConnectionLimits
from server.transport.gate import Gate
from server.transport.http.desk import Desk
from server.transport.http.documents import document_routes
from server.transport.http.health import health_routes
from server.transport.http.lazy import Lazily, rest_routes
from server.transport.http.pages import SecureHeaders, page_routes
from server.transport.websocket import Doorman, WebSocketEndpoint
from server.wire import requests
from server.wire.frames import Message
from server.wire.parts import User

# Conversations whose memory stays at hand (about 4 KiB each); others are read from the ledger again.
MAX_MEMORIES = 20_000

# How long /readyz trusts its last proof.
READY_FOR_MS = 1_000
# libyaml reads the phrases in 40 ms; PyYAML's own loader, for where that is missing, takes ten times as long.
_YAML_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

_log = structlog.get_logger(__name__)


def new_id() -> str:
    """A ULID."""
    return str(ULID())


def read_yaml(path: Path) -> Any:
    """A YAML file's content; ``StartupError`` names the file and the line."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_YAML_LOADER)  # noqa: S506  (a safe one, see above)
    except OSError as error:
        raise StartupError(f"{path} can't be read: {error.strerror}.", "Correct the path in the settings.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StartupError(f"{path} is no valid YAML: {error}", "Mend the line named above.") from error


def read_personas(path: Path) -> tuple[Persona, ...]:
    """``StartupError`` says which persona is wrong, and how."""
    try:
        return parse_personas(read_yaml(path), path.name)
    except PersonaError as error:
        raise StartupError(str(error)) from error


def read_phrases(folder: Path) -> PhraseBook:
    """``StartupError`` says which phrase is wrong, and how."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise StartupError(f"{folder} holds no phrases (*.yaml).", "Correct phrases_dir in the settings.")
    try:
        return parse_phrases({file.name: read_yaml(file) for file in files})
    except PhraseError as error:
        raise StartupError(str(error)) from error


def build_policy(settings: Settings, personas: tuple[Persona, ...]) -> Policy:
    """The policy of the settings, leaning to the personas that suit a mood; every start draws anew."""
    arms = tuple(persona.name for persona in personas)
    seed = int(np.random.SeedSequence().entropy % 2**32)  # type: ignore[operator]
    parameters = {"alpha": settings.policy_alpha, "floor": settings.policy_floor} if settings.policy == "linucb" else {}
    try:
        policy = make_policy(settings.policy, arms=arms, dim=len(FEATURE_NAMES), seed=seed, **parameters)
    except ValueError as error:
        raise StartupError(f"The policy can't be made: {error}", "Correct the policy settings.") from error
    warm_start(policy, {persona.name: persona.traits for persona in personas})
    return policy


@dataclass(frozen=True, slots=True)
class Contents:
    """What the server says and knows, read from files."""

    personas: tuple[Persona, ...]
    writer: BuiltInWriter
    weights: RewardWeights
    pack: Pack


def read_contents(settings: Settings) -> Contents:
    """``StartupError`` names the file that is wrong, and what to do."""
    with ThreadPoolExecutor(1) as beside:  # the model is verified and opened while the rest is read
        loading = beside.submit(load_pack, settings.model_path)
        personas = read_personas(settings.personas_path)
        writer = BuiltInWriter(read_phrases(settings.phrases_path))
        try:
            return Contents(personas, writer, RewardWeights.of(settings.reward_weights), loading.result())
        except (ValueError, ModelError) as error:
            raise StartupError(str(error)) from error


def quotas(settings: Settings) -> Quotas:
    """What users and addresses may do in a time."""
    if settings.limits == "off":
        return Quotas()

    def per_second(name: str, rate: float, seconds: int) -> Quota:
        return Quota.per_second(name, rate, burst=max(1, round(rate * seconds)))

    def per_minute(name: str, rate: float) -> Quota:
        return Quota.per_minute(name, rate, burst=max(1, round(rate)))

    return Quotas(
        messages=per_second("messages", settings.messages_per_second, 10),
        opens=per_minute("opens", settings.opens_per_minute),
        requests=per_second("requests", settings.requests_per_second, 10),
        failed_tokens=per_minute("failed_tokens", settings.failed_tokens_per_minute),
        frames=per_second("frames", settings.frames_per_second, 4),
        connections_per_user=settings.connections_per_user,
        connections_per_address=settings.connections_per_address,
    )


class App:
    """One worker: every part of the house, wired."""

    def __init__(self, settings: Settings, *, clock: Clock, rng: random.Random) -> None:
        contents = read_contents(settings)
        self.settings = settings
        self.metrics = Metrics()
        self.worker = new_id()
        self._clock = clock
        self._rng = rng
        self.store = self._store()
        self.engine = Engine(
            contents.pack,
            clock=time.perf_counter_ns,
            cache_entries=settings.analysis_cache_entries,
            max_waiting=settings.analysis_max_waiting,
        )
        self.metrics.watch_engine(self.engine)
        self.signals = Signals()
        backplane, self.registry, self.limiter = connect_backplane(
            settings.redis_url, self.worker, clock=clock, rng=rng, prefix=settings.redis_prefix
        )
        self.fanout = Fanout(
            self.store,
            backplane,
            self.metrics.delivered,
            self.signals.receive,
            on_message=self._published,
            on_reconnect=self.metrics.backplane_reconnects.inc,
        )
        self.signals.connect(self.fanout)
        self.queue = Queue(
            store=self.store,
            fanout=self.fanout,
            signals=self.signals,
            clock=clock,
            on_length=self.metrics.queue_length.set,
        )
        self.figures = Figures(
            worker=self.worker,
            fanout=self.fanout,
            signals=self.signals,
            totals=self.metrics.totals,
            usage=process_usage,
            clock=clock,
        )
        self.typing = TypingVerbs(store=self.store, fanout=self.fanout, signals=self.signals, clock=clock)
        self.presence = PresenceVerbs(
            store=self.store,
            registry=self.registry,
            fanout=self.fanout,
            signals=self.signals,
            clock=clock,
            worker=self.worker,
            on_absent=self.typing.stop,
        )
        self.metrics.registry_up.set_function(lambda: float(not self.presence.attendance.is_away))
        self.connected = Connected()
        self.doorkeeper = Doorkeeper(self.limiter, quotas(settings), clock, self.metrics.limited)
        self.accounts = Accounts(store=self.store, signals=self.signals, connected=self.connected, clock=clock)
        self.learner = Learner(
            store=self.store,
            policy=build_policy(settings, contents.personas),
            name=settings.policy,
            combine=contents.weights.combine,
            signals=self.signals,
            clock=clock,
            on_reward=self._rewarded,
        )
        self.bot = self._bot(contents)
        self.turns = TurnRunner(
            store=self.store,
            answer=self.bot.answer,
            worker=self.worker,
            lease_ms=settings.turn_lease_ms,
            max_running=settings.max_open_turns,
            sole_worker=not settings.shares_database,
        )
        self.signals.on(TurnsLeft, self.turns.on_turns_left)
        self.gate = Gate(
            Tokens.from_settings(settings),
            settings.guests_allowed,
            settings.token_ttl_s,
            clock,
            new_id,
            self.doorkeeper,
        )
        self.endpoint = self._endpoint()
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self._ready_ms = float("-inf")

    def _store(self) -> SqlStore:
        settings = self.settings
        return SqlStore(
            settings.effective_database_url,
            clock=self._clock,
            new_id=new_id,
            group_max=settings.group_commit_max,
            group_wait_ms=settings.group_commit_wait_ms,
            timeout_s=settings.store_timeout_ms / 1000,
            observe=self._committed,
        )

    def _bot(self, contents: Contents) -> Bot:
        return Bot(
            store=self.store,
            fanout=self.fanout,
            engine=self.engine,
            learner=self.learner,
            writer=contents.writer,
            personas=contents.personas,
            memories=Memories(MAX_MEMORIES),
            identity=User(id="bot", kind="bot", name=self.settings.bot_name),
            clock=self._clock,
            rng=self._rng,
            new_id=new_id,
            metrics=self.metrics,
            analysis_timeout_s=self.settings.analysis_timeout_ms / 1000,
            silence_ms=self.settings.silence_ms,
            sole_worker=not self.settings.shares_database,
        )

    def _committed(self, report: CommitReport) -> None:
        if report.committed:
            self.metrics.commit(report.operations, report.commit_ms / 1000)

    def _published(self, message: Message) -> None:
        self.metrics.messages.inc()
        self.queue.on_message(message)

    def _rewarded(self, event: RewardEvent) -> None:
        self.metrics.rewards.inc()
        self.figures.rewarded(event)

    def _chat(self) -> Chat:
        settings, clock = self.settings, self._clock
        messages = Messages(
            store=self.store,
            fanout=self.fanout,
            signals=self.signals,
            bot=self.bot,
            submit_turn=self.turns.submit,
            clock=clock,
            new_id=new_id,
            doorkeeper=self.doorkeeper,
            worker=self.worker,
            lease_ms=settings.turn_lease_ms,
        )
        conversations = ConversationVerbs(
            store=self.store,
            signals=self.signals,
            messages=messages,
            bot=self.bot,
            members_changed=self.presence.members_changed,
            doorkeeper=self.doorkeeper,
            clock=clock,
            new_id=new_id,
        )
        notices = Notices(
            store=self.store,
            fanout=self.fanout,
            signals=self.signals,
            connected=self.connected,
            clock=clock,
            new_id=new_id,
        )
        people = HandoffVerbs(
            store=self.store,
            messages=messages,
            bot=self.bot,
            members_changed=self.presence.members_changed,
            metrics=self.metrics,
            clock=clock,
            new_id=new_id,
        )
        self.claims = self._claim_keeper(messages)
        receipts = Receipts(store=self.store, fanout=self.fanout, clock=clock)
        verbs: dict[type[requests.Incoming], Verb] = {
            requests.Feedback: messages.feedback,
            requests.Conversations: conversations.conversations,
            requests.Members: conversations.members,
            requests.Resolve: conversations.resolve,
            requests.Rate: conversations.rate,
            requests.Handoff: people.handoff,
            requests.Claim: people.claim,
            requests.Release: people.release,
            requests.MarkSeen: notices.see,
            requests.MarkReceipt: receipts.mark,
            requests.SetPresence: self.presence.set,
            requests.Who: self.presence.who,
            requests.SetTyping: self.typing.set,
        }
        self.desk = self._desk(messages, conversations, notices, verbs)
        chat = Chat(
            store=self.store,
            fanout=self.fanout,
            connected=self.connected,
            messages=messages,
            conversations=conversations,
            doorkeeper=self.doorkeeper,
            accounts=self.accounts,
            presence=self.presence,
            notices=notices,
            verbs=verbs,
            snapshots={QUEUE_CHANNEL: self.queue.snapshot, METRICS_CHANNEL: self.figures.snapshot},
            clock=clock,
            explain=settings.explain_shown,
            ping_interval_ms=settings.ping_interval_ms,
            max_message_bytes=settings.max_message_bytes,
        )
        self.signals.on(Removed, lambda word: self._spawn(chat.evict(word.channel, frozenset(word.user_ids))))
        return chat

    def _claim_keeper(self, messages: Messages) -> ClaimKeeper:
        return ClaimKeeper(
            store=self.store,
            registry=self.registry,
            connected=self.connected,
            messages=messages,
            metrics=self.metrics,
            clock=self._clock,
            new_id=new_id,
            absence_ms=self.settings.claim_absence_ms,
        )

    def _desk(
        self,
        messages: Messages,
        conversations: ConversationVerbs,
        notices: Notices,
        verbs: Mapping[type[requests.Incoming], Verb],
    ) -> Desk:
        administration = Administration(
            store=self.store,
            accounts=self.accounts,
            notices=notices,
            fanout=self.fanout,
            standings=self.presence.standings.of,
            tokens=self.gate.tokens,
            clock=self._clock,
        )
        return Desk(
            authenticate=self.gate.authenticate,
            doorkeeper=self.doorkeeper,
            accounts=self.accounts,
            messages=messages,
            conversations=conversations,
            notices=notices,
            administration=administration,
            verbs=verbs,
            explain=self.settings.explain_shown,
        )

    def _endpoint(self) -> WebSocketEndpoint:
        settings = self.settings
        clock = self._clock
        chat = self._chat()
        return WebSocketEndpoint(
            chat=chat,
            clock=clock,
            metrics=self.metrics,
            limits=ConnectionLimits(
                settings.connect_timeout_ms, settings.outbox_max_bytes, self.doorkeeper.quotas.frames
            ),
            doorkeeper=self.doorkeeper,
            doorman=Doorman(
                frozenset(origin.rstrip("/").lower() for origin in settings.allowed_origins), settings.is_local
            ),
            authenticate=self.gate.authenticate,
            new_id=new_id,
            rng=self._rng,
        )

    def asgi(self) -> Starlette:
        """The routes: the WebSocket first and past everything else, pages, documents, health, REST."""
        return Starlette(
            routes=[
                WebSocketRoute("/ws", self.endpoint),
                *page_routes(),
                *document_routes(),
                *health_routes(self._ready, self.metrics, self.settings.metrics_networks),
                *rest_routes(Lazily(self._rest)),
            ],
            middleware=[Middleware(SecureHeaders)],
        )

    def _rest(self) -> ASGIApp:
        from server.transport.http.api import build_api  # late: see Lazily

        return build_api(
            self.desk,
            version=__version__,
            allowed_origins=self.settings.allowed_origins,
            max_body_bytes=self.settings.max_message_bytes,
        )

    async def _ready(self) -> None:
        if self._draining:
            raise Unavailable("the server is draining")
        now_ms = self._clock.mono_ms()
        if now_ms - self._ready_ms > READY_FOR_MS:  # the proof is a write, and anybody may ask
            await self.store.ping()
            self._ready_ms = now_ms

    async def start(self) -> None:
        """Open the ledger, replay the policy, take over what was left unanswered."""
        await self.store.start()
        await self.fanout.start()
        await self.learner.start()
        await self.turns.start()
        self._spawn(self.bot.watch_silence())
        self._spawn(self.accounts.watch())
        self._spawn(self.learner.follow())
        self._spawn(self.queue.keep())
        self._spawn(self.claims.keep())
        self._spawn(self.figures.keep())
        self._spawn(self.presence.run())
        self._spawn(self.typing.run())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self) -> None:
        """Say goodbye to every connection, while the turns under way go on."""
        self._draining = True
        await self.endpoint.drain(self.settings.drain_ms)

    async def close(self) -> None:
        """End the turns under way, commit what waits, release everything."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.turns.close(self.settings.drain_ms / 1000)
        await self.presence.close()
        await self.fanout.close()
        await self.engine.close()
        await self.store.close()
