"""What answers customers: the model, the policy that learns, the bot, and who answers which turn when."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from inference.engine import Engine
from server.chat.doubts import DoubtRule
from server.chat.learning import Learner
from server.chat.memory import Memories
from server.chat.runner import TurnRunner
from server.chat.signals import TurnsLeft
from server.chat.turn import Bot
from server.contents import Contents, build_policy
from server.store.ports import RewardEvent
from server.wire.parts import User
from server.wiring.ground import Ground, new_id
from server.wiring.teaching import Teaching


@dataclass(frozen=True, slots=True)
class Turns:
    """``runner`` decides when ``bot`` answers, which asks ``engine`` and ``learner``.

    ``teaching`` watches the user's own intents, where there are some; ``known_intents`` tells the names of those that
    are understood now.
    """

    engine: Engine
    learner: Learner
    bot: Bot
    runner: TurnRunner
    teaching: Teaching | None
    known_intents: Callable[[], Collection[str]]


def prepare_turns(ground: Ground, contents: Contents, *, on_reward: Callable[[RewardEvent], None]) -> Turns:
    """``on_reward`` gets each reward that the policy learns, and ``metrics`` count it."""
    engine = _engine(ground, contents)
    learner = _learner(ground, contents, on_reward)
    bot = _bot(ground, contents, engine, learner)
    runner = _runner(ground, bot)
    ground.signals.on(TurnsLeft, runner.on_turns_left)
    teaching = _teaching(ground, contents, engine, bot)
    of_model = contents.pack.manifest.heads.intent.labels
    return Turns(engine, learner, bot, runner, teaching, lambda: of_model if teaching is None else teaching.labels)


def _teaching(ground: Ground, contents: Contents, engine: Engine, bot: Bot) -> Teaching | None:
    path, intents = ground.settings.intents, contents.intents
    if path is None or intents is None:
        return None
    return Teaching(path, intents, contents.phrases, engine=engine, bot=bot)


def _engine(ground: Ground, contents: Contents) -> Engine:
    engine = Engine(
        contents.pack,
        clock=time.perf_counter_ns,
        cache_entries=ground.settings.analysis_cache_entries,
        max_waiting=ground.settings.analysis_max_waiting,
        products=contents.products,
        intents=contents.intents,
    )
    ground.metrics.watch_engine(engine)
    return engine


def _learner(ground: Ground, contents: Contents, on_reward: Callable[[RewardEvent], None]) -> Learner:
    def learned(event: RewardEvent) -> None:
        ground.metrics.rewards.inc()
        on_reward(event)

    return Learner(
        store=ground.store,
        policy=build_policy(ground.settings, contents.personas),
        name=ground.settings.policy,
        combine=contents.weights.combine,
        signals=ground.signals,
        clock=ground.clock,
        on_reward=learned,
    )


def _bot(ground: Ground, contents: Contents, engine: Engine, learner: Learner) -> Bot:
    settings = ground.settings
    return Bot(
        store=ground.store,
        fanout=ground.fanout,
        engine=engine,
        learner=learner,
        writer=contents.writer,
        personas=contents.personas,
        memories=Memories(settings.conversations_in_memory),
        identity=User(id="bot", kind="bot", name=settings.bot_name),
        clock=ground.clock,
        rng=ground.rng,
        new_id=new_id,
        metrics=ground.metrics,
        analysis_timeout_s=settings.analysis_timeout_ms / 1000,
        silence_ms=settings.silence_ms,
        sole_worker=not settings.shares_database,
        doubts=DoubtRule(settings.inbox_confidence, settings.inbox_out_of_scope) if settings.inbox_items else None,
    )


def _runner(ground: Ground, bot: Bot) -> TurnRunner:
    settings = ground.settings
    return TurnRunner(
        store=ground.store,
        answer=bot.answer,
        worker=ground.worker,
        lease_ms=settings.turn_lease_ms,
        max_running=settings.max_open_turns,
        sole_worker=not settings.shares_database,
    )
