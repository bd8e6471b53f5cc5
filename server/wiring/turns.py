"""What answers customers: the model, the policy that learns, the bot, and who answers which turn when."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from adapters.personas import Persona
from adapters.policies import Policy
from inference.registry.fleet import Fleet
from inference.registry.live import Live
from server.chat.doubts import DoubtRule
from server.chat.learning import Learner
from server.chat.listening import Listening
from server.chat.memory import Memories
from server.chat.runner import TurnRunner
from server.chat.signals import ModelsMoved, TurnsLeft
from server.chat.turn import Bot
from server.chat.versions import roles
from server.contents import Contents, build_policy, catalogue_of, standard_version
from server.store.ports import RewardEvent
from server.wire.parts import User
from server.wiring.engines import EngineMaker
from server.wiring.ground import Ground, new_id
from server.wiring.models import Models
from server.wiring.preparing import Preparer, from_catalogue
from server.wiring.teaching import Teaching


@dataclass(frozen=True, slots=True)
class Turns:
    """``runner`` decides when ``bot`` answers, which asks ``fleet`` and ``learner``.

    ``models`` watches which versions of the model are to be in use, ``live`` counts what they do; ``teaching`` watches
    the user's own intents, where there are some; ``known_intents`` tells the names of those that are understood now;
    ``personas`` are those among which the policy chooses; ``listening`` reads what no bot answers.
    """

    fleet: Fleet
    live: Live
    models: Models
    learner: Learner
    bot: Bot
    runner: TurnRunner
    listening: Listening
    teaching: Teaching | None
    known_intents: Callable[[], Collection[str]]
    personas: tuple[Persona, ...]


def prepare_turns(
    ground: Ground,
    contents: Contents,
    *,
    on_reward: Callable[[RewardEvent], None],
    policy: Policy | None = None,
) -> Turns:
    """``on_reward`` gets each reward that the policy learns, and ``metrics`` count it. ``policy``: in place of the
    settings' own."""
    live = Live()
    maker = EngineMaker(ground.settings, contents.products, live.observe)
    fleet = Fleet(maker.make(contents.pack, contents.intents, answers=True), tally=live.of, failed=live.failed)
    ground.metrics.watch_engine(fleet)
    ground.metrics.watch_models(lambda: roles(fleet.roster), live.figures)
    learner = _learner(ground, contents, on_reward, policy)
    bot = _bot(ground, contents, fleet, learner)
    runner = _runner(ground, bot)
    ground.signals.on(TurnsLeft, runner.on_turns_left)
    teaching = _teaching(ground, contents, fleet, bot)
    models = _models(ground, contents, fleet, maker, teaching)

    def known_intents() -> Collection[str]:
        return fleet.roster.champion.manifest.heads.intent.labels if teaching is None else teaching.labels

    listening = Listening(engine=fleet, fanout=ground.fanout, timeout_s=ground.settings.analysis_timeout_ms / 1000)
    return Turns(fleet, live, models, learner, bot, runner, listening, teaching, known_intents, contents.personas)


def _teaching(ground: Ground, contents: Contents, fleet: Fleet, bot: Bot) -> Teaching | None:
    path, intents = ground.settings.intents, contents.intents
    if path is None or intents is None:
        return None
    return Teaching(path, intents, contents.phrases, engine=fleet, bot=bot)


def _models(ground: Ground, contents: Contents, fleet: Fleet, maker: EngineMaker, teaching: Teaching | None) -> Models:
    catalogue = catalogue_of(ground.settings)
    preparer = Preparer(standard_version(ground.settings), maker, teaching, from_catalogue(catalogue))
    models = Models(
        catalogue=catalogue,
        preparer=preparer,
        fleet=fleet,
        pack=contents.pack,
        on_fault=ground.metrics.model_fault,
    )
    ground.signals.on(ModelsMoved, models.wake)
    if teaching is not None:
        teaching.on_misfit(models.retry)
    return models


def _learner(
    ground: Ground, contents: Contents, on_reward: Callable[[RewardEvent], None], policy: Policy | None
) -> Learner:
    def learned(event: RewardEvent) -> None:
        ground.metrics.rewards.inc()
        on_reward(event)

    return Learner(
        store=ground.store,
        policy=policy or build_policy(ground.settings, contents.personas),
        name=ground.settings.policy,
        combine=contents.weights.combine,
        signals=ground.signals,
        clock=ground.clock,
        on_reward=learned,
    )


def _bot(ground: Ground, contents: Contents, fleet: Fleet, learner: Learner) -> Bot:
    settings = ground.settings
    return Bot(
        store=ground.store,
        fanout=ground.fanout,
        engine=fleet,
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
        mood_rules=contents.mood_rules,
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
