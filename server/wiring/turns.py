"""What answers customers: the model, the policy that learns, the bot, and who answers which turn when."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.personas import Persona
from adapters.policies import Policy
from inference.registry.fleet import Fleet
from inference.registry.live import Live
from server.chat.apprentice import Apprentice
from server.chat.asked_for import AskedFor
from server.chat.choosing import Choosing
from server.chat.constraints import Constraints
from server.chat.credit import Credit
from server.chat.doubts import DoubtRule
from server.chat.joining import RewardJoin
from server.chat.knowledge import Knowledge
from server.chat.language.ports import AS_WRITTEN
from server.chat.learning import Learner
from server.chat.memory import Memories
from server.chat.model_figures import ModelFigures
from server.chat.overhearing import Overhearing
from server.chat.reactions import Reactions
from server.chat.recollection import Recollection
from server.chat.replies import Replies
from server.chat.runner import TurnRunner
from server.chat.signals import ModelsMoved, TurnsLeft
from server.chat.treatments import Abilities
from server.chat.trials import Trials
from server.chat.turn import Bot
from server.chat.understanding import Understanding
from server.chat.variant_policies import VariantPolicies
from server.chat.versions import roles
from server.chat.voice import Voice
from server.contents import Contents, catalogue_of, standard_version
from server.store.policy_ports import PolicyMode
from server.store.ports import RewardEvent
from server.wire.parts import User
from server.wiring.engines import EngineMaker
from server.wiring.ground import Ground, new_id
from server.wiring.knowledge import prepare_knowledge
from server.wiring.language import author_of
from server.wiring.models import Models
from server.wiring.policies import SettingsMaker
from server.wiring.preparing import Preparer, from_catalogue
from server.wiring.teaching import Teaching
from server.wiring.trials import abilities, prepare_trials, relief_of, variant_policies

if TYPE_CHECKING:
    from server.chat.language.author import Author


@dataclass(frozen=True, slots=True)
class Turns:
    """``runner`` decides when ``bot`` answers, which asks ``fleet`` and ``learner``, and speaks with ``voice``;
    ``reactions`` hear what follows.

    ``models`` watches which versions of the model are to be in use, ``live`` counts what they do here and ``figures``
    tells what they do on all workers; ``teaching`` watches the user's own intents, where there are some;
    ``policy_maker`` makes policies as the settings say; ``known_intents`` tells the names of the intents that are
    understood now; ``personas`` are those among which the policy chooses;
    ``overhearing`` reads what no bot answers. ``trials`` are the experiments that act on turns, ``variant_policies``
    what learns in them, ``can`` what they may change. ``knowledge`` is the user's own, ``author`` asks a language
    model.
    """

    fleet: Fleet
    live: Live
    figures: ModelFigures
    models: Models
    policy_maker: SettingsMaker
    learner: Learner
    bot: Bot
    voice: Voice
    reactions: Reactions
    runner: TurnRunner
    overhearing: Overhearing
    teaching: Teaching | None
    known_intents: Callable[[], Collection[str]]
    personas: tuple[Persona, ...]
    trials: Trials
    variant_policies: VariantPolicies
    can: Abilities
    knowledge: Knowledge
    author: Author | None


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
    figures = ModelFigures(live, ground.store, ground.clock)
    ground.metrics.watch_models(lambda: roles(fleet.roster), live.figures, lambda: figures.figures)
    policy_maker = SettingsMaker(ground.settings, contents.personas)
    learner = _learner(ground, contents, ground.settings.policy, policy_maker, on_reward=on_reward, policy=policy)
    policies = variant_policies(
        ground.settings, contents.personas, lambda log, maker: _learner(ground, contents, log, maker, mode="live")
    )
    learner.on_elsewhere(policies.take)

    def known_intents() -> Collection[str]:
        return fleet.roster.champion.manifest.heads.intent.labels if teaching is None else teaching.labels

    can = abilities(ground.settings, contents.personas, known_intents)
    trials = prepare_trials(ground, can, _identity(ground), policies)
    knowledge = prepare_knowledge(ground, fleet, contents.phrases)
    author = author_of(ground, contents, fleet)
    if author is not None:
        knowledge.on_change(author.forget)
    voice = Voice(writer=contents.writer, personas=contents.personas, mood_rules=contents.mood_rules, rng=ground.rng)
    learner.on_personas(voice.speak_as)
    choosing = _choosing(ground, contents, learner, trials)
    recollection = _recollection(ground, choosing)
    reactions = _reactions(ground, fleet, learner, recollection)
    bot = Bot(
        store=ground.store,
        fanout=ground.fanout,
        recollection=recollection,
        understanding=_understanding(ground, fleet, knowledge),
        trials=trials,
        choosing=choosing,
        voice=ground.tracing.around("voice", voice),
        replies=_replies(ground, trials),
        reactions=reactions,
        knowledge=knowledge,
        clock=ground.clock,
        metrics=ground.metrics,
        author=ground.tracing.around("author", author) or AS_WRITTEN,
    )
    asked_for = AskedFor(bot, voice, reactions, relief_of(ground, _identity(ground)))
    runner = _runner(ground, asked_for)
    ground.signals.on(TurnsLeft, runner.on_turns_left)
    teaching = _teaching(ground, contents, fleet, voice)
    models = _models(ground, contents, fleet, maker, teaching)
    overhearing = Overhearing(
        analyser=fleet, fanout=ground.fanout, timeout_s=ground.settings.analysis_timeout_ms / 1000
    )
    return Turns(
        fleet=fleet,
        live=live,
        figures=figures,
        models=models,
        policy_maker=policy_maker,
        learner=learner,
        bot=bot,
        voice=voice,
        reactions=reactions,
        runner=runner,
        overhearing=overhearing,
        teaching=teaching,
        known_intents=known_intents,
        personas=contents.personas,
        trials=trials,
        variant_policies=policies,
        can=can,
        knowledge=knowledge,
        author=author,
    )


def _teaching(ground: Ground, contents: Contents, fleet: Fleet, voice: Voice) -> Teaching | None:
    path, intents = ground.settings.intents, contents.intents
    if path is None or intents is None:
        return None
    return Teaching(
        path, intents, contents.phrases, engine=fleet, voice=voice, default_language=ground.settings.default_language
    )


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
    ground: Ground,
    contents: Contents,
    name: str,
    maker: SettingsMaker,
    *,
    on_reward: Callable[[RewardEvent], None] = lambda _: None,
    policy: Policy | None = None,
    mode: PolicyMode | None = None,
) -> Learner:
    """Of the log ``name``; ``mode`` None: the settings'."""
    return Learner(
        store=ground.store,
        policy=policy or maker.make(maker.personas)[0],
        name=name,
        combine=contents.weights.combine,
        signals=ground.signals,
        clock=ground.clock,
        on_reward=on_reward,
        metrics=ground.metrics,
        join=RewardJoin(
            window_ms=1_000 * ground.settings.reward_window_s,
            default=ground.settings.default_reward,
            ignore_late=ground.settings.reward_late == "ignore",
            repeats=ground.settings.reward_repeats,
        ),
        maker=None if policy else maker,
        snapshot_events=ground.settings.policy_snapshot_events,
        snapshots_kept=ground.settings.policy_snapshots_kept,
        worker=ground.worker,
        mode=mode or ground.settings.policy_mode,
    )


def _apprentice(ground: Ground, fleet: Fleet, learner: Learner) -> Apprentice | None:
    if ground.settings.policy_mode != "apprentice":
        return None
    return Apprentice(
        store=ground.store,
        analyser=fleet,
        learner=learner,
        clock=ground.clock,
        new_id=new_id,
        timeout_s=ground.settings.analysis_timeout_ms / 1000,
    )


def _identity(ground: Ground) -> User:
    return User(id="bot", kind="bot", name=ground.settings.bot_name)


def _understanding(ground: Ground, fleet: Fleet, knowledge: Knowledge) -> Understanding:
    around = ground.tracing.around
    return Understanding(
        analyser=around("engine", fleet),
        knowledge=around("knowledge", knowledge),
        store=ground.store,
        fanout=ground.fanout,
        timeout_s=ground.settings.analysis_timeout_ms / 1000,
    )


def _choosing(ground: Ground, contents: Contents, learner: Learner, trials: Trials) -> Choosing:
    return Choosing(
        store=ground.store,
        learner=ground.tracing.around("learner", learner),
        constraints=Constraints(contents.rules, by_segment=ground.settings.policy == "personal"),
        trials=ground.tracing.around("trials", trials),
        new_id=new_id,
    )


def _recollection(ground: Ground, choosing: Choosing) -> Recollection:
    return Recollection(
        store=ground.store,
        memories=Memories(ground.settings.conversations_in_memory),
        segment=choosing.segment,
        sole_worker=not ground.settings.shares_database,
    )


def _replies(ground: Ground, trials: Trials) -> Replies:
    settings = ground.settings
    return Replies(
        identity=_identity(ground),
        new_id=new_id,
        trials=trials,
        doubts=DoubtRule(settings.inbox_confidence, settings.inbox_out_of_scope) if settings.inbox_items else None,
    )


def _reactions(ground: Ground, fleet: Fleet, learner: Learner, recollection: Recollection) -> Reactions:
    settings = ground.settings
    return Reactions(
        learner=learner,
        recollection=recollection,
        clock=ground.clock,
        silence_ms=settings.silence_ms,
        credit=Credit(ground.store, learner, settings.credit_lambda) if settings.credit_lambda else None,
        apprentice=_apprentice(ground, fleet, learner),
    )


def _runner(ground: Ground, asked_for: AskedFor) -> TurnRunner:
    settings = ground.settings
    return TurnRunner(
        store=ground.store,
        answer=ground.tracing.around("bot", asked_for).answer,
        worker=ground.worker,
        lease_ms=settings.turn_lease_ms,
        max_running=settings.max_open_turns,
        sole_worker=not settings.shares_database,
    )
